"""The demo, as somebody sees it who has just cloned the project."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.utils import translation
from rich.console import Console

from riskscore.anomalies import AnomalyType
from settings.demo import report, story
from settings.demo.traffic import Answer
from settings.env import ROOT
from tests.house.processes import state_folder

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def answer(planted: AnomalyType = AnomalyType.NONE, **document: Any) -> Answer:
    """An answer of 20 ms, approved with a score of 0.0100 unless said otherwise."""
    usage = {"positions_total": 200, "positions_cached": 150, "positions_shared": 0}
    told = {"status": "completed", "outcome": "approve", "score": 0.01, "degraded": False, "usage": usage}
    return Answer(planted=planted, latency_ms=20.0, document=told | {"anomaly": {"type": "none"}} | document)


def shown(results: report.Results, language: str = "en") -> str:
    """What the tables say, as text."""
    console = Console(record=True, width=100, file=StringIO())
    with translation.override(language):
        report.show(console, results)
    return console.export_text()


@pytest.mark.timeout(540)
def test_the_demo_scores_hundreds_of_transactions_and_ends():
    command = [sys.executable, "manage.py", "demo", "--exit"]

    with state_folder() as folder:
        environment = {"PATH": os.environ["PATH"], "ASSAY_STATE_DIR": str(folder)}
        demo = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert demo.returncode == 0, demo.stderr[-2000:]
    assert int(re.findall(r"Assessments over REST\s+(\d+)", demo.stdout)[0]) >= 200
    assert int(re.findall(r"Positions from the cache\s+([\d,]+)", demo.stdout)[0].replace(",", "")) > 0
    assert re.findall(r"one client alone\s+\d+ / \d+ / \d+ ms", demo.stdout)
    assert re.findall(r"^curl -s http://localhost:\d+/api/v1/risk/assessments -H ", demo.stdout, re.MULTILINE)


def test_a_run_with_enough_scores_is_a_success():
    results = report.Results(together=[answer()] * 190, wall_s=2.0, alone=[answer()] * 10)

    assert results.problems() == []


@pytest.mark.parametrize(
    ("flawed", "problem"),
    [
        (answer(degraded=True, score=None), "11 answers came from the rules alone."),
        (answer(status="pending"), "11 assessments were not completed."),
        (Answer(planted=AnomalyType.NONE, latency_ms=1.0, document={}, failure="503"), "11 × 503"),
    ],
)
def test_a_run_with_flaws_is_not_a_success(flawed: Answer, problem: str):
    results = report.Results(together=[answer()] * 200 + [flawed] * 11, wall_s=2.0, alone=[])

    assert problem in results.problems()


def test_a_run_with_too_few_scores_is_not_a_success():
    results = report.Results(together=[answer()] * 199, wall_s=2.0, alone=[])

    assert results.problems() == ["Only 199 assessments were scored."]


def test_the_tables_count_what_was_planted_against_what_was_found():
    fraud = answer(AnomalyType.CARD_TESTING, outcome="decline", score=0.97, anomaly={"type": "card_testing"})
    results = report.Results(together=[answer()] * 6 + [fraud] * 4, wall_s=2.0, alone=[answer()] * 2)

    text = shown(results)

    assert re.search(r"approve\s+8\s+0\s", text)
    assert re.search(r"decline\s+0\s+4\s", text)
    assert re.search(r"card_testing\s+4\s+4\s+4\s+card_testing", text)
    assert re.search(r"Throughput\s+5\.0 a second", text)
    assert re.search(r"Positions from the cache\s+1,800 \(75 %\)", text)


def test_the_tables_speak_chinese():
    results = report.Results(together=[answer()] * 3, wall_s=1.0, alone=[answer()] * 2)

    text = shown(results, "zh-hans")

    assert "来自缓存的位置" in text
    assert "Positions" not in text


def test_the_story_is_the_same_in_every_run_but_for_names_and_dates():
    first, second = story.accounts(run="a", now=NOW), story.accounts(run="b", now=NOW + timedelta(weeks=3))

    assert [len(account.past) for account in first] == [len(account.past) for account in second]
    assert {account.assessed[0].event.account[:2] for account in second} == {"b-"}
    assert second[0].past[0].occurred_at - first[0].past[0].occurred_at == timedelta(weeks=3)


def test_the_story_holds_every_anomaly_type_and_nothing_of_the_future():
    accounts = story.accounts(run="a", now=NOW)

    planted = {item.anomaly for account in accounts for item in account.assessed}

    assert planted == set(AnomalyType)
    assert max(item.event.occurred_at for account in accounts for item in account.assessed) <= NOW
    assert sum(len(account.assessed) for account in accounts) >= 250
