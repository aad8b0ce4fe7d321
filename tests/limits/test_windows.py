"""Counting exactly: in Redis as in this process."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from django.conf import settings

from apps.api.limits.limiter import Limiter, RedisWindow
from apps.api.limits.windows import LocalWindow, Policy
from apps.common.breaker import Breaker
from tests.limits.makers import Clock, policy


def test_the_quota_passes_and_no_more():
    window = LocalWindow(clock=Clock())

    waits = [window.spend([policy(quota=3)], 1)[0].wait_ms for _ in range(5)]

    assert [wait > 0 for wait in waits] == [False, False, False, True, True]


def test_what_is_refused_is_not_counted():
    window = LocalWindow(clock=Clock())
    both = [policy(quota=10, key="client"), policy(quota=1, key="bank")]
    window.spend(both, 1)

    refused = window.spend(both, 1)

    assert [count.used for count in refused] == [1, 1]
    assert (refused[0].wait_ms, refused[1].wait_ms > 0) == (0, True)


def test_the_wait_is_long_enough_and_not_a_slice_too_long():
    clock = Clock()
    window = LocalWindow(clock=clock)
    window.spend([policy(quota=1)], 1)

    wait_ms = window.spend([policy(quota=1)], 1)[0].wait_ms

    assert 60_000 <= wait_ms <= 65_000
    clock.now_s += wait_ms / 1000 + 0.001
    assert window.spend([policy(quota=1)], 1)[0].wait_ms == 0


def test_no_window_of_time_ever_holds_more_than_the_quota():
    clock, chance = Clock(), random.Random(16)
    window = LocalWindow(clock=clock)
    passed = []
    for _ in range(5000):
        clock.now_s += chance.expovariate(2.0)
        passed += [clock.now_s] * (window.spend([policy(quota=20)], 1)[0].wait_ms == 0)

    assert len(passed) > 500
    assert max(sum(begin <= at < begin + 60 for at in passed) for begin in passed) <= 20


@pytest.mark.parametrize("cost", [21, 1000])
def test_more_than_the_whole_quota_never_passes(cost):
    assert LocalWindow(clock=Clock()).spend([policy(quota=20)], cost)[0].wait_ms > 0
    assert RedisWindow(settings.REDIS_URL).spend([policy(quota=20, key="whole")], cost)[0].wait_ms > 0


def test_the_script_counts_as_the_process_does(redis_client: redis.Redis):
    chance = random.Random(17)
    shared, local = RedisWindow(settings.REDIS_URL), LocalWindow(clock=lambda: redis_time(redis_client))
    both = [policy(quota=40, key="alike-a", window_s=3600), policy(quota=60, key="alike-b", window_s=7200)]

    for _ in range(60):
        cost = chance.randrange(1, 5)
        here, there = local.spend(both, cost), shared.spend(both, cost)
        assert [count.used for count in here] == [count.used for count in there]
        assert [abs(a.wait_ms - b.wait_ms) < 50 for a, b in zip(here, there, strict=True)] == [True, True]
        assert [abs(a.reset_ms - b.reset_ms) < 50 for a, b in zip(here, there, strict=True)] == [True, True]


def test_of_many_at_once_exactly_the_quota_passes():
    shared = RedisWindow(settings.REDIS_URL)

    with ThreadPoolExecutor(16) as threads:
        counts = list(threads.map(lambda _: shared.spend([policy(quota=100, key="crowd")], 1)[0], range(400)))

    assert sum(count.wait_ms == 0 for count in counts) == 100


def test_a_count_is_forgotten_when_its_window_is_over(redis_client: redis.Redis):
    RedisWindow(settings.REDIS_URL).spend([policy(quota=1, key="passing", window_s=12)], 1)

    assert 13_000 <= redis_client.pttl("limit:passing") <= 14_000


def test_without_redis_half_the_quota_passes_here(tmp_path):
    dead = RedisWindow(f"unix://{tmp_path}/nothing.sock")
    limiter = Limiter(dead, LocalWindow(clock=Clock()), Breaker(open_s=60.0))

    counts = [limiter.spend([policy(quota=100)])[0] for _ in range(200)]

    assert sum(count.wait_ms == 0 for count in counts) == 50
    assert counts[0].policy.quota == 50


def redis_time(client: redis.Redis) -> float:
    seconds, microseconds = client.time()
    return seconds + microseconds / 1e6


def test_a_policy_of_a_short_window_still_has_slices():
    assert Policy(name="x", key="x", quota=1, window_s=1).slice_ms == 83
