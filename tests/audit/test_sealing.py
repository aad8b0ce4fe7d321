"""Events are chained behind their transactions, each in its institution's own chain."""

from datetime import timedelta
from threading import Thread

import pytest
from django.db import DatabaseError, connection, transaction

from apps.audit.chains import COLUMNS
from apps.audit.models import AuditEvent, AuditSeal
from apps.audit.sealing import BATCH, Sealer, seal_all, seal_chain
from tests.audit.trail import NOW, bank, events, found, sealed_trail

pytestmark = pytest.mark.django_db


def positions(institution):
    seals = AuditSeal.objects.filter(institution=institution).order_by("position")
    return list(seals.values_list("position", flat=True))


def test_a_digest_is_over_every_column_of_an_event():
    assert {field.attname for field in AuditEvent._meta.concrete_fields} == set(COLUMNS)


def test_positions_have_no_gap_and_each_institution_its_own():
    first, second = bank(), bank("Second Bank")
    events(first, 3)
    events(second, 2)
    events(None, 1)

    assert seal_all(now=NOW) == 6
    assert (positions(first), positions(second), positions(None)) == ([1, 2, 3], [1, 2], [1])


def test_sealing_goes_on_where_it_ended():
    institution, _ = sealed_trail(3)
    events(institution, 2, start=3)

    assert (seal_all(now=NOW), seal_all(now=NOW)) == (2, 0)
    assert positions(institution) == [1, 2, 3, 4, 5]
    assert found(institution) == []


def test_more_than_one_batch_is_sealed_at_once():
    institution = bank()
    AuditEvent.objects.bulk_create(
        AuditEvent(institution=institution, actor="system", action="x.done", at=NOW) for _ in range(BATCH + 1)
    )

    assert seal_chain(institution.pk, now=NOW) == BATCH + 1
    assert found(institution) == []


def test_an_event_that_commits_late_is_sealed_after_those_that_came_later():
    institution = bank()
    late, early = events(institution, 1)[0], events(institution, 1, start=60)[0]
    seal_chain(institution.pk, now=NOW, since=early.at)
    seal_chain(institution.pk, now=NOW)

    assert [seal.event_id for seal in AuditSeal.objects.order_by("position")] == [early.pk, late.pk]
    assert found(institution) == []


def test_the_frequent_pass_looks_at_recent_events_and_the_first_of_a_process_at_all():
    institution = bank()
    sealer = Sealer()
    events(institution, 1)
    sealer.run(NOW + timedelta(days=1))
    events(institution, 1)
    sealer.run(NOW + timedelta(days=1, minutes=30))
    assert positions(institution) == [1]

    sealer.run(NOW + timedelta(days=1, hours=1))
    assert positions(institution) == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_sealers_that_meet_leave_one_chain():
    institution = bank()
    events(institution, 200)

    def work():
        seal_chain(institution.pk, now=NOW)
        connection.close()

    sealers = [Thread(target=work) for _ in range(8)]
    for sealer in sealers:
        sealer.start()
    for sealer in sealers:
        sealer.join()

    assert positions(institution) == list(range(1, 201))
    assert found(institution) == []


@pytest.mark.parametrize(
    "sql",
    ["UPDATE audit_auditseal SET position = 7", "DELETE FROM audit_auditseal", "TRUNCATE audit_auditseal"],
)
def test_postgresql_refuses_to_undo_a_seal(sql):
    sealed_trail(1)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_auditseal ENABLE TRIGGER audit_seal_table_stays")

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)

    assert AuditSeal.objects.get().position == 1
