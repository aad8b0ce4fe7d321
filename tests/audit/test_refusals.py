"""Who is refused is in the trail, and who sends refusals by the thousand writes few rows."""

import pytest

from apps.audit import refusals
from apps.audit.models import AuditEvent
from apps.audit.refusals import MOST_EVENTS, WINDOW_S, Coalescer
from apps.audit.services import Subject
from apps.common import context
from tests.audit.trail import NOW

ENDPOINT = Subject(label="endpoint", id="events")


class Clock:
    def __init__(self):
        self.s = 0.0

    def __call__(self):
        return self.s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def coalescer(clock, monkeypatch):
    made = Coalescer(clock)
    monkeypatch.setattr(refusals, "coalescer", made)
    return made


@pytest.mark.django_db
def test_a_refusal_says_from_where_and_why(coalescer):
    context.bind_address("192.0.2.7")
    refusals.note(code="key_refused", subject=ENDPOINT, now=NOW)
    context.clear()

    event = AuditEvent.objects.get()
    assert (event.actor, event.action, event.outcome) == ("unknown", "access.refused", "refused")
    assert (event.institution_id, event.subject_id, event.address) == (None, "events", "192.0.2.7")
    assert event.details == {"code": "key_refused", "count": 1}


@pytest.mark.django_db
def test_a_thousand_refusals_of_one_sender_are_two_events(coalescer, clock):
    for _ in range(1000):
        refusals.note(code="key_refused", subject=ENDPOINT, now=NOW)
    clock.s += WINDOW_S
    refusals.note(code="key_refused", subject=ENDPOINT, now=NOW)

    assert [event.details["count"] for event in AuditEvent.objects.order_by("details__count")] == [1, 1000]


def test_many_senders_together_write_no_more_than_the_bound(coalescer, clock):
    first = [coalescer.counted(f"2001:db8:0:{number:x}::", "key_refused") for number in range(5000)]
    clock.s += WINDOW_S
    second = coalescer.counted("2001:db8:0:1387::", "key_refused") + coalescer.counted("others", "")

    assert (sum(first), first[:MOST_EVENTS]) == (MOST_EVENTS, [1] * MOST_EVENTS)
    assert second == 1 + 5000 - MOST_EVENTS + 1


def test_why_somebody_is_refused_is_counted_apart(coalescer):
    codes = ["key_refused", "not_authenticated", "key_refused"]

    assert [coalescer.counted("192.0.2.7", code) for code in codes] == [1, 1, 0]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::"),
        ("2001:db8:0:1::7", "2001:db8:0:1::"),
        ("", "none"),
        ("unix:", "none"),
    ],
)
def test_a_sender_is_known_by_what_it_has_to_itself(address, network):
    assert refusals.network_of(address) == network
