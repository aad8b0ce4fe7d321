"""The administration, with its own front door bricked up."""

from django.contrib.admin.apps import AdminConfig


class AdministrationConfig(AdminConfig):
    """Django's administration on a site that asks for a second factor."""

    default_site = "apps.people.site.AdministrationSite"
