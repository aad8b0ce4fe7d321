from django.apps import AppConfig


class OauthConfig(AppConfig):
    """OAuth 2.0 for machines: client credentials, and assertions signed by a client's own key."""

    name = "apps.oauth"
    label = "oauth"
