"""A small language: records of an account in words, and the summary that follows from each. Token ids are words."""

import random
from dataclasses import dataclass

KINDS = ("payment", "transfer", "withdrawal", "deposit")
PLACES = ("grocer", "station", "casino", "pharmacy", "jeweller", "market", "hotel", "cinema")
TIMES = ("morning", "noon", "evening", "night")
SIZES = ("small", "usual", "large", "huge")
RISKY = {"casino", "jeweller", "night", "huge"}
GLUE = ("<pad>", "<end>", "<summary>", ";", "mostly", "often", "at", "in", "the", "seen", "times", "risk", "is", ".")
LEVELS = ("low", "raised", "high")
NUMBERS = tuple(str(number) for number in range(13))
WORDS = (*GLUE, *KINDS, *PLACES, *TIMES, *SIZES, *LEVELS, *NUMBERS)
IDS = {word: place for place, word in enumerate(WORDS)}
END = IDS["<end>"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A record, up to and with the word that asks for its summary, and that summary with its end."""

    record: tuple[int, ...]
    summary: tuple[int, ...]


def texts(count: int, *, seed: int) -> list[Text]:
    """So many texts; the same seed gives the same ones."""
    chance = random.Random(seed)
    return [_text(chance) for _ in range(count)]


def spelled(ids: tuple[int, ...]) -> str:
    """The words, with blanks between them, without the end."""
    return " ".join(WORDS[number] for number in ids if number != END)


def _text(chance: random.Random) -> Text:
    lines = [tuple(map(chance.choice, (SIZES, KINDS, PLACES, TIMES))) for _ in range(chance.randint(4, 12))]
    risky = sum(bool(RISKY & set(line)) for line in lines)
    level = LEVELS[min(2, 3 * risky // (len(lines) + 1))]
    places, times = ([line[column] for line in lines] for column in (2, 3))
    place, time = (max(sorted(set(seen)), key=seen.count) for seen in (places, times))
    said = f"mostly at the {place} seen {places.count(place)} times ; often in the {time} ; risk is {level} ."
    record = " ; ".join(" ".join(line) for line in lines)
    return Text(record=_ids(f"{record} <summary>"), summary=_ids(f"{said} <end>"))


def _ids(text: str) -> tuple[int, ...]:
    return tuple(IDS[word] for word in text.split())
