"""Calls about accounts, sent to an engine at their moments, and what became of each."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from statistics import quantiles

from benchmarks.scoring import CHECKPOINT
from inference.api import EngineError, EventPosition, EventSchema, Priority, Question, ScoreRequest, TokenPosition
from inference.checkpoints import load_checkpoint
from inference.config import EngineConfig
from inference.engine import EngineCore
from inference.metrics import EngineObserver, StepReport

HISTORY, TAIL = 480, 26  # events of a full account, cached once it was read; what a call asks after them
LABELS = (3, 4)
GIVE_UP_S = 120.0
SEED = 20_261_125
_ids = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: who asks about what, when (seconds from the beginning), and how long it may take (None: long)."""

    due_s: float
    namespace: str
    record: tuple[EventPosition, ...]
    tail: tuple[EventPosition, ...]
    priority: Priority = Priority.NORMAL
    patience_s: float | None = None

    def request(self, due_at: float) -> ScoreRequest:
        """The call, due at that moment of the monotonic clock."""
        question = Question(id="fraud", positions=(*self.tail, TokenPosition(1)), labels=LABELS)
        return ScoreRequest(
            id=f"call-{next(_ids)}",
            model="risk",
            namespace=self.namespace,
            record=self.record,
            questions=(question,),
            priority=self.priority,
            deadline_at=None if self.patience_s is None else due_at + self.patience_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What became of a call: milliseconds from when it was due, its error's code, positions read from the cache."""

    call: Call
    ms: float
    code: str = ""
    cached: int = 0

    @property
    def kept(self) -> bool:
        """Whether it was answered, in time if time was given."""
        patience_s = self.call.patience_s
        return not self.code and (patience_s is None or self.ms <= 1000 * patience_s)


@dataclass(frozen=True, slots=True)
class Steps:
    """Of an engine: seconds in steps, how many there were, and what they computed."""

    seconds: float = 0.0
    count: int = 0
    requests: int = 0
    positions: int = 0

    def since(self, before: "Steps") -> "Steps":
        """What came after."""
        return Steps(
            self.seconds - before.seconds,
            self.count - before.count,
            self.requests - before.requests,
            self.positions - before.positions,
        )


@dataclass
class Watch(EngineObserver):
    """Counts an engine's steps."""

    steps: Steps = field(default_factory=Steps)

    def on_step(self, report: StepReport) -> None:
        """Add one."""
        before = self.steps
        self.steps = Steps(
            before.seconds + report.duration_s,
            before.count + 1,
            before.requests + report.requests,
            before.positions + report.positions,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One arm: what became of its calls, how long it took, and what the engine did meanwhile."""

    endings: tuple[Ending, ...]
    wall_s: float
    steps: Steps

    @property
    def per_s(self) -> float:
        """Answered calls a second."""
        return sum(not ending.code for ending in self.endings) / self.wall_s

    @property
    def busy(self) -> float:
        """Share of the time in which a step was computed."""
        return self.steps.seconds / self.wall_s

    @property
    def together(self) -> float:
        """Requests in a step, on average."""
        return self.steps.requests / max(1, self.steps.count)

    @property
    def kept(self) -> float:
        """Share of calls that were answered in their time."""
        return sum(ending.kept for ending in self.endings) / len(self.endings)

    def of(self, namespace: str) -> "Run":
        """The calls of one institution alone."""
        return replace(self, endings=tuple(one for one in self.endings if one.call.namespace == namespace))

    def quantile_ms(self, percent: int) -> float:
        """Of the latency of what was answered; NaN if that is too little."""
        answered = [ending.ms for ending in self.endings if not ending.code]
        return quantiles(answered, n=100, method="inclusive")[percent - 1] if len(answered) > 1 else float("nan")


class Bench:
    """The shipped risk model behind an engine, and the accounts that call it."""

    def __init__(self, engine: EngineCore, schema: EventSchema, watch: Watch) -> None:
        self.engine = engine
        self._schema, self._watch = schema, watch
        self._draw = random.Random(SEED)
        self._histories: dict[tuple[str, int], tuple[EventPosition, ...]] = {}

    def events(self, total: int) -> tuple[EventPosition, ...]:
        """So many events that nobody has seen."""
        return tuple(
            self._schema.pack(
                [self._draw.gauss(0, 1) for _ in self._schema.numbers],
                [self._draw.randrange(one.size) for one in self._schema.categories],
            )
            for _ in range(total)
        )

    def call(self, due_s: float, namespace: str, account: int, *, patience_s: float | None = None) -> Call:
        """Something new about an account, whose record is the same each time."""
        whose = (namespace, account)
        if whose not in self._histories:
            self._histories[whose] = self.events(HISTORY)
        tail = self.events(TAIL - 1)
        return Call(due_s=due_s, namespace=namespace, record=self._histories[whose], tail=tail, patience_s=patience_s)

    def warm(self, namespace: str, accounts: int) -> None:
        """Read every account once."""
        self.closed([self.call(0.0, namespace, account) for account in range(accounts)], clients=8)

    def open(self, calls: Sequence[Call]) -> Run:
        """Send every call at its moment, whatever became of those before, and wait for them all."""

        def send(ended: Callable[[Ending], None]) -> None:
            begun = time.monotonic() + 0.05
            for call in sorted(calls, key=lambda call: call.due_s):
                due_at = begun + call.due_s
                time.sleep(max(0.0, due_at - time.monotonic()))
                flying.append(self._submit(call, due_at, ended))

        flying: list[Future[None]] = []
        return self._watched(send, flying)

    def closed(self, calls: Sequence[Call], *, clients: int) -> Run:
        """So many clients, each sending its next call when its last one was answered: what can be done at most."""

        def send(ended: Callable[[Ending], None]) -> None:
            waiting: set[Future[None]] = set()
            for call in calls:
                while len(waiting) >= clients:
                    waiting -= wait(waiting, timeout=GIVE_UP_S, return_when=FIRST_COMPLETED).done
                flying.append(self._submit(call, time.monotonic(), ended))
                waiting.add(flying[-1])

        flying: list[Future[None]] = []
        return self._watched(send, flying)

    def _watched(self, send: Callable[[Callable[[Ending], None]], None], flying: Sequence["Future[None]"]) -> Run:
        endings: list[Ending] = []
        before, begun = self._watch.steps, time.monotonic()
        send(endings.append)
        lost = wait(flying, timeout=GIVE_UP_S).not_done
        if lost:
            raise TimeoutError(f"{len(lost)} calls were not answered within {GIVE_UP_S:.0f} s")
        wall_s = time.monotonic() - begun
        return Run(endings=tuple(endings), wall_s=wall_s, steps=self._watch.steps.since(before))

    def _submit(self, call: Call, due_at: float, ended: Callable[[Ending], None]) -> "Future[None]":
        settled: Future[None] = Future()

        def settle(code: str = "", cached: int = 0) -> None:
            ended(Ending(call=call, ms=1000 * (time.monotonic() - due_at), code=code, cached=cached))
            settled.set_result(None)

        try:
            future = self.engine.submit(call.request(due_at))
        except EngineError as error:
            settle(error.code)
            return settled
        future.add_done_callback(
            lambda done: (
                settle(getattr(done.exception(), "code", "error"))
                if done.exception()
                else settle(cached=done.result().usage.cached + done.result().usage.shared)
            )
        )
        return settled


@contextmanager
def serving(config: EngineConfig) -> Iterator[Bench]:
    """The shipped risk model, served."""
    loaded = load_checkpoint(CHECKPOINT, name="risk", config=config)
    assert loaded.schema is not None
    watch = Watch()
    engine = EngineCore([loaded], config, observer=watch)
    engine.start()
    try:
        yield Bench(engine, loaded.schema, watch)
    finally:
        engine.stop()


def poisson(rate: float, seconds: float, *, seed: int) -> Iterator[float]:
    """Moments at which calls are due, ``rate`` a second on average."""
    chance, at = random.Random(seed), 0.0
    while (at := at + chance.expovariate(rate)) < seconds:
        yield at
