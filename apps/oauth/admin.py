"""OAuth clients and tokens for operators: made and ended by services, shown without anything that opens."""

from django.contrib import admin

from apps.common.admin import ReadOnlyAdmin


class ApplicationAdmin(ReadOnlyAdmin):
    """What machine clients prove themselves by; registered in the admin by the library."""

    list_display = ("api_client", "institution", "proof", "jwks_uri", "created")
    list_filter = ("proof", "institution")
    list_select_related = ("api_client", "institution")
    fields = ("api_client", "client_id", "institution", "proof", "jwks", "jwks_uri", "jwks_read_at", "created")
    ordering = ("-created",)


class AccessTokenAdmin(ReadOnlyAdmin):
    """Which tokens were issued lately."""

    list_display = ("application", "institution", "scope", "created", "expires", "revoked_at")
    list_filter = ("institution",)
    list_select_related = ("application", "institution")
    fields = ("application", "institution", "scope", "created", "expires", "revoked_at")
    ordering = ("-created",)


# The library registers its models when its admin is imported: ours with the classes above, and its own for flows
# of people that are not offered here.
from oauth2_provider import admin as library  # noqa: E402

for unused in (library.grant_model, library.id_token_model, library.refresh_token_model):
    admin.site.unregister(unused)
