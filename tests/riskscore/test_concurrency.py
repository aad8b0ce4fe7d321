"""Many at once: one account, one counterparty, one event."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from riskscore.models import Account, Counterparty, Event, RiskAssessment
from riskscore.services import ToldElsewhere, ingest_events, request_assessment
from tests.riskscore.makers import bank, client_of, event

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 8


def at_once(call, arguments):
    """Results of calls made from many threads, each with a connection of its own."""

    def run(argument):
        try:
            return call(argument)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, arguments))


def test_events_of_one_account_get_one_order_without_gaps():
    client = client_of(bank())

    at_once(
        lambda n: request_assessment(client=client, event=event(f"tx-{n}"), deadline_s=60, now=timezone.now()),
        range(40),
    )

    assert list(Event.objects.order_by("sequence").values_list("sequence", flat=True)) == list(range(40))
    assert (Account.objects.get().event_count, Counterparty.objects.count()) == (40, 1)
    seen = Event.objects.order_by("sequence").values_list("features__counterparty__earlier", flat=True)
    assert list(seen) == list(range(40))


def test_one_event_asked_for_many_times_at_once_is_assessed_once():
    client = client_of(bank())

    answers = at_once(
        lambda _: request_assessment(client=client, event=event(), deadline_s=60, now=timezone.now()), range(16)
    )

    assert sorted(created for _, created in answers) == [False] * 15 + [True]
    assert len({assessment.pk for assessment, _ in answers}) == RiskAssessment.objects.count() == 1


def test_the_same_backfill_from_many_sides_is_stored_once():
    institution = bank()
    told = {number: event(f"h-{number}", account=f"acc-{number % 5}") for number in range(50)}

    def tell(_):
        try:
            return ingest_events(institution_id=institution.pk, events=told, now=timezone.now()).accepted
        except ToldElsewhere:
            return 0

    assert sum(at_once(tell, range(THREADS))) == 50

    assert Event.objects.count() == 50
    assert sum(Account.objects.values_list("event_count", flat=True)) == 50
