"""A small language: records of an account in words, and the summary that follows from each. Token ids are words."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

KINDS = ("payment", "transfer", "withdrawal", "deposit")
PLACES = ("grocer", "station", "casino", "pharmacy", "jeweller", "market", "hotel", "cinema")
TIMES = ("morning", "noon", "evening", "night")
SIZES = ("small", "usual", "large", "huge")
RISKY = {"casino", "jeweller", "night", "huge"}
GLUE = ("<pad>", "<end>", "<summary>", ";", "mostly", "often", "at", "in", "the", "seen", "times", "risk", "is", ".")
LEVELS = ("low", "raised", "high")
NUMBERS = tuple(str(number) for number in range(49))
WORDS = (*GLUE, *KINDS, *PLACES, *TIMES, *SIZES, *LEVELS, *NUMBERS)
IDS = {word: place for place, word in enumerate(WORDS)}
END = IDS["<end>"]

Line = tuple[str, str, str, str]


class Form(StrEnum):
    """What the article told apart."""

    SHORT = "short text"
    DOCUMENT = "document"
    DIALOGUE = "multi-turn"


LINES = {Form.SHORT: (4, 12), Form.DOCUMENT: (32, 48), Form.DIALOGUE: (4, 8)}  # of a record; of each turn's record
TURNS = {Form.SHORT: 1, Form.DOCUMENT: 1, Form.DIALOGUE: 4}
LONGEST = 310  # words of any talk, its answers included


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is told, up to and with the word that asks for a summary; and that summary of all told so far, ended."""

    told: tuple[int, ...]
    summary: tuple[int, ...]


Talk = tuple[Turn, ...]


def talks(form: Form, count: int, *, seed: int) -> list[Talk]:
    """So many talks of a form; the same seed gives the same ones."""
    chance = random.Random(f"{form}-{seed}")
    return [tuple(_turns(form, chance)) for _ in range(count)]


def spelled(ids: Sequence[int]) -> str:
    """The words, with blanks between them, without the end."""
    return " ".join(WORDS[number] for number in ids if number != END)


def _turns(form: Form, chance: random.Random) -> Iterator[Turn]:
    seen: list[Line] = []
    for _ in range(TURNS[form]):
        new = [_line(chance) for _ in range(chance.randint(*LINES[form]))]
        seen += new
        record = " ; ".join(" ".join(line) for line in new)
        yield Turn(told=_ids(f"{record} <summary>"), summary=_ids(f"{_summary(seen)} <end>"))


def _line(chance: random.Random) -> Line:
    size, kind, place, time = map(chance.choice, (SIZES, KINDS, PLACES, TIMES))
    return size, kind, place, time


def _summary(lines: Sequence[Line]) -> str:
    risky = sum(bool(RISKY & set(line)) for line in lines)
    level = LEVELS[min(2, 3 * risky // (len(lines) + 1))]
    places, times = ([line[column] for line in lines] for column in (2, 3))
    place, time = (max(sorted(set(seen)), key=seen.count) for seen in (places, times))
    return f"mostly at the {place} seen {places.count(place)} times ; often in the {time} ; risk is {level} ."


def _ids(text: str) -> tuple[int, ...]:
    return tuple(IDS[word] for word in text.split())
