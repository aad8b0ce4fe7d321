from django.apps import AppConfig


class OauthConfig(AppConfig):
    """OAuth 2.0 for machines: client credentials, and assertions signed by a client's own key."""

    name = "apps.oauth"
    label = "oauth"

    def ready(self) -> None:
        """Have ended tokens and used assertions deleted every so often."""
        from apps.common.chores import Chore, register
        from apps.oauth.services import purge

        register(Chore(name="oauth.purge", every_s=600.0, run=purge))
