"""What people do in an institution, and what that allows. One table, read by everybody who asks."""

from enum import StrEnum
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

BANK, HOSPITAL = "bank", "hospital"


class Role(StrEnum):
    """A person's task. All but the operator's belong to one institution."""

    ANALYST = "analyst"
    CLINICIAN = "clinician"
    SUPERVISOR = "supervisor"
    MODEL_RISK = "model-risk"
    ADMIN = "admin"
    OPERATOR = "operator"  # of the installation itself; sees no institution's records


class Permission(StrEnum):
    """Something a person may do."""

    RECORDS_READ = "records.read"
    CASES_WORK = "cases.work"
    CASES_APPROVE = "cases.approve"
    POLICIES_READ = "policies.read"
    POLICIES_WRITE = "policies.write"
    MODELS_READ = "models.read"
    MODELS_APPROVE = "models.approve"
    AUDIT_READ = "audit.read"
    PEOPLE_MANAGE = "people.manage"
    CLIENTS_MANAGE = "clients.manage"
    INSTALLATION_OPERATE = "installation.operate"


NAMES: "dict[Role, _StrPromise]" = {
    Role.ANALYST: _("Analyst"),
    Role.CLINICIAN: _("Clinician"),
    Role.SUPERVISOR: _("Supervisor"),
    Role.MODEL_RISK: _("Model risk"),
    Role.ADMIN: _("Administrator"),
    Role.OPERATOR: _("Operator"),
}

ROLES_OF_KIND: dict[str, frozenset[Role]] = {
    BANK: frozenset({Role.ANALYST, Role.SUPERVISOR, Role.MODEL_RISK, Role.ADMIN}),
    HOSPITAL: frozenset({Role.CLINICIAN, Role.SUPERVISOR, Role.MODEL_RISK, Role.ADMIN}),
}

OF_AN_INSTITUTION = [(role.value, NAMES[role]) for role in Role if role is not Role.OPERATOR]

_WORK = frozenset({Permission.RECORDS_READ, Permission.CASES_WORK, Permission.POLICIES_READ})

ALLOWED: dict[Role, frozenset[Permission]] = {
    Role.ANALYST: _WORK,
    Role.CLINICIAN: _WORK,
    Role.SUPERVISOR: _WORK | {Permission.CASES_APPROVE, Permission.POLICIES_WRITE, Permission.AUDIT_READ},
    Role.MODEL_RISK: frozenset(
        {Permission.POLICIES_READ, Permission.MODELS_READ, Permission.MODELS_APPROVE, Permission.AUDIT_READ}
    ),
    Role.ADMIN: frozenset({Permission.PEOPLE_MANAGE, Permission.CLIENTS_MANAGE, Permission.AUDIT_READ}),
    Role.OPERATOR: frozenset({Permission.INSTALLATION_OPERATE}),
}

SECOND_FACTOR = frozenset({Role.SUPERVISOR, Role.ADMIN, Role.OPERATOR})  # who never works on a password alone


def roles_of_kind(kind: str) -> list[str]:
    """The roles there are in a bank or a hospital, by name.

    >>> roles_of_kind("bank")
    ['admin', 'analyst', 'model-risk', 'supervisor']
    """
    return sorted(role.value for role in ROLES_OF_KIND[kind])


def permissions(roles: frozenset[Role]) -> frozenset[Permission]:
    """Everything that these roles allow together.

    >>> sorted(permission.value for permission in permissions(frozenset({Role.ADMIN})))
    ['audit.read', 'clients.manage', 'people.manage']
    """
    return frozenset[Permission]().union(*(ALLOWED[role] for role in roles))
