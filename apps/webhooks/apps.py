from django.apps import AppConfig

LEASE_S = 45.0  # an exchange takes 20 s at most, and the look-up of a name some seconds


class WebhooksConfig(AppConfig):
    """Telling an institution's systems of what happened, signed, and until they have heard it."""

    name = "apps.webhooks"
    label = "webhooks"

    def ready(self) -> None:
        """Say how deliveries are worked on, and read the operator's receivers now rather than at the first one."""
        from django.conf import settings

        from apps.jobs.kinds import JobKind, register
        from apps.retention.classes import register as register_class
        from apps.webhooks import addresses, retention, schedule, services

        addresses.trusted_origins(tuple(settings.WEBHOOK_HOSTS))
        register_class(retention.DELIVERIES)
        register(
            JobKind(
                name=services.JOB_KIND,
                task_name="webhooks.deliver",
                queue="default",
                lease_s=LEASE_S,
                on_expired=services.give_up,
                max_attempts=schedule.MOST_ATTEMPTS,
                backoff_s=schedule.plain_retry_s,
            )
        )
