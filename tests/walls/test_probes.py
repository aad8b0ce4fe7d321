"""Nobody learns of, or changes, what is another institution's: the ways of the OpenAPI file, a few at each place."""

import pytest

from apps.api.limits.policies import Kind
from tests.walls.attack import attack, without_managers
from tests.walls.estates import estate

pytestmark = pytest.mark.django_db(transaction=True)

SEED = 20261124


@pytest.fixture
def estates(settings):
    settings.LIMITS = dict.fromkeys(Kind, 10**9)
    settings.QUEUE_BOUND = 10**9
    return [estate(name) for name in ("First Bank", "Second Bank")]


def test_there_is_something_of_everything_to_find(estates):
    assert [label for label, pks in estates[0].identifiers().items() if not pks] == []


def test_both_walls_together_show_nothing(estates):
    outcome = attack(estates, each=1, most=2, seed=SEED, behind_policies=True)

    assert outcome.sent >= 90
    assert (outcome.leaks, outcome.told_apart, outcome.broken, outcome.changed) == ([], [], [], [])


def test_the_managers_alone_show_nothing(estates):
    outcome = attack(estates, each=1, most=2, seed=SEED, behind_policies=False, twins=False)

    assert (outcome.leaks, outcome.broken, outcome.changed) == ([], [], [])


def test_the_policies_alone_show_nothing(estates, monkeypatch):
    without_managers(monkeypatch)
    outcome = attack(estates, each=1, most=2, seed=SEED, behind_policies=True, twins=False)

    assert (outcome.leaks, outcome.broken, outcome.changed) == ([], [], [])


def test_without_both_the_probes_find_what_they_look_for(estates, monkeypatch):
    without_managers(monkeypatch)
    outcome = attack(estates, each=1, most=2, seed=SEED, behind_policies=False, twins=False)

    assert len(outcome.leaks) >= 4
