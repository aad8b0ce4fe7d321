"""Who works where."""

from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from apps.audit.models import AuditEvent
from apps.common.errors import InvalidInput
from apps.tenants import people
from apps.tenants.models import Membership, User
from apps.tenants.roles import ALLOWED, Permission, Role, permissions
from apps.tenants.services import create_institution
from tests.people.door import NOW, bank

pytestmark = pytest.mark.django_db

ACTOR = "user:1"


def new(username: str = "ana", email: str = "") -> User:
    return people.create_user(username=username, email=email, full_name="Ana Maria Lind", actor=ACTOR, now=NOW)


def test_a_new_person_has_a_name_and_can_do_nothing():
    ana = new()

    assert (ana.first_name, ana.last_name, ana.has_usable_password()) == ("Ana", "Maria Lind", False)
    assert people.roles_of(ana, None) == people.roles_of(ana, bank().pk) == frozenset()


@pytest.mark.parametrize(("username", "email"), [("ana", ""), ("eva", "ANA@example.org")])
def test_a_name_and_an_address_mean_one_person(username, email):
    new("ana", "ana@example.org")

    with pytest.raises(people.PersonKnown):
        new(username, email)
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("username", "email", "pointer"), [("", "", "/username"), ("a b", "", "/username"), ("a", "x", "/email")]
)
def test_who_cannot_be_is_refused(username, email, pointer):
    with pytest.raises(InvalidInput) as refused:
        new(username, email)

    assert (refused.value.pointer, User.objects.count()) == (pointer, 0)


@pytest.mark.parametrize(
    ("kind", "role"),
    [("bank", "analyst"), ("bank", "model-risk"), ("hospital", "clinician"), ("hospital", "supervisor")],
)
def test_a_role_fits_its_institution(kind, role):
    place = create_institution(name="x", kind=kind, actor=ACTOR, now=NOW)

    people.grant_role(user=new(), role=role, institution=place, actor=ACTOR, now=NOW)

    assert Membership.objects.get().role == role


@pytest.mark.parametrize(
    ("kind", "role"), [("bank", "clinician"), ("hospital", "analyst"), ("bank", "operator"), ("bank", "king")]
)
def test_a_role_that_does_not_fit_is_refused(kind, role):
    place = create_institution(name="x", kind=kind, actor=ACTOR, now=NOW)

    with pytest.raises(people.RoleMisplaced):
        people.grant_role(user=new(), role=role, institution=place, actor=ACTOR, now=NOW)
    assert Membership.objects.count() == 0


def test_postgresql_refuses_a_role_that_does_not_fit():
    ana, place = new(), bank()
    row = {"user": ana, "institution": place, "granted_at": NOW}

    with pytest.raises(IntegrityError, match="membership_role_fits_kind"), transaction.atomic():
        Membership.objects.create(institution_kind="bank", role="clinician", **row)
    with pytest.raises(IntegrityError, match="membership_kind_is_the_institutions"), transaction.atomic():
        Membership.objects.create(institution_kind="hospital", role="clinician", **row)


def test_roles_add_up_and_end():
    ana, place = new(), bank()
    for role in ("analyst", "supervisor"):
        people.grant_role(user=ana, role=role, institution=place, actor=ACTOR, now=NOW)
    people.withdraw_role(user=ana, role="analyst", institution=place, actor=ACTOR, now=NOW)

    assert people.roles_of(ana, place.pk) == {Role.SUPERVISOR}
    assert people.may(ana, Permission.CASES_APPROVE, institution_id=place.pk)
    assert not people.may(ana, Permission.PEOPLE_MANAGE, institution_id=place.pk)
    assert not people.may(ana, Permission.CASES_APPROVE, institution_id=bank("Other").pk)


def test_an_operator_belongs_to_no_institution_and_reads_no_records():
    ana, place = new(), bank()
    people.grant_role(user=ana, role="operator", institution=None, actor=ACTOR, now=NOW)
    ana.refresh_from_db()

    assert people.roles_of(ana, None) == {Role.OPERATOR}
    assert people.roles_of(ana, place.pk) == frozenset()
    assert permissions(people.roles_of(ana, None)) == {Permission.INSTALLATION_OPERATE}


def test_only_those_who_work_with_records_read_them():
    assert {role for role in Role if Permission.RECORDS_READ in ALLOWED[role]} == {
        Role.ANALYST, Role.CLINICIAN, Role.SUPERVISOR
    }  # fmt: skip


def test_what_changes_nothing_is_refused():
    ana, place = new(), bank()
    people.grant_role(user=ana, role="analyst", institution=place, actor=ACTOR, now=NOW)
    people.grant_role(user=ana, role="operator", institution=None, actor=ACTOR, now=NOW)

    with pytest.raises(people.RoleHeld):
        people.grant_role(user=ana, role="analyst", institution=place, actor=ACTOR, now=NOW)
    with pytest.raises(people.RoleHeld):
        people.grant_role(user=ana, role="operator", institution=None, actor=ACTOR, now=NOW)
    with pytest.raises(people.RoleMissing):
        people.withdraw_role(user=ana, role="admin", institution=place, actor=ACTOR, now=NOW)


def test_who_was_parted_from_does_nothing():
    ana, place = new(), bank()
    people.grant_role(user=ana, role="analyst", institution=place, actor=ACTOR, now=NOW)
    people.deactivate_user(user=ana, actor=ACTOR, now=NOW)
    ana.refresh_from_db()

    assert people.roles_of(ana, place.pk) == frozenset()
    with pytest.raises(people.AlreadyInactive):
        people.deactivate_user(user=ana, actor=ACTOR, now=NOW)


def test_every_change_is_in_the_trail():
    ana, place = new(), bank()
    people.grant_role(user=ana, role="analyst", institution=place, actor=ACTOR, now=NOW)
    people.withdraw_role(user=ana, role="analyst", institution=place, actor=ACTOR, now=NOW)
    people.end_sessions(user=ana, actor=ACTOR, now=NOW)
    people.deactivate_user(user=ana, actor=ACTOR, now=NOW)

    events = AuditEvent.objects.filter(subject_id=str(ana.pk)).values_list("action", "institution", "details")
    role: tuple[UUID, dict[str, str]] = (place.pk, {"role": "analyst"})
    assert sorted(events, key=str) == [
        ("role.granted", *role), ("role.withdrawn", *role), ("sessions.ended", None, {}),
        ("user.created", None, {}), ("user.deactivated", None, {}),
    ]  # fmt: skip


def test_places_are_told_by_name():
    ana = new()
    for name in ("Second", "First"):
        people.grant_role(user=ana, role="analyst", institution=bank(name), actor=ACTOR, now=NOW)

    assert [place.name for place in people.institutions_of(ana)] == ["First", "Second"]
