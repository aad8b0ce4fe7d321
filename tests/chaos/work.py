"""The work: a short sleep, a long sleep, a hang, or a score by the real engine."""

import os
import threading
import time
from functools import partial
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from apps.jobs import kinds, runtime, services
from apps.jobs.services import Claim, FenceLost
from apps.jobs.work import perform
from inference.api import Engine, Question, ScoreRequest, TokenPosition
from tests.chaos.models import Effect, Rejection
from tests.engines import ScriptedEngine

LEASE_S = 4.0
HANG_S = 1.0  # what the watchdog allows

SLEEP = kinds.JobKind(name="chaos.sleep", task_name="chaos.sleep", queue="chaos", lease_s=LEASE_S)
NAP = kinds.JobKind(name="chaos.nap", task_name="chaos.nap", queue="chaos", lease_s=LEASE_S)
HANG = kinds.JobKind(name="chaos.hang", task_name="chaos.hang", queue="chaos", lease_s=LEASE_S)
SCORE = kinds.JobKind(name="chaos.score", task_name="chaos.score", queue="inference", lease_s=LEASE_S)
KINDS = (SLEEP, NAP, HANG, SCORE)

QUICK, SLOW = ScriptedEngine(delay_s=0.05), ScriptedEngine(delay_s=1.5)


def ask(job_id: str, engine: Engine) -> bool:
    """Claim the job, ask the engine, and write the effect and the end in one transaction."""
    return perform(job_id=UUID(job_id), work=partial(_ask, engine), clock=timezone.now)


def hang_at_first(job_id: str) -> bool:
    """On the first attempt, a step that never ends, under the engine's own watchdog."""
    return perform(job_id=UUID(job_id), work=_hang_at_first, clock=timezone.now)


def _ask(engine: Engine, claim: Claim) -> None:
    engine.submit(_request(claim)).result(timeout=60.0)
    try:
        with transaction.atomic():
            services.finish(claim=claim, now=timezone.now())
            Effect.objects.create(job_id=claim.job_id, fence=claim.fence, worker=str(os.getpid()))
    except FenceLost:
        Rejection.objects.create(job_id=claim.job_id, fence=claim.fence)
        raise


def _hang_at_first(claim: Claim) -> None:
    if claim.attempt > 1:
        return _ask(QUICK, claim)
    from inference.engine.watchdog import Watchdog

    watchdog = Watchdog(timeout_s=HANG_S, clock=time.monotonic, on_stall=runtime.die)
    watchdog.start()
    watchdog.begin()
    threading.Event().wait()
    return None


def _request(claim: Claim) -> ScoreRequest:
    record = tuple(TokenPosition(8 + byte % 8) for byte in claim.job_id.bytes)
    question = Question(id="fraud", positions=(TokenPosition(1),), labels=(3, 4))
    namespace = str(claim.institution_id)
    return ScoreRequest(id=str(uuid4()), model="risk", namespace=namespace, record=record, questions=(question,))
