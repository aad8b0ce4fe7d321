"""Rates counted in Redis by one script, and in this process while Redis is away.

The script sees the clock of Redis, so that web processes need not agree on the time; it counts a request
against all its policies or against none, so that of a thousand at once exactly the quota passes.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.api.limits.windows import SLICES, Count, LocalWindow, Policy
from apps.common.breaker import Breaker

log = structlog.get_logger(__name__)

TIMEOUT_S = 0.1
OPEN_S = 2.0  # how long a failure keeps us from asking Redis again
WITHOUT_REDIS = 0.5  # of each quota, per web process, while Redis is away: limited rather than unlimited or closed

SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local cost = tonumber(ARGV[1])
local all, refused = {}, false
for i, key in ipairs(KEYS) do
  local quota, length = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local current, used, live, raw = math.floor(now / length), 0, {}, redis.call('HGETALL', key)
  for j = 1, #raw, 2 do
    local number, count = tonumber(raw[j]), tonumber(raw[j + 1])
    if number < current - SLICES then
      redis.call('HDEL', key, raw[j])
    else
      used = used + count
      live[#live + 1] = {number, count}
    end
  end
  table.sort(live, function(a, b) return a[1] < b[1] end)
  local wait, left = 0, used
  for _, slice in ipairs(live) do
    if left + cost <= quota then break end
    left = left - slice[2]
    if left + cost <= quota then wait = (slice[1] + SLICES + 1) * length - now end
  end
  if left + cost > quota then wait = (SLICES + 1) * length end
  refused = refused or wait > 0
  local oldest = live[1] and live[1][1] or current
  all[i] = {key, current, length, used, wait, (oldest + SLICES + 1) * length - now}
end
local answer = {}
for i, one in ipairs(all) do
  if not refused then
    redis.call('HINCRBY', one[1], one[2], cost)
    redis.call('PEXPIRE', one[1], (SLICES + 2) * one[3])
    one[4] = one[4] + cost
  end
  answer[3 * i - 2], answer[3 * i - 1], answer[3 * i] = one[4], one[5], one[6]
end
return answer
""".replace("SLICES", str(SLICES))


class RedisWindow:
    """Counts that all web processes share. Raises `redis.RedisError` where Redis does not answer in 0.1 s."""

    def __init__(self, url: str) -> None:
        """Prepare to count at ``url``; connects with the first request."""
        client = redis.Redis.from_url(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0)
        )
        self._script = client.register_script(SCRIPT)  # sent by digest; whole where Redis has forgotten it

    def spend(self, policies: Sequence[Policy], cost: int) -> list[Count]:
        """See `Window`."""
        numbers = [number for policy in policies for number in (policy.quota, policy.slice_ms)]
        answer = self._script(keys=[f"limit:{policy.key}" for policy in policies], args=[cost, *numbers])
        return [
            Count(policy=policy, used=used, wait_ms=wait_ms, reset_ms=reset_ms)
            for policy, used, wait_ms, reset_ms in zip(policies, *[iter(answer)] * 3, strict=False)
        ]


class Limiter:
    """Counts in Redis; in this process, with half of every quota, while Redis does not answer."""

    def __init__(self, shared: RedisWindow, local: LocalWindow, breaker: Breaker) -> None:
        self._shared = shared
        self._local = local
        self._breaker = breaker

    def spend(self, policies: Sequence[Policy], cost: int = 1) -> list[Count]:
        """Count a request. Never raises; costs at most 0.1 s once in two seconds while Redis is away."""
        if self._breaker.allows():
            try:
                counts = self._shared.spend(policies, cost)
            except (redis.RedisError, OSError) as error:
                self._breaker.failed()
                log.warning("limits_counted_here", error=type(error).__name__)
            else:
                self._breaker.succeeded()
                return counts
        return self._local.spend([_without_redis(policy) for policy in policies], cost)


def _without_redis(policy: Policy) -> Policy:
    return replace(policy, quota=max(1, int(policy.quota * WITHOUT_REDIS)))


@cache
def limiter(url: str = "") -> Limiter:
    """This process's limiter."""
    shared = RedisWindow(url or settings.REDIS_URL)
    return Limiter(shared, LocalWindow(clock=time.monotonic), Breaker(open_s=OPEN_S))
