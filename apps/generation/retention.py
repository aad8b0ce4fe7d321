"""How long prompts and texts are kept."""

from django.db import transaction

from apps.generation.models import Generation
from apps.jobs.models import Job
from apps.retention.classes import Purge, RecordClass


@transaction.atomic
def purge(due: Purge) -> int:
    """Delete generations that are due, with their jobs.

    Nobody can say whom a free text is about, so that a legal hold on an account or a patient keeps their records
    and not the prompts that were made of them; and the time is short.
    """
    owned = Generation.objects.filter(institution_id=due.institution_id, created_at__lt=due.before)
    ended = owned.filter(job__status__in=Job.TERMINAL)
    found = list(ended.order_by("created_at").values_list("pk", "job_id")[: due.limit])
    Generation.objects.filter(institution_id=due.institution_id, pk__in=[pk for pk, _job in found]).delete()
    Job.objects.filter(institution_id=due.institution_id, pk__in=[job_id for _pk, job_id in found]).delete()
    return len(found)


TEXTS = RecordClass(name="generation.texts", default_days=7, purge=purge)
