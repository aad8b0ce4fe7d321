"""The table of requirements is whole, names what exists, and leaves nothing of level 1 open."""

import re

import pytest

from audits import asvs
from settings.env import ROOT

REQUIREMENTS = asvs.read()
LEVELS = {1: 70, 2: 183}  # how many ASVS 5.0.0 has
CHAPTERS = {
    "V1": 27, "V2": 11, "V3": 19, "V4": 10, "V5": 9, "V6": 35, "V7": 18, "V8": 7, "V9": 7, "V10": 29, "V11": 14,
    "V12": 9, "V13": 13, "V14": 9, "V15": 13, "V16": 16, "V17": 7,
}  # fmt: skip
NAMED = sorted({place for each in REQUIREMENTS for place in each.where})


def test_every_requirement_of_both_levels_is_there_once():
    ids = [each.id for each in REQUIREMENTS]

    assert len(ids) == len(set(ids)) == 253
    assert {level: sum(each.level == level for each in REQUIREMENTS) for level in LEVELS} == LEVELS
    assert {chapter: sum(each.startswith(f"{chapter}.") for each in ids) for chapter in CHAPTERS} == CHAPTERS


@pytest.mark.parametrize("place", NAMED)
def test_what_is_named_exists(place):
    path, _, test = place.partition("::")

    assert (ROOT / path).exists()
    assert not test or re.search(rf"^def {re.escape(test)}\(", (ROOT / path).read_text(), re.MULTILINE)


def test_every_entry_shows_or_says_something():
    assert {each.status for each in REQUIREMENTS} <= set(asvs.SAID)
    assert [each.id for each in REQUIREMENTS if each.status in {"tested", "built", "operator"} and not each.where] == []
    assert [each.id for each in REQUIREMENTS if each.status in {"not applicable", "open"} and not each.note] == []
    assert [each.id for each in REQUIREMENTS if each.status == "tested" and "tests/" not in each.where[0]] == []


def test_level_1_is_met_and_level_2_almost():
    one, of_one = asvs.coverage(REQUIREMENTS, level=1)
    two, of_two = asvs.coverage(REQUIREMENTS, level=2)

    assert one == of_one
    assert two / of_two >= 0.95


def test_the_page_is_written_from_the_table():
    assert asvs.PAGE.read_text() == asvs.page(REQUIREMENTS)
