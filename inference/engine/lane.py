"""One model inside the engine: its cache, its scheduler and its runner, stepping together."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from inference.api import DeadlineExceeded, EngineError, GenerateRequest, Question, ScoreRequest, TokenPosition
from inference.checkpoints import LoadedModel
from inference.config import EngineConfig
from inference.engine.answering import Answering
from inference.engine.blocks import BLOCK, BlockPool
from inference.engine.budget import TokenBudget
from inference.engine.cuda.memory import pool_bytes
from inference.engine.cuda.runner import DeviceRunner
from inference.engine.generation.desk import Desk
from inference.engine.generation.writing import Listener
from inference.engine.outlook import Outlook
from inference.engine.prefix import PrefixCache
from inference.engine.prompt import Prompt, lay_out, lay_out_growing
from inference.engine.runner import Runner
from inference.engine.scheduler import Plan, Scheduler
from inference.engine.work import Chunk, Result, Serving, Task, Work


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended: with its result, or with what its future raises."""

    work: Work
    ending: Result | EngineError


class Lane:
    """A loaded checkpoint that serves. Everything but `enter` belongs to the engine's thread."""

    def __init__(
        self, loaded: LoadedModel, config: EngineConfig, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.loaded = loaded
        self._config = config
        self._clock = clock
        on_cpu = config.device == "cpu"
        self._runner: Any = Runner(loaded, threads=config.threads) if on_cpu else DeviceRunner(loaded)
        self.block_bytes = self._runner.probe(self._probe_chunk())
        self.cache: PrefixCache
        self.scheduler: Scheduler
        self.outlook = Outlook(TokenBudget(ceiling=max(BLOCK, config.max_batch_positions)))
        self._desk = Desk(loaded, vocabulary=self._runner.vocabulary)
        self._failed: list[Work] = []

    def allocate(self, blocks: int) -> None:
        """Give the lane its pool. Raises ValueError if the window does not fit a namespace's quota of it."""
        quota = int(blocks * self._config.namespace_quota)
        if quota * BLOCK < self.loaded.window:
            raise ValueError(
                f"memory_mb leaves {quota} blocks a namespace, too few for a window of {self.loaded.window}"
            )
        self._runner.allocate(blocks)
        self._runner.run([self._probe_chunk()])  # the pool's pages are there before the first request: 0.3 s a GiB
        self._runner.zero([1])
        self.cache = PrefixCache(
            BlockPool(blocks),
            salt_key=self._config.salt_key,
            model_digest=self.loaded.ref.digest,
            namespace_blocks=quota,
            zeroes_freed=self._config.zeroes_freed,
            idle_ttl_s=self._config.idle_ttl_s,
            clock=self._clock,
        )
        self.scheduler = Scheduler(
            self.cache,
            max_batch_positions=self._config.max_batch_positions,
            max_batch_requests=self._config.max_batch_requests,
            fair=self._config.fair,
        )

    def enter(self, request: ScoreRequest, *, arrival: int, now: float) -> Work:
        """Check a request and lay it out; safe from any thread. Raises InvalidRequest, WindowExceeded."""
        prompt = lay_out(
            request, schema=self.loaded.schema, window=self.loaded.window, vocabulary=self._runner.vocabulary
        )
        return self._work(request, prompt, Answering(request, prompt), arrival=arrival, now=now)

    def enter_generation(
        self, request: GenerateRequest, listener: Listener | None, *, arrival: int, now: float
    ) -> Work:
        """As `enter`, for a generation."""
        prompt = lay_out_growing(
            request, schema=self.loaded.schema, window=self.loaded.window, vocabulary=self._runner.vocabulary
        )
        return self._work(request, prompt, self._desk.task(request, prompt, listener), arrival=arrival, now=now)

    def _work(
        self, request: ScoreRequest | GenerateRequest, prompt: Prompt, task: Task, *, arrival: int, now: float
    ) -> Work:
        salt = self.cache.salt(request.namespace)
        keys = self.cache.chain(salt, prompt.digests)
        return Work(request=request, prompt=prompt, task=task, salt=salt, keys=keys, arrival=arrival, submitted_at=now)

    def admit(self, work: Work, now: float) -> None:
        """Let a request wait for its turn. Raises OutOfBlocks if it could never have one, and Shed."""
        if self._config.sheds:
            self.outlook.check_arrival(work, self.scheduler, self.cache, now)
        self.scheduler.admit(work)

    def overdue(self, now: float) -> list[Outcome]:
        """Requests whose deadline has passed, or will before they can be computed, taken out."""
        late = [Outcome(work, DeadlineExceeded("the deadline passed")) for work in self.scheduler.expired(now)]
        self.scheduler.remove([outcome.work for outcome in late])
        hopeless = self.outlook.hopeless(self.scheduler, now) if self._config.sheds else []
        self.scheduler.remove([work for work, _ in hopeless])
        return late + [Outcome(work, shed) for work, shed in hopeless]

    def step(self, *, clock: Callable[[], float]) -> tuple[Plan, list[Outcome]]:
        """Compute one batch. Raises what the model raises; the step is undone then, see `take_failed`."""
        began_at = clock()
        slack_s = self.scheduler.slack(began_at)
        self.scheduler.budget = self.outlook.budget.positions
        plan = self.scheduler.plan()
        for work in plan.begun:
            work.started_at = work.started_at if work.started_at is not None else began_at
        self._runner.zero(self.cache.take_soiled())
        if not plan.chunks:
            return plan, []
        try:
            readout, rows = self._runner.run(plan.chunks)
        except BaseException:
            self._failed = self.scheduler.abort(plan)
            raise
        now = clock()
        self.outlook.learn(plan, duration_s=now - began_at, slack_s=slack_s)
        refused = []
        for chunk, asked in zip(plan.chunks, rows, strict=True):
            try:
                chunk.work.task.read(readout, asked, now)
            except EngineError as error:
                refused.append(Outcome(chunk.work, error))
        return plan, self._conclude(plan, refused, now)

    def _conclude(self, plan: Plan, refused: list[Outcome], now: float) -> list[Outcome]:
        finished = self.scheduler.commit(plan)
        lost = {outcome.work for outcome in refused}
        self.scheduler.remove([work for work in lost if work not in finished])
        return refused + [Outcome(work, self._result(work, now)) for work in finished if work not in lost]

    def take_failed(self) -> list[Work]:
        """Requests of the step that failed, taken out."""
        failed, self._failed = self._failed, []
        return failed

    def purge(self, namespace: str) -> int:
        """Forget and zero a namespace's cached blocks; returns how many."""
        count = self.cache.purge(self.cache.salt(namespace))
        self._runner.zero(self.cache.take_soiled())
        return count

    def settle(self) -> None:
        """Forget what was idle for too long, and zero what is to leave nothing behind."""
        self.cache.expire()
        self._runner.zero(self.cache.take_soiled())

    def _result(self, work: Work, now: float) -> Result:
        assert work.started_at is not None
        serving = Serving(
            model=self.loaded.ref,
            cached=work.cached,
            shared=work.shared,
            submitted_at=work.submitted_at,
            started_at=work.started_at,
            ended_at=now,
        )
        return work.task.result(serving)

    def _probe_chunk(self) -> Chunk:
        """A request of two tokens, to learn the pools' shapes from."""
        question = Question(id="probe", positions=(TokenPosition(0),), labels=(0, 1))
        request = ScoreRequest(id="probe", model="", namespace="", record=(TokenPosition(0),), questions=(question,))
        prompt = lay_out(request, schema=None, window=2, vocabulary=self._runner.vocabulary)
        task = Answering(request, prompt)
        work = Work(request=request, prompt=prompt, task=task, salt=b"", keys=[], arrival=0, submitted_at=0.0)
        work.place([1])
        return Chunk(work, 0, prompt.total)


def share_out(lanes: Sequence[Lane], config: EngineConfig) -> None:
    """Divide the memory that the weights leave among the lanes, as many blocks for each.

    Raises:
        ValueError: too little is left for one full window in each lane.
    """
    left = config.memory_mb * 2**20 - sum(lane.loaded.weight_bytes for lane in lanes)
    if not config.memory_mb:
        left = pool_bytes(config.device)
    blocks = left // sum(lane.block_bytes for lane in lanes) - 1  # one more is scratch
    for lane in lanes:
        lane.allocate(max(0, blocks))
