"""An operation as the REST API shows it."""

from rest_framework import serializers

from apps.jobs import kinds
from apps.jobs.models import Job


class OperationLinks(serializers.Serializer[Job]):
    """Where to go from an operation: to itself, and to what came of it."""

    self = serializers.SerializerMethodField(help_text="This operation.")
    result = serializers.SerializerMethodField(
        help_text="What came of it; null while it is under way, and when it was cancelled."
    )

    def get_self(self, job: Job) -> str:
        """The operation's own address."""
        return f"/api/v1/operations/{job.pk}"

    def get_result(self, job: Job) -> str | None:
        """Address of what came of it."""
        path = kinds.get(job.kind).result_path
        answered = job.status in Job.TERMINAL and job.status != Job.Status.CANCELLED
        return path(job) if path is not None and answered else None


class Operation(serializers.ModelSerializer[Job]):
    """Work that Assay has promised and may still be doing."""

    kind = serializers.CharField(help_text="What kind of work, e.g. `risk.assessment`.")
    error_code = serializers.CharField(help_text="Why the last attempt, or the whole, failed; empty if nothing did.")
    links = OperationLinks(source="*", read_only=True)

    class Meta:
        model = Job
        fields = (
            "id",
            "kind",
            "status",
            "attempts",
            "created_at",
            "started_at",
            "finished_at",
            "deadline_at",
            "error_code",
            "links",
        )
        read_only_fields = fields
