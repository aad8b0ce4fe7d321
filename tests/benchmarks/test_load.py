"""Calls arrive by chance at the given rate, to accounts that are nearly full, and aims are judged plainly."""

from datetime import UTC, datetime

from benchmarks.load.__main__ import Measured, verdict
from benchmarks.load.accounts import Accounts
from benchmarks.load.arrivals import Caller, poisson

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def test_calls_arrive_at_the_rate_on_average_and_in_order():
    due = list(poisson(120.0, 12_000, seed=1))

    assert due == sorted(due)
    assert 95.0 < due[-1] < 105.0


def test_an_account_has_440_events_before_the_first_call_and_every_event_is_new():
    accounts = Accounts(accounts=2, run="run", now=NOW)

    past = list(accounts.past())
    later = list(accounts.next_events(3))

    assert [event.account for event in past].count("run-000000") == 440
    assert len({event.id for event in (*past, *later)}) == 883
    assert [event.account for event in later] == ["run-000000", "run-000001", "run-000000"]
    assert max(event.occurred_at for event in past) < min(event.occurred_at for event in later)


def test_a_request_carries_its_key_and_length():
    request = Caller(port=1, key="ak").request(b"{}", "e-1")

    assert b"Authorization: Bearer ak\r\n" in request
    assert request.endswith(b"Idempotency-Key: e-1\r\nPrefer: wait=10\r\nContent-Length: 2\r\n\r\n{}")


def measured(*, scored=100, seconds=1.0):
    return Measured(
        title="one way", calls=100, scored=scored, seconds=seconds, p50_ms=50.0, p99_ms=100.0, cpu_ms={"web": 5.0}
    )


def test_a_call_without_a_score_misses_the_aim_however_fast_the_others_were():
    said = verdict([measured(), measured(scored=99), measured(seconds=0.4)], rate=120.0)

    assert "100 ms at 120, 99 of 100 scored, missed." in said
    assert said.endswith("Aim 200 assessments a second by batch: 250, reached.")
