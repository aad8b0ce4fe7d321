"""Records are kept as long as the rule says; a hold keeps them longer; erasure leaves digests and counts."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from apps.api.models import IdempotencyRecord
from apps.audit.models import AuditEvent
from apps.common import chores
from apps.common.errors import InvalidInput, NotFound
from apps.jobs.models import Job
from apps.retention import RecordClass, register, registered
from apps.retention.holds import UnderLegalHold, UnknownRecordClass, subject_digest
from apps.retention.models import LegalHold
from apps.retention.services import (
    TooShort,
    erase_subject,
    place_hold,
    purge_all,
    purge_institution,
    release_hold,
    set_retention,
)
from riskscore.models import Account, Counterparty, Device, Event, Label, RiskAssessment
from riskscore.services import ingest_events, record_feedback, request_assessment
from tests.riskscore.makers import NOW, bank, client_of, event, key_of, payload
from tests.riskscore.rest import post

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(days=5 * 365 + 1)


@pytest.fixture
def first(db):
    return bank()


def told(institution, account, count=3):
    events = {n: event(f"{account}-{n}", account=account) for n in range(count)}
    ingest_events(institution_id=institution.pk, events=events, now=NOW)


def assessed(institution, account="acc-1"):
    client = client_of(institution)
    assessment, _ = request_assessment(client=client, event=event("tx-9", account=account), deadline_s=60, now=NOW)
    fraud, source = Label.Verdict.FRAUD, Label.Source.CHARGEBACK
    record_feedback(assessment=assessment, verdict=fraud, source=source, labelled_at=None, now=NOW)


def erase(institution, account="acc-1"):
    told = {"kind": "account", "reference": account, "actor": "command:test", "now": NOW}
    return erase_subject(institution=institution, **told)


def hold(institution, **changes):
    return place_hold(institution=institution, reason="court order", actor="user:1", now=NOW, **changes)


def accounts():
    return sorted(account.reference for account in Account.objects.all())


def test_erasure_takes_everything_about_the_account_and_nothing_else(first):
    assessed(first)
    told(first, "acc-1")
    told(first, "acc-2")

    assert erase(first) == {"accounts": 1, "events": 4, "assessments": 1, "labels": 1, "replies": 0}
    assert accounts() == ["acc-2"]
    assert (Event.objects.count(), RiskAssessment.objects.count(), Label.objects.count()) == (3, 0, 0)
    assert Job.objects.count() == 0
    assert (Device.objects.count(), Counterparty.objects.count()) == (1, 1)


def test_erasure_takes_devices_and_counterparties_that_nobody_else_used(first):
    told(first, "acc-1")

    erase(first)

    assert (Device.objects.count(), Counterparty.objects.count()) == (0, 0)


def test_the_trail_of_an_erasure_holds_a_digest_and_counts(first):
    told(first, "acc-1")

    erase(first)

    written = AuditEvent.objects.get(action="subject.erased")
    assert written.subject_id == subject_digest(first.pk, "account", "acc-1").hex()
    assert written.details["events"] == 3
    assert "acc-1" not in str(written.__dict__)


def test_stored_replies_about_the_account_are_erased_too(first):
    _, key = key_of(first)
    for account in ("acc-1", "acc-2"):
        told = payload(account=account, id=f"of-{account}")
        assert post(key, "/api/v1/risk/assessments", told, idempotency_key=account).status_code == 202

    assert erase(first)["replies"] == 1
    assert IdempotencyRecord.objects.count() == 1


def test_erasing_again_finds_nothing(first):
    told(first, "acc-1")

    erase(first)

    assert erase(first) == {"accounts": 0, "events": 0, "assessments": 0, "labels": 0, "replies": 0}


def test_an_account_of_the_same_name_elsewhere_stays(first):
    second = bank("Second Bank")
    told(first, "acc-1")
    told(second, "acc-1")

    erase(first)

    assert [account.institution_id for account in Account.objects.all()] == [second.pk]


@pytest.mark.parametrize(
    "narrowed", [{}, {"record_class": "risk.records"}, {"subject": ("account", "acc-1")}], ids=["all", "class", "one"]
)
def test_a_hold_refuses_erasure_until_it_is_released(first, narrowed):
    told(first, "acc-1")
    held = hold(first, **narrowed)

    with pytest.raises(UnderLegalHold):
        erase(first)
    assert Event.objects.count() == 3

    release_hold(institution=first, hold_id=held.pk, actor="user:2", now=NOW)
    assert erase(first)["events"] == 3


def test_a_hold_on_something_else_does_not_stand_in_the_way(first):
    told(first, "acc-1")
    hold(first, record_class="idempotency.replies")
    hold(first, subject=("account", "acc-2"))
    hold(bank("Second Bank"))

    assert erase(first)["events"] == 3


def test_a_hold_needs_a_reason_which_is_sealed(first):
    with pytest.raises(InvalidInput):
        place_hold(institution=first, reason=" ", actor="user:1", now=NOW)

    assert hold(first).reason == "court order"
    assert b"court" not in bytes(LegalHold.objects.values_list("reason", flat=True)[0].token)


def test_a_stranger_cannot_release_a_hold(first):
    held = hold(first)

    with pytest.raises(NotFound):
        release_hold(institution=bank("Second Bank"), hold_id=held.pk, actor="user:2", now=NOW)

    assert LegalHold.objects.get().released_at is None


def test_records_go_when_their_time_is_over_and_not_before(first):
    told(first, "acc-1")

    purge_all(NOW + timedelta(days=5 * 365 - 1))
    assert Event.objects.count() == 3

    purge_all(LATER)
    assert (Event.objects.count(), Account.objects.count(), Device.objects.count()) == (0, 0, 0)


def test_every_institution_has_its_own_rule(first):
    second = bank("Second Bank")
    told(first, "acc-1")
    told(second, "acc-1")
    set_retention(institution=first, record_class="risk.records", days=30, actor="user:1", now=NOW)

    purge_all(NOW + timedelta(days=31))

    assert {row.institution_id for row in Event.objects.all()} == {second.pk}


def test_what_is_held_outlives_its_time(first):
    told(first, "acc-1")
    told(first, "acc-2")
    hold(first, subject=("account", "acc-1"))

    assert purge_institution(institution_id=first.pk, now=LATER) == {"risk.records": 4}
    assert accounts() == ["acc-1"]


def test_a_held_class_is_not_touched(first):
    told(first, "acc-1")
    hold(first, record_class="risk.records")

    assert purge_institution(institution_id=first.pk, now=LATER) == {}


@pytest.mark.parametrize(
    ("name", "days", "refusal"),
    [("risk.records", 27, TooShort), ("risk.records", 36_501, InvalidInput), ("nonsense", 30, UnknownRecordClass)],
)
def test_rules_that_cannot_be_are_refused(first, name, days, refusal):
    with pytest.raises(refusal):
        set_retention(institution=first, record_class=name, days=days, actor="user:1", now=NOW)


def test_events_are_deleted_by_erasure_and_retention_alone(first):
    told(first, "acc-1")

    with pytest.raises(IntegrityError, match="erasure and retention"), transaction.atomic():
        Event.objects.all().delete()


def test_the_purge_is_a_chore():
    assert "retention.purge" in {chore.name for chore in chores.registered()}


def test_two_classes_cannot_share_a_name():
    with pytest.raises(ValueError, match="registered twice"):
        register(RecordClass(name="risk.records", default_days=1, purge=lambda _: 0))
    assert registered()["risk.records"].default_days == 1825


def test_operators_hold_release_and_erase_by_command(first, capsys):
    told(first, "acc-1")
    call_command("legal_hold", "place", "First Bank", "--account", "acc-1", "--reason", "court order")
    with pytest.raises(CommandError, match="legal hold covers"):
        call_command("erase_subject", "First Bank", "--account", "acc-1")
    call_command("legal_hold", "release", "First Bank", "--hold", str(LegalHold.objects.get().pk))
    call_command("erase_subject", "First Bank", "--account", "acc-1")
    call_command("set_retention", "First Bank", "risk.records", "90")

    assert "1 accounts, 0 assessments, 3 events, 0 labels, 0 replies erased." in capsys.readouterr().out
