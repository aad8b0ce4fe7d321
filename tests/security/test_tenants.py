"""S1: thousands of ways to reach for another institution's records, with both walls, with each alone, and with none."""

from typing import Any

import pytest

from apps.api.limits.policies import Kind
from tests.walls.attack import attack, without_managers
from tests.walls.estates import Estate, estate

pytestmark = [pytest.mark.security, pytest.mark.django_db(transaction=True), pytest.mark.timeout(3600)]

SEED = 20261124
NAMES = ("First Bank", "Second Bank", "Third Bank")
EVERY = 10**6


@pytest.fixture
def estates(settings: Any) -> list[Estate]:
    """Three institutions that have something of everything, and no limit on how often they may ask."""
    settings.LIMITS = dict.fromkeys(Kind, 10**9)
    settings.QUEUE_BOUND = 10**9
    return [estate(name) for name in NAMES]


def test_both_walls_show_nothing_and_tell_a_stranger_nothing(estates, capsys):
    outcome = attack(estates, each=2, most=EVERY, seed=SEED, behind_policies=True)
    with capsys.disabled():
        print("\n" + outcome.line("both walls"))

    assert outcome.sent >= 5000
    assert (outcome.leaks, outcome.told_apart, outcome.broken, outcome.changed) == ([], [], [], [])


def test_row_level_security_alone_shows_nothing(estates, monkeypatch, capsys):
    without_managers(monkeypatch)
    outcome = attack(estates, each=2, most=EVERY, seed=SEED, behind_policies=True, twins=False)
    with capsys.disabled():
        print("\n" + outcome.line("row-level security alone"))

    assert outcome.sent >= 5000
    assert (outcome.leaks, outcome.broken, outcome.changed) == ([], [], [])


def test_the_managers_alone_show_nothing(estates, capsys):
    outcome = attack(estates, each=2, most=EVERY, seed=SEED, behind_policies=False, twins=False)
    with capsys.disabled():
        print("\n" + outcome.line("managers alone"))

    assert outcome.sent >= 5000
    assert (outcome.leaks, outcome.broken, outcome.changed) == ([], [], [])


def test_with_neither_wall_the_same_probes_leak_and_change(estates, monkeypatch, capsys):
    without_managers(monkeypatch)
    outcome = attack(estates, each=1, most=40, seed=SEED, behind_policies=False, twins=False)
    with capsys.disabled():
        print("\n" + outcome.line("neither"))

    assert len(outcome.leaks) >= 10
    assert len(outcome.changed) >= 1
