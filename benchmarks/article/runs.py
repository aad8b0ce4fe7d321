"""One checkpoint at one precision: what it writes in every talk, and how long that takes."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median

import torch

from benchmarks.article.words import END, Form, Talk, Turn, talks
from inference.api import GenerateRequest, Precision, TokenPosition
from inference.checkpoints import LoadedModel, load_checkpoint
from inference.config import EngineConfig
from inference.engine import EngineCore

TOGETHER, REPETITIONS = 16, 5
SEED = 20_261_128
WORDS_OF_ANSWER = 24
# Of talks by chance: positions told in each turn, tokens written after it.
BY_CHANCE = {Form.SHORT: ((32,), 32), Form.DOCUMENT: ((1024,), 64), Form.DIALOGUE: ((128, 64, 64, 64), 32)}
Written = tuple[int, ...]
_ids = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Talks of one form, and how their answers end; without references the model goes on from its own words."""

    talks: tuple[Talk, ...]
    new_tokens: int
    stops: frozenset[int]
    has_references: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Of one form: milliseconds a token alone, tokens a second alone and together, and all that was written."""

    ms_per_token: float
    together_per_s: float
    written: tuple[Written, ...]

    @property
    def alone_per_s(self) -> float:
        """Tokens a second of one talk at a time."""
        return 1000 / self.ms_per_token


def spoken(total: int) -> dict[Form, Script]:
    """Talks in words, with the answers that follow from them."""
    return {
        form: Script(
            talks=tuple(talks(form, total, seed=SEED)),
            new_tokens=WORDS_OF_ANSWER,
            stops=frozenset({END}),
            has_references=True,
        )
        for form in Form
    }


def by_chance(vocabulary: int) -> dict[Form, Script]:
    """Token ids by chance, for a checkpoint whose language nobody here knows."""
    chance, scripts = random.Random(SEED), {}
    for form, (lengths, new_tokens) in BY_CHANCE.items():
        made = [
            tuple(Turn(told=tuple(chance.choices(range(vocabulary), k=size)), summary=()) for size in lengths)
            for _ in range(TOGETHER)
        ]
        scripts[form] = Script(talks=tuple(made), new_tokens=new_tokens, stops=frozenset(), has_references=False)
    return scripts


@contextmanager
def serving(path: Path, precision: Precision) -> Iterator[tuple[EngineCore, LoadedModel]]:
    """An engine with this checkpoint alone."""
    config = EngineConfig(
        precision=precision, threads=torch.get_num_threads(), memory_mb=8192, salt_key=bytes(32), stall_timeout_s=600.0
    )
    loaded = load_checkpoint(path, name="model", config=config)
    engine = EngineCore([loaded], config)
    engine.start()
    try:
        yield engine, loaded
    finally:
        engine.stop()


def measure(engine: EngineCore, scripts: Mapping[Form, Script]) -> dict[Form, Run]:
    """Every form: all talks once, which also warms up, then some alone and some together, nothing cached before."""
    found = {}
    for form, script in scripts.items():
        written = _talk(engine, script, script.talks)
        alone = [_timed(engine, script, script.talks[turn : turn + 1]) for turn in range(REPETITIONS)]
        together = [_timed(engine, script, script.talks[:TOGETHER]) for _ in range(REPETITIONS)]
        found[form] = Run(
            ms_per_token=median(1000 * seconds / tokens for seconds, tokens in alone),
            together_per_s=median(tokens / seconds for seconds, tokens in together),
            written=written,
        )
    return found


def _timed(engine: EngineCore, script: Script, chosen: Sequence[Talk]) -> tuple[float, int]:
    engine.purge("bench")
    started = time.perf_counter()
    written = _talk(engine, script, chosen)
    return time.perf_counter() - started, sum(len(line) + bool(script.stops) for line in written)


def _talk(engine: EngineCore, script: Script, chosen: Sequence[Talk]) -> tuple[Written, ...]:
    """All talks at once, turn by turn; what was said before is cached."""
    records: list[Written] = [() for _ in chosen]
    written: list[list[Written]] = [[] for _ in chosen]
    for place in range(len(chosen[0])):
        records = [record + talk[place].told for record, talk in zip(records, chosen, strict=True)]
        futures = [engine.generate(_request(record, script)) for record in records]
        for number, future in enumerate(futures):
            answer = future.result().tokens
            written[number].append(answer)
            records[number] += chosen[number][place].summary if script.has_references else answer
    return tuple(answer for answers in written for answer in answers)


def _request(record: Written, script: Script) -> GenerateRequest:
    return GenerateRequest(
        id=str(next(_ids)),
        model="model",
        namespace="bench",
        record=tuple(map(TokenPosition, record)),
        max_tokens=script.new_tokens,
        stop_tokens=script.stops,
        speculate=False,
    )
