from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """Telling institutions' own systems what happened: signed, retried, logged."""

    name = "apps.webhooks"
    label = "webhooks"
