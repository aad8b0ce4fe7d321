"""The whole state in one file, made beside work that goes on, and whole again elsewhere."""

import subprocess
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone

from apps.common import scope
from riskscore.models import RiskAssessment
from riskscore.services import request_assessment, score_assessment
from tests.engines import ScriptedEngine
from tests.house.installation import Call, ask, database, manage, rows
from tests.riskscore.makers import RELEASE, bank, event, key_of, payload
from tests.riskscore.rest import get

ASSESSMENTS = "/api/v1/risk/assessments"
EVENTS_IN_ADVANCE, LEAST_UNDER_LOAD = 20, 10

pytestmark = pytest.mark.django_db(transaction=True)


def here() -> str:
    """The suite's own database, as URL."""
    return settings.DATABASE_URL.replace("/postgres?", f"/{connection.settings_dict['NAME']}?")


def backup(path: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`manage.py backup` of the suite's own database; anchors in the state folder are those of `make demo`."""
    anchors = str(path.with_name("anchors-here"))
    return manage(here(), "backup", "--to", str(path), *arguments, ASSAY_AUDIT_ANCHORS=anchors)


def assess(client, number: int) -> RiskAssessment:
    """An assessment, scored."""
    told = event(f"b-{number}", occurred_at=timezone.now() - timedelta(minutes=5))
    with scope.entered(scope.of(client.institution_id)):
        row = request_assessment(client=client, event=told, deadline_s=60, now=timezone.now())[0]
        engine = ScriptedEngine({"fraud": [0.0, -3.0]})
        score_assessment(job_id=row.job_id, engine=engine, release=RELEASE, clock=timezone.now)
    return row


def as_told_here(key: str, assessment_id: str) -> str:
    """An assessment as the installation that was backed up tells it."""
    told: str = get(key, f"{ASSESSMENTS}/{assessment_id}").content.decode()
    return told


@pytest.fixture
def teller():
    """A bank's client and its key, with some assessments."""
    client, key = key_of(bank())
    for number in range(EVENTS_IN_ADVANCE):
        assess(client, number)
    return client, key


class Load(threading.Thread):
    """Assessments, one after the other, until told to stop."""

    def __init__(self, client) -> None:
        super().__init__()
        self.client, self.done, self.stopping = client, 0, threading.Event()

    def run(self) -> None:
        """Work."""
        while not self.stopping.is_set():
            assess(self.client, 1000 + self.done)
            self.done += 1
        connections.close_all()


def test_a_backup_made_under_load_is_whole_and_answers_elsewhere(teller, tmp_path, capsys):
    client, key = teller
    load = Load(client)
    load.start()
    made = backup(tmp_path / "b.assay")
    load.stopping.set()
    load.join()
    assert made.returncode == 0, made.stderr

    with database("assay_restored_test") as url:
        kept = {"ASSAY_AUDIT_ANCHORS": str(tmp_path / "anchors")}
        for command in (["restore", str(tmp_path / "b.assay")], ["audit", "seal"], ["audit", "verify"]):
            done = manage(url, *command, **kept)
            assert done.returncode == 0, done.stderr
        ids = [str(pk) for (pk,) in rows(url, "SELECT id FROM riskscore_riskassessment")]
        new = Call(key=key, path=ASSESSMENTS, body=payload(), headers={"Idempotency-Key": "n", "Prefer": "wait=0"})
        *replies, taken = ask(url, [*(Call(key=key, path=f"{ASSESSMENTS}/{pk}") for pk in ids), new])

    assert load.done >= LEAST_UNDER_LOAD
    assert EVENTS_IN_ADVANCE <= len(ids) <= EVENTS_IN_ADVANCE + load.done
    completed = [reply for reply in replies if reply.document["status"] == "completed"]
    assert len(completed) >= len(ids) - 1  # one may have been on its way
    assert [reply.text for reply in completed] == [as_told_here(key, reply.document["id"]) for reply in completed]
    assert taken.status == 202
    with capsys.disabled():
        print(f"\nbackup: {len(ids)} assessments restored alike, {load.done} made meanwhile")
