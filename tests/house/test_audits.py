"""What a release is held against: an audit that could not be made is not one that found nothing."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from audits import bill, dependencies, secrets
from settings.env import ROOT

BASELINE = json.loads((ROOT / secrets.BASELINE).read_text())
SETTINGS = {name: BASELINE[name] for name in ("plugins_used", "filters_used")}
LEAKED = "AKIA" + "Q7XJ4ZT2M5N8B3VC"  # in two parts, so that this file passes
HOLE = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"]}
TOLD: list[dict[str, Any]] = [
    {"name": "clean", "version": "1.0", "vulns": []},
    {"name": "holed", "version": "2.0", "vulns": [HOLE]},
    {"name": "unknown", "skip_reason": "not there"},
]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose second commit takes back what the first one leaked."""
    for command in (["init", "-q"], ["config", "user.email", "a@b.c"], ["config", "user.name", "a"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    for text in (f'key = "{LEAKED}"\n', 'key = ""\n'):
        (tmp_path / "settings.py").write_text(text)
        subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
        subprocess.run(["git", "commit", "-q", "-m", "x"], cwd=tmp_path, check=True)
    return tmp_path


def test_a_secret_that_was_taken_back_is_found_in_the_history(repository):
    assert {(each.path, each.kind) for each in secrets.suspects(repository, settings=SETTINGS)} == {
        ("settings.py", "AWS Access Key")
    }


def test_a_secret_that_is_not_committed_yet_is_found(repository):
    (repository / "new.py").write_text(f'key = "{LEAKED}"\n')

    assert "new.py" in {each.path for each in secrets.suspects(repository, settings=SETTINGS)}


def test_the_baseline_holds_hashes_alone():
    entries = [entry for entries in BASELINE["results"].values() for entry in entries]

    assert {key for entry in entries for key in entry} == {
        "type", "filename", "hashed_secret", "is_verified", "line_number"
    }  # fmt: skip
    assert {len(entry["hashed_secret"]) for entry in entries} == {40}


def test_a_package_that_was_skipped_was_not_asked_about():
    report = dependencies.read(TOLD)

    assert (report.asked, report.unasked) == (2, ("unknown",))
    assert dependencies.open_holes(report, set()) == ["holed 2.0: CVE-2026-1, PYSEC-2026-1"]


@pytest.mark.parametrize(
    ("until", "reason", "still_open"),
    [(date(2026, 11, 24), "not reached", 0), (date(2026, 11, 23), "not reached", 1), (date(2027, 1, 1), " ", 1)],
)
def test_a_waiver_holds_for_its_time_and_for_a_reason(until, reason, still_open):
    waiver = {"id": "CVE-2026-1", "until": until, "reason": reason}
    ids = dependencies.waived([waiver], today=date(2026, 11, 24))

    assert len(dependencies.open_holes(dependencies.read(TOLD), ids)) == still_open


def test_an_audit_without_a_service_says_so_and_fails():
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "PATH": ""}
    command = [sys.executable, "-m", "audits.dependencies"]

    done = subprocess.run(command, cwd=ROOT, env=nowhere, capture_output=True, text=True, check=False)

    assert done.returncode == dependencies.UNASKED
    assert "COULD NOT ASK" in done.stdout


def test_the_bill_of_materials_names_what_is_locked():
    listed = {each["purl"] for each in bill.bill()["components"]}
    locked = [line.split()[0] for line in (ROOT / "requirements/base.txt").read_text().splitlines() if "==" in line]

    assert len(locked) >= 30
    assert {f"pkg:pypi/{pin.lower().replace('==', '@')}" for pin in locked} <= listed
