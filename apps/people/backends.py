"""What Django asks about people: is this the password, and may they open this page of the administration."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend


class PeopleBackend(AuthenticationBackend):  # type: ignore[misc]
    """Sign-in by user name or address; operators may look at the administration and edit nothing by hand."""

    def has_perm(self, user_obj: Any, perm: str, _obj: Any = None) -> bool:
        """Whether an operator may look. What changes anything goes through a service, not through a form."""
        return self.has_module_perms(user_obj, "") and perm.partition(".")[2].startswith("view_")

    def has_module_perms(self, user_obj: Any, _app_label: str) -> bool:
        """Whether somebody is an operator."""
        return bool(user_obj.is_active and user_obj.is_staff)
