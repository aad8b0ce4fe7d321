"""What Celery is told: a message is a wake-up, and one that is lost comes back soon."""

from typing import Any

import pytest
from django.conf import settings
from kombu.exceptions import OperationalError

from settings.celery import app, broker_url


@pytest.mark.parametrize(
    ("redis_url", "expected"),
    [
        ("redis://cache:6379/0", "redis://cache:6379/0"),
        ("rediss://:secret@cache:6379/1", "rediss://:secret@cache:6379/1"),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock"),
        ("unix:///run/redis.sock?db=1", "redis+socket:///run/redis.sock?virtual_host=1"),
    ],
)
def test_the_broker_is_the_redis_of_the_settings(redis_url, expected):
    assert broker_url(redis_url) == expected


def test_nothing_but_json_is_sent_or_taken():
    assert (app.conf.task_serializer, app.conf.accept_content) == ("json", ("json",))


def test_results_go_nowhere():
    assert app.conf.result_backend is None
    assert app.conf.task_ignore_result is True


def test_the_visibility_timeout_is_the_same_wherever_celery_looks():
    assert app.conf.broker_transport_options["visibility_timeout"] == 120
    assert app.conf.result_backend_transport_options["visibility_timeout"] == 120
    assert app.conf.visibility_timeout == 120


def test_what_a_killed_worker_held_is_looked_for_every_five_seconds():
    options = app.conf.broker_transport_options

    assert options["unacked_restore_interval"] * options["unacked_restore_throttle"] == 5
    assert options["unacked_mutex_expire"] == 15


def test_a_message_is_kept_until_its_task_has_ended_and_none_is_hoarded():
    assert (app.conf.task_acks_late, app.conf.worker_disable_prefetch) == (True, True)


def test_an_absent_redis_is_tried_again_every_second():
    pauses: list[float] = []

    with pytest.raises(OperationalError):
        app.amqp.Connection("redis+socket:///nowhere.sock").ensure_connection(
            lambda _error, pause_s: pauses.append(pause_s), max_retries=3
        )

    assert pauses == [1, 1, 1]


def test_a_channel_keeps_its_client_until_its_connections_are_replaced():
    channel: Any
    with app.amqp.Connection(broker_url(settings.REDIS_URL)).channel() as channel:
        with channel.conn_or_acquire() as first, channel.conn_or_acquire() as second:
            assert first is second
        channel._disconnect_pools()
        with channel.conn_or_acquire() as later:
            assert later is not first
            assert later.ping()
