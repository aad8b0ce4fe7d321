"""How memory, hit rate and latency behave from 100 to 1,000,000 accounts: the real cache, with a scripted cost.

Accounts call by chance, some far more often than others (Zipf); each call reads what the cache still holds of
its account and computes the rest, one call after the other, arriving at a rate that keeps a warm engine busy 80 %.
"""

import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from statistics import quantiles

from inference.engine.blocks import BLOCK, BlockPool
from inference.engine.prefix import CONTENT_BYTES, DIGEST_BYTES, PrefixCache

CONTEXT, TAIL = 480, 26  # positions of a full history; of profile, event and questions, always computed
CALLS = 20_000
WARM_SHARE = 0.8  # of the time a warm engine computes
SKEW = 1.0  # of Zipf's law
SEED = 20_261_129


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Milliseconds of one call: at least ``fixed``, and so many for each position that is computed."""

    fixed_ms: float
    position_ms: float

    def of(self, positions: int) -> float:
        """Of a call that computes so many."""
        return self.fixed_ms + self.position_ms * positions


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One population: share of positions read from the cache, busy share, and latency with waiting."""

    accounts: int
    hit_rate: float
    busy: float
    p50_ms: float
    p99_ms: float


def simulate(accounts: int, *, blocks: int, cost: Cost, calls: int = CALLS) -> Outcome:
    """Serve ``calls`` calls of so many accounts from a cache of so many blocks; the first half only warms it."""
    chance = random.Random(SEED)
    cache = PrefixCache(BlockPool(blocks), salt_key=bytes(32), model_digest="model", namespace_blocks=blocks)
    owner = cache.salt("bank")
    weights = list(accumulate((rank + 1) ** -SKEW for rank in range(accounts)))
    gap_ms = cost.of(TAIL) / WARM_SHARE
    due = free_at = busy = 0.0
    latencies, read = [], 0
    for call in range(calls):
        account = bisect_left(weights, chance.random() * weights[-1])
        found = _serve(cache, owner, account)
        due += chance.expovariate(1 / gap_ms)
        took = cost.of(CONTEXT + TAIL - found)
        free_at = max(due, free_at) + took
        if call >= calls // 2:
            latencies.append(free_at - due)
            read += found
            busy += took
    cuts = quantiles(latencies, n=100, method="inclusive")
    return Outcome(
        accounts=accounts,
        hit_rate=read / (len(latencies) * (CONTEXT + TAIL)),
        busy=min(1.0, busy / (gap_ms * len(latencies))),
        p50_ms=cuts[49],
        p99_ms=cuts[98],
    )


def _serve(cache: PrefixCache, owner: bytes, account: int) -> int:
    """Have an account's record in the cache, as an engine leaves it; returns the positions that were there before."""
    digests = b"".join(sha256(b"%d:%d" % (account, at)).digest()[:DIGEST_BYTES] for at in range(0, CONTEXT, BLOCK))
    contents = [digests[at : at + DIGEST_BYTES] * BLOCK for at in range(0, len(digests), DIGEST_BYTES)]
    assert len(contents[0]) == CONTENT_BYTES
    keys = cache.chain(owner, b"".join(contents))
    held: list[int] = []
    for key, content in zip(keys, contents, strict=True):
        block = cache.find(key, content, owner)
        if block is None:
            break
        held.append(block)
    found = len(held)
    new = cache.take(len(keys) - found, owner)
    for block, key, content in zip(new, keys[found:], contents[found:], strict=True):
        cache.keep(block, key, content)
    cache.release([*held, *new])
    return found * BLOCK


def rows_of(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """A line for each population."""
    return [
        (f"{one.accounts:,}", f"{one.hit_rate:.1%}", f"{one.busy:.0%}", f"{one.p50_ms:,.1f}", f"{one.p99_ms:,.1f}")
        for one in outcomes
    ]
