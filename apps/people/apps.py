from django.apps import AppConfig


class PeopleConfig(AppConfig):
    """How people sign in: passwords, second factors, single sign-on, and locks after idleness."""

    name = "apps.people"
    label = "people"
