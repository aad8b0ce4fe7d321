"""Publishing is best effort, bounded, and free while Redis is known to be dead."""

import json
import time
from uuid import uuid4

import pytest
from celery import current_app

from apps.common.breaker import Breaker
from apps.jobs import publishing, reconciler
from tests.jobs.conftest import KIND, NOW, answered, body, facts, later, make_job
from tests.jobs.servers import silent_server


@pytest.fixture
def silent_redis():
    """Redis is reached and says nothing."""
    before = current_app.conf["broker_url"]
    with silent_server() as port:
        current_app.conf["broker_url"] = f"redis://127.0.0.1:{port}/0"
        publishing.reset()
        yield
    current_app.conf["broker_url"] = before
    publishing.reset()


@pytest.fixture(autouse=True)
def _empty_queue(redis_client):
    redis_client.delete(KIND.queue)


def seconds(work) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def test_a_message_is_a_name_and_an_id_in_json(redis_client):
    job_id = uuid4()

    assert publishing.publish(KIND, job_id)

    message = redis_client.lindex(KIND.queue, 0)
    assert json.loads(message)["content-type"] == "application/json"
    assert json.loads(message)["headers"]["task"] == "tests.count"
    assert json.loads(body(message))[:2] == [[], {"job_id": str(job_id)}]


def test_publishing_needs_nothing_that_an_emptied_redis_lost(redis_client):
    publishing.publish(KIND, uuid4())
    redis_client.flushall()

    assert publishing.publish(KIND, uuid4())

    assert redis_client.llen(KIND.queue) == 1


def test_a_silent_redis_costs_at_most_half_a_second_and_then_nothing(silent_redis):
    assert seconds(lambda: publishing.publish(KIND, uuid4())) < 0.5
    assert seconds(lambda: [publishing.publish(KIND, uuid4()) for _ in range(100)]) < 0.05


def test_an_absent_redis_costs_nearly_nothing(dead_redis):
    assert seconds(lambda: publishing.publish(KIND, uuid4())) < 0.2


def test_publishing_works_again_once_redis_is_back(dead_redis, redis_client, settings):
    assert not publishing.publish(KIND, uuid4())
    current_app.conf["broker_url"] = settings.REDIS_URL.replace("unix://", "redis+socket://")
    publishing.reset()

    assert publishing.publish(KIND, uuid4())


def test_seeing_a_queue_after_a_failure_lets_publishing_go_on(redis_client, monkeypatch):
    moments = iter([0.0, 2.0, 2.1, 2.2, 2.3])
    monkeypatch.setattr(publishing, "breaker", Breaker(open_s=2.0, clock=lambda: next(moments)))
    publishing.breaker.failed()

    assert publishing.length(KIND.queue) == 0

    assert [publishing.breaker.allows() for _ in range(3)] == [True] * 3


@pytest.mark.django_db(transaction=True)
def test_a_job_is_told_of_after_its_transaction(bank, redis_client):
    job = make_job(bank)

    assert str(job.pk) in body(redis_client.lindex(KIND.queue, 0))


@pytest.mark.django_db(transaction=True)
def test_a_job_is_kept_though_redis_is_dead_and_the_reconciler_brings_it(bank, silent_redis, redis_client, settings):
    assert seconds(lambda: make_job(bank)) < 1.0  # 0.3 s of it for Redis, the rest for a busy machine
    current_app.conf["broker_url"] = settings.REDIS_URL.replace("unix://", "redis+socket://")
    publishing.reset()

    assert reconciler.reconcile_once(now=NOW) == reconciler.Counts(published=1)

    assert redis_client.llen(KIND.queue) == 1


@pytest.mark.django_db(transaction=True)
def test_a_dead_redis_takes_no_jobs_past_their_deadline(bank, dead_redis):
    job = make_job(bank)

    assert reconciler.reconcile_once(now=later(60)) == reconciler.Counts(expired=1)

    assert facts(job) == ("expired", 0, 0, "deadline_exceeded")
    assert [(job.pk, "expired")] == answered


def test_an_open_breaker_lets_one_caller_try_at_a_time():
    clock = iter([0.0, 1.0, 2.0, 2.1, 4.0]).__next__
    breaker = Breaker(open_s=2.0, clock=clock)
    breaker.failed()  # at 0.0

    assert [breaker.allows() for _ in range(4)] == [False, True, False, True]


def test_a_closed_breaker_lets_everybody_try():
    breaker = Breaker(open_s=2.0, clock=lambda: 0.0)
    breaker.failed()
    breaker.succeeded()

    assert [breaker.allows() for _ in range(3)] == [True] * 3
