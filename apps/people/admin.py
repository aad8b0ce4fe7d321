"""People for operators: to be seen, signed out, parted from. Roles are given and taken by command."""

from typing import Any

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.common.admin import ReadOnlyAdmin
from apps.common.errors import DomainError
from apps.people import sessions
from apps.people.services import reset_second_factor
from apps.tenants.models import Membership, User
from apps.tenants.people import deactivate_user, end_sessions

Rows = models.QuerySet[User]


class MembershipsInline(admin.TabularInline):  # type: ignore[type-arg]  # generic in the type stubs only
    """A person's roles."""

    model = Membership
    fields = readonly_fields = ("institution", "role", "granted_at")
    extra = 0
    can_delete = False

    def has_add_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Roles are given by command."""
        return False


@admin.register(User)
class PersonAdmin(ReadOnlyAdmin):
    """People who sign in. What is done to them here asks the operator for another code first."""

    list_display = ("username", "email", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("username", "email")
    ordering = ("username",)
    fields = ("username", "first_name", "last_name", "email", "is_active", "is_staff", "last_login", "date_joined")
    inlines = (MembershipsInline,)
    actions = ("sign_out_everywhere", "reset_second_factors", "deactivate")

    @admin.action(description=gettext_lazy("Sign out everywhere"))
    def sign_out_everywhere(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        """End every session of the chosen people."""
        return self._for_each(request, rows, end_sessions)

    @admin.action(description=gettext_lazy("Reset the second factor"))
    def reset_second_factors(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        """Let the chosen people set up another second factor."""
        return self._for_each(request, rows, reset_second_factor)

    @admin.action(description=gettext_lazy("Deactivate"))
    def deactivate(self, request: HttpRequest, rows: Rows) -> HttpResponse | None:
        """Part from the chosen people."""
        return self._for_each(request, rows, deactivate_user)

    def _for_each(self, request: HttpRequest, rows: Rows, service: Any) -> HttpResponse | None:
        if not (sessions.is_fresh(request.session) or did_recently_reauthenticate(request)):
            return redirect(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': request.get_full_path()})}")
        for person in rows.order_by("pk"):
            try:
                service(user=person, actor=f"user:{request.user.pk}", now=timezone.now())
            except DomainError as refused:
                self.message_user(request, f"{person}: {refused.detail}", messages.WARNING)
            else:
                self.message_user(request, _("%(name)s: done.") % {"name": person})
        return None
