from django.apps import AppConfig


class RiskscoreConfig(AppConfig):
    """Risk scoring of account activity for banks."""

    name = "riskscore"
    label = "riskscore"
