"""The audit trail: written once, changed never."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from apps.audit.models import AuditEvent
from apps.audit.services import record
from apps.common import context
from apps.tenants.models import Institution

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def bank():
    return Institution.objects.create(name="First Bank", kind="bank")


@pytest.fixture
def event(bank):
    return record(actor="system", action="institution.opened", institution=bank, subject=bank, now=NOW)


def test_an_event_names_actor_act_subject_request_and_moment(bank):
    context.bind(request_id="r-1")
    event = record(actor="user:7", action="institution.opened", institution=bank, subject=bank, now=NOW)
    context.clear()

    event.refresh_from_db()
    assert (event.actor, event.action, event.subject_type) == ("user:7", "institution.opened", "tenants.institution")
    assert (event.subject_id, event.institution_id, event.request_id) == (str(bank.pk), bank.pk, "r-1")
    assert event.at == NOW


def test_an_act_on_the_installation_has_no_institution(bank):
    assert record(actor="system", action="x.done", institution=None, subject=bank, now=NOW).institution_id is None


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_auditevent SET actor = 'nobody'",
        "DELETE FROM audit_auditevent",
        "TRUNCATE audit_auditevent",
        "TRUNCATE tenants_institution CASCADE",
    ],
)
def test_postgresql_refuses_to_rewrite_history(event, sql):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_auditevent ENABLE TRIGGER audit_event_table_stays")

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)

    assert AuditEvent.objects.get().actor == "system"


def test_not_even_the_orm_rewrites_history(event):
    event.actor = "nobody"
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        event.save()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        event.delete()


@pytest.mark.parametrize("nameless", [{"actor": ""}, {"action": ""}])
def test_an_event_without_actor_or_act_is_refused(bank, nameless):
    arguments = {"actor": "system", "action": "x.done", **nameless}

    with pytest.raises(IntegrityError), transaction.atomic():
        record(**arguments, institution=bank, subject=bank, now=NOW)


def test_an_act_that_is_rolled_back_leaves_no_event(bank):
    class UndoneError(Exception):
        pass

    with suppress(UndoneError), transaction.atomic():
        record(actor="system", action="x.done", institution=bank, subject=bank, now=NOW)
        raise UndoneError

    assert AuditEvent.objects.count() == 0
