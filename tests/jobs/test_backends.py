"""What a worker's models need of whatever computes them."""

import pytest

from apps.jobs import runtime
from inference.backends.base import Ability, BackendRefused
from riskscore import tasks


def test_the_risk_model_needs_events_answers_and_walls_between_institutions():
    assert runtime.needs(tasks.MODEL, {}) == {Ability.SCORE, Ability.EVENTS, Ability.SALT}


def test_a_model_that_nobody_spoke_for_needs_nothing():
    assert runtime.needs("unheard of", {}) == frozenset()


def test_a_model_that_speaks_in_words_needs_a_backend_that_generates():
    assert runtime.needs("writer", {"writes": True}) == {Ability.GENERATE}


def test_a_worker_with_an_unknown_backend_does_not_start(settings):
    settings.ENGINE_BACKEND = "triton"

    with pytest.raises(BackendRefused, match="ASSAY_ENGINE_BACKEND"):
        runtime.start([], pool="threads")
