"""What the documentation names exists."""

import json
import re
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.utils import timezone

from riskscore.api.serializers import AssessmentRequestSerializer
from settings import env
from settings.env import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TEXT = {page.relative_to(ROOT).as_posix(): page.read_text() for page in PAGES}
README = TEXT["README.md"]


@pytest.mark.parametrize("page", TEXT)
def test_links_within_the_project_lead_somewhere(page: str):
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", TEXT[page])

    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize("page", TEXT)
def test_named_commands_exist(page: str):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", TEXT[page], re.MULTILINE)) <= targets
    assert set(re.findall(r"manage\.py ([a-z_]+)", TEXT[page])) <= set(get_commands())


@pytest.mark.parametrize("page", TEXT)
def test_named_variables_are_understood(page: str):
    assert set(re.findall(r"\bASSAY_[A-Z_]+\b", TEXT[page])) <= env.KNOWN


@pytest.mark.parametrize("page", TEXT)
def test_named_source_files_exist(page: str):
    named = re.findall(r"`((?:settings|apps|tests|requirements|deploy|docs|training)/[\w./-]+\.\w+)`", TEXT[page])

    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_variable_is_explained():
    assert env.KNOWN - set(re.findall(r"\bASSAY_[A-Z_]+\b", TEXT["docs/operations.md"])) == set()


def test_every_decision_is_listed_with_its_title():
    pages = sorted((ROOT / "docs" / "adr").glob("0*.md"))
    titles = [f"- [{page.read_text().splitlines()[0].removeprefix('# ')}]({page.name})" for page in pages]

    assert len(titles) >= 8
    assert [title for title in titles if title not in TEXT["docs/adr/README.md"]] == []


def test_the_request_of_the_readme_is_a_valid_one():
    body = json.loads(re.findall(r"-d '(\{.*?\})'\n", README, re.DOTALL)[0])

    event = AssessmentRequestSerializer(data=body, context={"now": timezone.now()}).event()

    assert (event.id, event.card) == ("tx-1", "411111…1111")


def test_the_changelog_has_a_place_for_the_next_change():
    assert "\n## [Unreleased]\n" in TEXT["CHANGELOG.md"]


def test_the_licence_is_whole():
    text = Path(ROOT / "LICENSE").read_text()

    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
