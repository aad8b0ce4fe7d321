"""Attacks on what is sealed, by the thousand: flipped bits, and values moved to where they do not belong."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from random import Random
from uuid import UUID

from apps.common.encryption import Place, SealBroken, seal, unseal

Open = Callable[[bytes, Place], bytes]


def sealed_values(count: int, *, seed: int) -> list[tuple[bytes, Place]]:
    """Values of made-up rows of three institutions, two models and two fields."""
    random = Random(seed)
    made = []
    for row in range(count):
        place = Place(
            model=random.choice(["riskscore.event", "riskscore.listentry"]),
            field=random.choice(["content", "value"]),
            institution_id=UUID(int=random.randrange(1, 4), version=4),
            row=str(row),
        )
        made.append((seal(random.randbytes(random.randrange(200)), place), place))
    return made


def flips_opened(count: int, *, seed: int, opened: Open = unseal) -> int:
    """How many of so many values still open after one of their bits was flipped."""
    random, values = Random(seed), sealed_values(200, seed=seed)
    return sum(_opens(_flipped(token, random), place, opened) for token, place in random.choices(values, k=count))


def moves_opened(count: int, *, seed: int, opened: Open = unseal) -> int:
    """How many of so many values open in another row, institution or field than their own."""
    random, values = Random(seed), sealed_values(200, seed=seed)
    return sum(_opens(token, _elsewhere(place, random), opened) for token, place in random.choices(values, k=count))


def _flipped(token: bytes, random: Random) -> bytes:
    bit = random.randrange(8 * len(token))
    return bytes([*token[: bit // 8], token[bit // 8] ^ (1 << bit % 8), *token[bit // 8 + 1 :]])


def _elsewhere(place: Place, random: Random) -> Place:
    changes: list[dict[str, object]] = [
        {"row": f"{place.row}0"},
        {"institution_id": UUID(int=99, version=4)},
        {"institution_id": None},
        {"field": "reasons"},
        {"model": "riskscore.account"},
    ]
    return replace(place, **random.choice(changes))  # type: ignore[arg-type]


def _opens(token: bytes, place: Place, opened: Open) -> bool:
    with suppress(SealBroken):
        opened(token, place)
        return True
    return False
