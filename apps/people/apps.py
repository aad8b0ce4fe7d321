from datetime import datetime

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    """How people sign in: passwords, second factors, single sign-on, and locks after idleness."""

    name = "apps.people"
    label = "people"

    def ready(self) -> None:
        """Hear of what happens at the door, and have the old cleared away."""
        from apps.common.chores import Chore, register
        from apps.people import cache, trail

        trail.listen()
        register(Chore(name="people.forget", every_s=600.0, run=cache.forget_expired))
        register(Chore(name="people.clear_sessions", every_s=3600.0, run=_clear_sessions))


def _clear_sessions(_now: datetime) -> None:
    """Delete sessions that ran out."""
    from django.contrib.sessions.backends.db import SessionStore

    SessionStore.clear_expired()
