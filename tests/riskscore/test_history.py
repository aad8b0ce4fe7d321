"""What is stored of the past and how it is seen when the next event arrives."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from riskscore.events import EventKind
from riskscore.features import AccountWindow, CounterpartyWindow, compute, profile
from riskscore.features.entries import Names
from riskscore.models import Account, Event, Label
from riskscore.querysets import account_windows, counterparty_stats
from riskscore.records import event_of
from riskscore.services import ToldElsewhere, ingest_events, record_feedback, request_assessment
from riskscore.services.arrivals import append_event, names_of
from tests.riskscore.makers import NOW, SHOP, bank, client_of, event, random_events

pytestmark = pytest.mark.django_db


def numbered(events):
    return dict(enumerate(events, start=1))


def stored_features():
    return [(each.external_id, each.features, bytes(each.packed)) for each in Event.objects.order_by("pk")]


def test_a_stored_event_is_told_again_as_it_was():
    told = random_events(30, seed=1)

    ingest_events(institution_id=bank().pk, events=numbered(told), now=NOW)

    rows = Event.objects.select_related("account").order_by("pk")
    assert [event_of(row) for row in rows] == told


def test_a_window_read_from_storage_equals_one_that_grew():
    told = random_events(60, seed=2, accounts=1)
    grown = AccountWindow(told, limit=512)
    ingest_events(institution_id=bank().pk, events=numbered(told), now=NOW)

    account = Account.objects.get()
    rows = Event.objects.order_by("sequence")
    names = names_of((one, row.counterparty_id, row.device_id) for one, row in zip(told, rows, strict=True))
    read = account_windows(account.institution_id, {account.pk: account.event_count}, names)[account.pk]

    assert list(read.entries) == list(grown.entries)
    assert profile(read) == profile(grown)


def test_a_window_is_point_in_time():
    ingest_events(institution_id=bank().pk, events=numbered(random_events(9, seed=3, accounts=1)), now=NOW)

    account = Account.objects.get()

    assert len(account_windows(account.institution_id, {account.pk: 4}, Names())[account.pk]) == 4


def test_history_in_one_batch_equals_history_one_by_one():
    told = random_events(120, seed=4)
    first, second = bank("One by one"), bank("At once")

    for each in told:
        append_event(institution_id=first.pk, event=each, now=NOW)
    ingest_events(institution_id=second.pk, events=numbered(told), now=NOW)

    singly, at_once = (
        [
            (each.external_id, each.sequence, each.features, bytes(each.packed))
            for each in Event.objects.filter(institution=institution).order_by("pk")
        ]
        for institution in (first, second)
    )
    assert at_once == singly


@pytest.mark.parametrize("seed", range(5))
def test_counterparty_figures_in_sql_equal_those_kept_event_by_event(seed):
    institution, kept = bank(), CounterpartyWindow()
    for each in random_events(80, seed=seed):
        expected = kept.stats(each)
        read = sql_stats(institution, each)
        append_event(institution_id=institution.pk, event=each, now=NOW)
        kept.append(each)
        assert read == expected


def sql_stats(institution, told):
    party = told.counterparty
    return party and counterparty_stats(institution.pk, kind=party.kind, reference=party.id, at=told.occurred_at)[1]


def test_reported_fraud_counts_from_when_it_was_known():
    client = client_of(bank())
    assessment, _ = request_assessment(client=client, event=event(), deadline_s=5, now=NOW)
    fraud, chargeback = Label.Verdict.FRAUD, Label.Source.CHARGEBACK

    record_feedback(assessment=assessment, verdict=fraud, source=chargeback, labelled_at=None, now=NOW)

    before, after = NOW - timedelta(seconds=1), NOW + timedelta(days=27)
    known = [
        counterparty_stats(client.institution_id, kind=SHOP.kind, reference=SHOP.id, at=at)[1] for at in (before, after)
    ]
    assert [stats.frauds_28d for stats in known] == [0, 1]


def test_features_are_those_of_the_moment_of_arrival():
    told = random_events(40, seed=6, accounts=1)
    ingest_events(institution_id=bank().pk, events=numbered(told), now=NOW)

    window, parties, expected = AccountWindow(), CounterpartyWindow(), []
    for each in told:
        expected.append(compute(each, window, parties.stats(each)).as_dict())
        window.append(each)
        parties.append(each)

    assert [features for _, features, _ in stored_features()] == expected


def test_a_repeated_batch_changes_nothing():
    institution, told = bank(), numbered(random_events(10, seed=7))
    ingest_events(institution_id=institution.pk, events=told, now=NOW)
    before = stored_features()

    again = ingest_events(institution_id=institution.pk, events=told, now=NOW)

    assert (again.accepted, again.duplicates, again.differing) == (0, 10, ())
    assert stored_features() == before


def test_an_id_told_twice_in_one_batch_is_stored_once():
    told = {1: event(), 2: event(), 3: event(country="FR")}

    done = ingest_events(institution_id=bank().pk, events=told, now=NOW)

    assert (done.accepted, done.duplicates, done.differing) == (1, 1, (3,))


def test_late_and_reversed_events_are_appended_in_order_of_arrival():
    late = event("tx-2", occurred_at=NOW - timedelta(days=2))
    reversal = event("tx-3", kind=EventKind.REVERSAL, reverses="tx-1")

    ingest_events(institution_id=bank().pk, events=numbered([event("tx-1"), late, reversal]), now=NOW)

    assert [(each.external_id, each.content["reverses"]) for each in Event.objects.order_by("sequence")] == [
        ("tx-1", ""),
        ("tx-2", ""),
        ("tx-3", "tx-1"),
    ]


def test_events_cannot_be_changed():
    ingest_events(institution_id=bank().pk, events={1: event()}, now=NOW)

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Event.objects.update(amount=1)

    assert [str(each.amount) for each in Event.objects.all()] == ["25.0000"]


def test_a_race_for_an_id_stores_nothing_and_says_so(monkeypatch):
    institution = bank()
    ingest_events(institution_id=institution.pk, events={1: event()}, now=NOW)
    monkeypatch.setattr("riskscore.services.ingestion._stored", lambda *_: {})  # as if told between look and store

    with pytest.raises(ToldElsewhere):
        ingest_events(institution_id=institution.pk, events={1: event(), 2: event("tx-2")}, now=NOW)

    assert Event.objects.count() == 1
    assert Account.objects.get().event_count == 1


@pytest.mark.parametrize("count", [1, 300])
def test_a_batch_costs_the_same_queries_whatever_its_size(count, django_assert_num_queries):
    institution = bank()

    with django_assert_num_queries(16):
        ingest_events(
            institution_id=institution.pk, events=numbered([event(f"tx-{index}") for index in range(count)]), now=NOW
        )

    assert Event.objects.count() == count
