"""The work: a short sleep, a long sleep, a hang, three kinds of poison, or a score by the real engine."""

import os
import resource
import signal
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
DOZE = kinds.JobKind(name="chaos.doze", task_name="chaos.doze", queue="chaos", lease_s=1.0)
KILL = kinds.JobKind(name="chaos.kill", task_name="chaos.kill", queue="chaos", lease_s=LEASE_S)
EXIT = kinds.JobKind(name="chaos.exit", task_name="chaos.exit", queue="chaos", lease_s=LEASE_S)
BOMB = kinds.JobKind(name="chaos.bomb", task_name="chaos.bomb", queue="chaos", lease_s=LEASE_S)
HANG = kinds.JobKind(name="chaos.hang", task_name="chaos.hang", queue="chaos", lease_s=LEASE_S)
SCORE = kinds.JobKind(name="chaos.score", task_name="chaos.score", queue="inference", lease_s=LEASE_S)
KINDS = (SLEEP, NAP, DOZE, KILL, EXIT, BOMB, HANG, SCORE)

QUICK, SLOW, MIDDLING = (ScriptedEngine(delay_s=delay_s) for delay_s in (0.05, 1.5, 0.8))
BOMB_BYTES = 512 * 2**20  # more than the worker may have


def ask(job_id: str, engine: Engine) -> bool:
    """Claim the job, ask the engine, and write the effect and the end in one transaction."""
    return perform(job_id=UUID(job_id), work=partial(_ask, engine), clock=timezone.now)


def hang_at_first(job_id: str) -> bool:
    """On the first attempt, a step that never ends, under the engine's own watchdog."""
    return perform(job_id=UUID(job_id), work=_hang_at_first, clock=timezone.now)


def swallow(job_id: str, poison: str) -> bool:
    """Do what ends a worker, or would: once claimed, so that the attempt counts."""
    return perform(job_id=UUID(job_id), work=lambda _claim: POISONS[poison](), clock=timezone.now)


def _bomb() -> None:
    used = int(next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1]) * 1024  # noqa: SIM115
    resource.setrlimit(resource.RLIMIT_AS, (used + BOMB_BYTES // 2, resource.RLIM_INFINITY))
    try:
        bytearray(BOMB_BYTES)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


POISONS = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda: os._exit(9),
    "bomb": _bomb,
}


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
