from datetime import timedelta
from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from datetime import datetime

    from apps.jobs.models import Job

LEASE_S = 30.0  # a part takes 5 s, and holds on at every row
MOST_ATTEMPTS = 5  # in a row without any progress: a row that kills workers ends its batch
ABANDONED = timedelta(hours=1)


class BatchesConfig(AppConfig):
    """Many rows in one upload: read, done row by row as durable jobs, and given back as a results file."""

    name = "apps.batches"
    label = "batches"

    def ready(self) -> None:
        """Say how batches are worked on, and what becomes of uploads that broke off."""
        from apps.batches import retention, services
        from apps.common.chores import Chore
        from apps.common.chores import register as register_chore
        from apps.jobs.kinds import JobKind, register
        from apps.retention.classes import register as register_class

        register(
            JobKind(
                name=services.JOB_KIND,
                task_name="batches.work_on",
                queue="default",
                lease_s=LEASE_S,
                on_expired=services.give_up,
                result_path=result_path,
                max_attempts=MOST_ATTEMPTS,
            )
        )
        register_class(retention.UPLOADS)
        register_chore(Chore(name="batches.discard_abandoned", every_s=600.0, run=discard_abandoned))


def result_path(job: "Job") -> str:
    """Where what came of a batch's job is."""
    return f"/api/v1/batches/{job.subject_id}"


def discard_abandoned(now: "datetime") -> None:
    """Forget uploads that broke off an hour ago, in every institution."""
    from apps.batches import services
    from apps.common import scope
    from apps.tenants.models import Institution

    for institution_id in Institution.objects.values_list("pk", flat=True):
        with scope.entered(scope.of(institution_id)):
            services.discard_abandoned(before=now - ABANDONED)
