"""Who works where: making people known, giving and taking roles, parting from somebody at once."""

from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.common.errors import Conflict, InvalidInput
from apps.tenants.models import Institution, Membership, User, new_mark
from apps.tenants.roles import ROLES_OF_KIND, Permission, Role, permissions


class PersonKnown(Conflict):
    """Somebody signs in with this name or this address already."""

    code = "person_known"


class RoleMisplaced(InvalidInput):
    """There is no such role at this place."""

    code = "role_misplaced"


class RoleHeld(Conflict):
    """The person has this role already."""

    code = "role_held"


class RoleMissing(Conflict):
    """The person does not have this role."""

    code = "role_missing"


class AlreadyInactive(Conflict):
    """Somebody parted from this person before."""

    code = "already_inactive"


def roles_of(user: User, institution_id: UUID | None) -> frozenset[Role]:
    """What somebody does in one institution, or in the installation itself where it is None. Inactive: nothing."""
    if not user.is_active:
        return frozenset()
    if institution_id is None:
        return frozenset({Role.OPERATOR}) if user.is_staff else frozenset()
    held = Membership.objects.filter(user=user, institution_id=institution_id).values_list("role", flat=True)
    return frozenset(Role(role) for role in held)


def may(user: User, permission: Permission, *, institution_id: UUID | None) -> bool:
    """Whether somebody's roles in an institution (or in the installation, where it is None) allow something."""
    return permission in permissions(roles_of(user, institution_id))


def institutions_of(user: User) -> list[Institution]:
    """Where somebody has a role, by name."""
    return list(Institution.objects.filter(memberships__user=user).distinct().order_by("name"))


@transaction.atomic
def create_user(*, username: str, email: str = "", full_name: str = "", actor: str, now: datetime) -> User:
    """Make a person known. They can do nothing yet: no password, no role.

    Raises:
        InvalidInput: the name or the address cannot be one.
        PersonKnown: somebody signs in with one of them already.
    """
    first, _blank, last = full_name.strip().partition(" ")
    user = User(username=username.strip(), email=email.strip(), first_name=first, last_name=last, date_joined=now)
    user.set_unusable_password()
    try:
        user.clean_fields()
    except ValidationError as wrong:
        field, messages = next(iter(wrong.message_dict.items()))
        raise InvalidInput(messages[0], pointer=f"/{field}") from wrong
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as known:
        raise PersonKnown(_("Somebody signs in with this name or this address already.")) from known
    audit.record(actor=actor, action="user.created", institution=None, subject=user, now=now)
    return user


@transaction.atomic
def grant_role(*, user: User, role: str, institution: Institution | None, actor: str, now: datetime) -> None:
    """Give somebody a role in an institution, or make them an operator where it is None. Their sessions end.

    Raises:
        RoleMisplaced: there is no such role in institutions of this kind.
        RoleHeld: they have it already.
    """
    _check_place(role, institution)
    if institution is not None:
        _join(user, role, institution, now)
    elif not User.objects.filter(pk=user.pk, is_staff=False).update(is_staff=True):
        raise RoleHeld(_("This person has this role already."))
    _note(user, "role.granted", role, institution, actor, now)


@transaction.atomic
def withdraw_role(*, user: User, role: str, institution: Institution | None, actor: str, now: datetime) -> None:
    """Take a role from somebody. Their sessions end.

    Raises:
        RoleMisplaced: there is no such role in institutions of this kind.
        RoleMissing: they do not have it.
    """
    _check_place(role, institution)
    if institution is None:
        changed = User.objects.filter(pk=user.pk, is_staff=True).update(is_staff=False, is_superuser=False)
    else:
        changed, _rows = Membership.objects.filter(user=user, institution=institution, role=role).delete()
    if not changed:
        raise RoleMissing(_("This person does not have this role."))
    _note(user, "role.withdrawn", role, institution, actor, now)


@transaction.atomic
def deactivate_user(*, user: User, actor: str, now: datetime) -> None:
    """Part from somebody: they are signed out everywhere at once and cannot sign in again.

    Raises:
        AlreadyInactive: somebody did so before.
    """
    if not User.objects.filter(pk=user.pk, is_active=True).update(is_active=False, sessions_mark=new_mark()):
        raise AlreadyInactive(_("This person cannot sign in as it is."))
    audit.record(actor=actor, action="user.deactivated", institution=None, subject=user, now=now)


@transaction.atomic
def end_sessions(*, user: User, actor: str, now: datetime) -> None:
    """Sign somebody out everywhere, from the next request on."""
    User.objects.filter(pk=user.pk).update(sessions_mark=new_mark())
    audit.record(actor=actor, action="sessions.ended", institution=None, subject=user, now=now)


def _check_place(role: str, institution: Institution | None) -> None:
    allowed = {Role.OPERATOR} if institution is None else ROLES_OF_KIND[institution.kind]
    if role not in allowed:
        names = ", ".join(sorted(allowed))
        raise RoleMisplaced(_("Here a role is one of: %(names)s.") % {"names": names}, pointer="/role")


def _join(user: User, role: str, institution: Institution, now: datetime) -> None:
    try:
        with transaction.atomic():
            Membership.objects.create(
                user=user, institution=institution, institution_kind=institution.kind, role=role, granted_at=now
            )
    except IntegrityError as held:
        raise RoleHeld(_("This person has this role already.")) from held


def _note(user: User, action: str, role: str, institution: Institution | None, actor: str, now: datetime) -> None:
    """What somebody may do has changed: they prove anew who they are, and the trail says so."""
    User.objects.filter(pk=user.pk).update(sessions_mark=new_mark())
    audit.record(actor=actor, action=action, institution=institution, subject=user, now=now, details={"role": role})
