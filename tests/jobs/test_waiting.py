"""Waiting costs the database nothing and misses nothing."""

import threading
import time
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from apps.jobs import services, waiting
from tests.jobs.conftest import NOW, make_job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _listener():
    assert waiting.listening()
    yield
    waiting.stop()


def in_background(work):
    """Run ``work`` in a thread with a database connection of its own."""

    def run():
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def finish_after(job, delay_s, ended_at):
    def work():
        claim = services.claim(job_id=job.pk, now=NOW)
        time.sleep(delay_s)
        services.finish(claim=claim, now=NOW)
        ended_at.append(time.perf_counter())

    return in_background(work)


def test_a_waiter_is_woken_by_another_connections_finish_within_100_ms(bank):
    job = make_job(bank)
    ended_at: list[float] = []
    thread = finish_after(job, 0.3, ended_at)

    done = waiting.wait_until_done(job.pk, timeout_s=5.0)
    woken_at = time.perf_counter()
    thread.join()

    assert done
    assert woken_at - ended_at[0] < 0.1


def test_waiting_asks_the_database_once(bank):
    job = make_job(bank)
    thread = finish_after(job, 0.3, [])

    with CaptureQueriesContext(connection) as queries:
        assert waiting.wait_until_done(job.pk, timeout_s=5.0)

    thread.join()
    assert len(queries) == 1


def test_a_job_that_has_ended_keeps_nobody_waiting(bank):
    job = make_job(bank)
    services.cancel(job_id=job.pk, institution_id=bank.pk, now=NOW)

    begun = time.perf_counter()

    assert waiting.wait_until_done(job.pk, timeout_s=5.0)
    assert time.perf_counter() - begun < 0.1


def test_a_wait_ends_when_its_time_is_up(bank):
    job = make_job(bank)

    begun = time.perf_counter()

    assert not waiting.wait_until_done(job.pk, timeout_s=0.2)
    assert 0.2 <= time.perf_counter() - begun < 0.4


def test_nobody_waits_longer_for_a_job_that_never_was():
    assert not waiting.wait_until_done(uuid4(), timeout_s=0.05)


@pytest.mark.parametrize("waiters", [1, 20])
def test_all_who_wait_for_a_job_are_woken(bank, waiters):
    job, woken = make_job(bank), []
    threads = [
        in_background(lambda: woken.append(waiting.wait_until_done(job.pk, timeout_s=5.0))) for _ in range(waiters)
    ]
    time.sleep(0.2)

    services.cancel(job_id=job.pk, institution_id=bank.pk, now=NOW)
    [thread.join() for thread in threads]

    assert woken == [True] * waiters


def test_the_listener_survives_the_loss_of_its_connection(bank):
    job = make_job(bank)
    terminate_listener()

    thread = finish_after(job, 0.5, [])
    assert waiting.wait_until_done(job.pk, timeout_s=5.0)

    thread.join()


def test_an_end_while_the_connection_is_lost_is_not_missed(bank):
    job, woken = make_job(bank), []
    thread = in_background(lambda: woken.append(waiting.wait_until_done(job.pk, timeout_s=5.0)))
    time.sleep(0.2)

    terminate_listener()
    services.cancel(job_id=job.pk, institution_id=bank.pk, now=NOW)
    thread.join()

    assert woken == [True]


def terminate_listener():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'assay-listener' AND datname = current_database()"
        )
        assert cursor.fetchall() == [(True,)]
