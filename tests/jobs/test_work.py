"""One attempt at one job, whatever the engine says."""

from functools import partial
from uuid import uuid4

import pytest

from apps.jobs import services
from apps.jobs.work import perform
from inference import api
from inference.api import Question, ScoreRequest, TokenPosition
from tests.engines import ScriptedEngine
from tests.jobs.conftest import NOW, answered, facts, later, make_job

pytestmark = pytest.mark.django_db

QUESTION = Question(id="fraud", positions=(TokenPosition(1),), labels=(3, 4))


def score(engine, claim):
    """A domain's work in small: ask the engine, then finish."""
    request = ScoreRequest(id=str(uuid4()), model="risk", namespace="n", record=(), questions=(QUESTION,))
    engine.submit(request).result(timeout=5)
    services.finish(claim=claim, now=NOW)


def crash(_claim):
    raise ZeroDivisionError


def attempt(job, engine, at=NOW):
    return perform(job_id=job.pk, work=partial(score, engine), clock=lambda: at)


def test_a_job_is_done_once_however_often_its_message_comes(bank):
    job, engine = make_job(bank), ScriptedEngine()

    assert [attempt(job, engine) for _ in range(3)] == [True, False, False]

    assert facts(job) == ("succeeded", 1, 1, "")
    assert len(engine.requests) == 1


@pytest.mark.parametrize("refusal", [api.EngineStopped("drains"), api.QueueFull("full")])
def test_an_engine_that_cannot_take_it_now_costs_no_attempt(bank, refusal):
    job = make_job(bank)

    assert not attempt(job, ScriptedEngine(failures=[refusal]))

    assert facts(job) == ("queued", 0, 1, "")


@pytest.mark.parametrize(
    "refusal", [api.WindowExceeded("long"), api.InvalidRequest("odd"), api.UnknownModel("who"), api.Cancelled("no")]
)
def test_what_a_second_try_cannot_change_ends_the_job(bank, refusal):
    job = make_job(bank)

    assert not attempt(job, ScriptedEngine(failures=[refusal]))

    assert facts(job) == ("failed", 1, 1, refusal.code)
    assert [(job.pk, "failed")] == answered


def test_a_want_of_blocks_is_tried_again(bank):
    job = make_job(bank)

    assert not attempt(job, ScriptedEngine(failures=[api.OutOfBlocks("pool")]))

    assert facts(job) == ("queued", 1, 1, "out_of_blocks")


@pytest.mark.parametrize("foreseen", [api.DeadlineExceeded("late"), api.Shed(wait_s=3.0, own_s=0.1)])
def test_a_deadline_the_engine_foresees_ends_the_job(bank, foreseen):
    job = make_job(bank)

    assert not attempt(job, ScriptedEngine(failures=[foreseen]))

    assert facts(job) == ("failed", 1, 1, foreseen.code)
    assert [(job.pk, "failed")] == answered


def test_a_crash_inside_the_work_is_tried_again_and_then_a_dead_letter(bank):
    job = make_job(bank)

    for at in (0, 10, 20):
        assert not perform(job_id=job.pk, work=crash, clock=partial(later, at))

    assert facts(job) == ("failed", 3, 3, "internal_error")


def test_a_job_cancelled_while_it_runs_stays_cancelled(bank):
    job = make_job(bank)

    def cancelled_meanwhile(claim):
        services.cancel(job_id=job.pk, institution_id=bank.pk, now=NOW)
        score(ScriptedEngine(), claim)

    assert not perform(job_id=job.pk, work=cancelled_meanwhile, clock=lambda: NOW)

    assert facts(job) == ("cancelled", 1, 1, "")
