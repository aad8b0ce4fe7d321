from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apps.jobs.models import Job
    from apps.rpc.methods import Method

KEPT_DAYS = 5 * 365  # as long as anti-money-laundering law asks of a bank in most places; each sets its own rule
LEAST_DAYS = 28  # features look back so far


class RiskscoreConfig(AppConfig):
    """Risk scoring of account activity for banks."""

    name = "riskscore"
    label = "riskscore"

    def ready(self) -> None:
        """Say how the work of an assessment is done, what answers where it is not, and how long records are kept."""
        import rest_framework.views  # noqa: F401 - first, because what it is configured with imports it back

        from apps import retention
        from apps.batches.kinds import register as register_rows
        from apps.jobs.kinds import JobKind, register
        from apps.rpc import methods as rpc
        from riskscore import batches, services

        register(
            JobKind(
                name=services.JOB_KIND,
                task_name="riskscore.score_assessment",
                queue="inference",
                lease_s=20.0,  # what a killed worker held is done within 30 s of its death
                on_expired=services.degrade,
                result_path=result_path,
                open_bound=settings.QUEUE_BOUND,
            )
        )
        rpc.register("riskscore", _rpc_methods)
        for kind in (batches.ASSESSMENTS, batches.EVENTS):
            register_rows(kind)
        retention.register(
            retention.RecordClass(
                name="risk.records",
                default_days=KEPT_DAYS,
                least_days=LEAST_DAYS,
                purge=services.purge_risk_records,
                erase=services.erase_account,
            )
        )


def _rpc_methods() -> "Iterable[Method]":
    from riskscore.rpc.scoring import methods

    return methods()


def result_path(job: "Job") -> str:
    """Where the result of an assessment's job is."""
    return f"/api/v1/risk/assessments/{job.subject_id}"
