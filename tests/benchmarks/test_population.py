"""The fewer accounts fit the cache, the more is computed and the longer calls take."""

from benchmarks.population import CONTEXT, TAIL, Cost, simulate

COST = Cost(fixed_ms=2.0, position_ms=0.05)


def test_accounts_that_all_fit_are_read_from_the_cache():
    found = simulate(20, blocks=20 * CONTEXT // 16, cost=COST, calls=2_000)

    assert found.hit_rate == CONTEXT / (CONTEXT + TAIL)
    assert 0.7 < found.busy < 0.9


def test_accounts_that_do_not_fit_cost_more_and_wait_longer():
    few = simulate(20, blocks=600, cost=COST, calls=2_000)
    many = simulate(5_000, blocks=600, cost=COST, calls=2_000)

    assert many.hit_rate < few.hit_rate / 2
    assert many.p99_ms > 10 * few.p99_ms
