"""Chores: each when due, one process at a time, none in another's way."""

from datetime import UTC, datetime

import psycopg
import pytest
from django.db import connection

from apps.common.chores import LOCK_SPACE, Chore, Rota, run_alone

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.django_db
def test_each_chore_runs_when_its_time_has_come():
    done: list[str] = []
    often = Chore(name="often", every_s=1.0, run=lambda _now: done.append("often"))
    rarely = Chore(name="rarely", every_s=60.0, run=lambda _now: done.append("rarely"))
    rota = Rota((often, rarely))

    pauses = [rota.run_due(monotonic_s=moment, now=NOW) for moment in (100.0, 100.5, 101.0)]

    assert done == ["often", "rarely", "often"]
    assert pauses == [1.0, 0.5, 1.0]


@pytest.mark.django_db
def test_a_chore_that_fails_holds_up_no_other():
    done: list[str] = []
    broken = Chore(name="broken", every_s=1.0, run=lambda _now: 1 / 0)  # type: ignore[arg-type]
    sound = Chore(name="sound", every_s=1.0, run=lambda _now: done.append("sound"))

    Rota((broken, sound)).run_due(monotonic_s=1.0, now=NOW)

    assert done == ["sound"]


@pytest.mark.django_db
def test_a_chore_runs_in_one_process_at_a_time():
    done: list[str] = []
    chore = Chore(name="alone", every_s=1.0, run=lambda _now: done.append("alone"))
    parameters = connection.get_connection_params()
    address = {name: parameters[name] for name in ("dbname", "user", "host") if name in parameters}

    with psycopg.connect(**address) as elsewhere:
        elsewhere.execute("SELECT pg_advisory_lock(%s, 380485304)", [LOCK_SPACE])  # crc32("alone") - 2**31
        while_held = run_alone(chore, now=NOW)
        elsewhere.execute("SELECT pg_advisory_unlock_all()")  # a session that was left ends a moment later
    afterwards = run_alone(chore, now=NOW)

    assert (while_held, afterwards) == (False, True)
    assert done == ["alone"]
