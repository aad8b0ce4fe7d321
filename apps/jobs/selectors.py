"""Reading jobs."""

from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from apps.common.errors import NotFound
from apps.jobs import kinds
from apps.jobs.models import Job
from apps.jobs.services import OPEN


def access_job(*, job_id: UUID, institution_id: UUID) -> Job:
    """An institution's own job. Raises NotFound for a stranger's as for one that never was."""
    job = Job.objects.filter(pk=job_id, institution_id=institution_id).first()
    if job is None:
        raise NotFound(_("There is no such operation."))
    return job


def backlog() -> dict[tuple[str, str], int]:
    """How many open jobs there are, by kind and status; every registered kind is there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind, status, jobs FROM assay_backlog()")  # counts alone, past the walls
        rows = cursor.fetchall()
    none = {(kind, status.value): 0 for kind in kinds.registered() for status in OPEN}
    return none | {(kind, status): count for kind, status, count in rows}
