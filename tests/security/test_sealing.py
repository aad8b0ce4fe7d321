"""S9: 10,000 flipped bits, 1,000 moves, and the keys of 10,000 events changed while they are read and written."""

import time

import pytest

from tests.riskscore.makers import bank
from tests.sealing.attacks import flips_opened, moves_opened
from tests.sealing.rotation import NEW, OLD, read, remaining, rotate, stored, under_load
from tests.sealing.weak import open_without_place, open_without_tag

pytestmark = pytest.mark.security


def test_flipped_bits_and_moved_values_are_refused(monkeypatch, capsys):
    flips, moves = flips_opened(10_000, seed=11), moves_opened(1_000, seed=12)
    with open_without_place(monkeypatch):
        moves_without = moves_opened(1_000, seed=12)
    flips_without = flips_opened(10_000, seed=11, opened=open_without_tag)

    with capsys.disabled():
        print(f"\nS9 bits: {flips} of 10,000 flips and {moves} of 1,000 moves opened", end="; ")
        print(f"controls: {flips_without} flips without the tag, {moves_without} moves without the place")
    assert (flips, moves) == (0, 0)
    assert moves_without == 1_000
    assert flips_without > 5_000


@pytest.mark.django_db(transaction=True)
def test_ten_thousand_events_change_keys_under_load(settings, capsys):
    institution = bank()
    settings.ENCRYPTION_KEYS = OLD
    stored(institution, 10_000)
    before = remaining()

    settings.ENCRYPTION_KEYS = f"{NEW},{OLD}"
    began, to_do = time.monotonic(), remaining()
    with under_load(institution) as load:
        rotate()
    seconds = time.monotonic() - began
    settings.ENCRYPTION_KEYS = NEW

    with capsys.disabled():
        print(
            f"\nS9 rotation: {to_do} values in {seconds:.1f} s beside {load.reads} reads and {load.writes} writes",
            end="",
        )
        print(f": {len(load.errors)} errors, {remaining()} left under the old key")
    assert (before, load.errors, remaining()) == (0, [], 0)
    read(institution)
