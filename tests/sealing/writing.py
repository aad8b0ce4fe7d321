"""Generations that end well, are streamed, refused, and fail, with something planted in all that is asked and said."""

from collections import Counter
from collections.abc import Iterator
from itertools import cycle

from inference.api import EngineError, GeneratedTokens
from tests.generation.conftest import Caller
from tests.generation.test_openai import chunks
from tests.generation.writers import engine, writing

KINDS = ("good", "streamed", "refused", "failing")


def write(key: str, texts: list[str], *, requests: int) -> Counter[int]:
    """So many requests of the four kinds, by turns; returns how often each status was answered."""
    caller, turns = Caller(key), cycle(texts)
    return Counter(_one(caller, KINDS[number % 4], turns) for number in range(requests))


def _one(caller: Caller, kind: str, turns: Iterator[str]) -> int:
    said = (GeneratedTokens(tokens=(1,), text=f"x{next(turns)} "), GeneratedTokens(tokens=(2,), text=next(turns)))
    failures = [EngineError(next(turns))] * 3 if kind == "failing" else []
    messages = [
        {"role": role, "content": f"{role}: x{next(turns)}"} for role in ("system", "user", "assistant", "user")
    ]
    changes: dict[str, object] = {}
    if kind == "refused":
        changes = {"temperature": next(turns), next(turns): 1}
    elif kind == "streamed":
        changes = {"stream": True}
    with writing(engine(pieces=said, failures=failures)):
        answer = caller.chat(messages=messages, stop=[f"x{next(turns)}"], **changes)
        if kind == "streamed":
            assert chunks(answer)[-1] == "[DONE]"
    return int(answer.status_code)
