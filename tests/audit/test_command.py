"""``manage.py audit``: what an operator does with the trail."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.audit.models import AuditEvent, AuditSeal
from tests.audit.trail import bank, events, sealed_trail, tamper

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def anchors(settings, tmp_path):
    settings.AUDIT_ANCHORS = tmp_path / "anchors.jsonl"
    return settings.AUDIT_ANCHORS


def run(*arguments):
    """What the command writes to stdout."""
    out = StringIO()
    call_command("audit", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_seal_says_how_many_it_sealed():
    events(bank(), 3)

    assert run("seal") == "3 events sealed\n"
    assert run("seal") == "0 events sealed\n"


def test_verify_ends_well_on_a_trail_that_nobody_touched():
    institution, _ = sealed_trail(3)

    assert f"{institution.pk}: 3 sealed, 0 findings" in run("verify")


def test_verify_ends_with_1_and_names_position_and_event(anchors):
    institution, made = sealed_trail(3)
    tamper("UPDATE audit_auditevent SET actor = 'client:2' WHERE id = %s", made[1].pk)
    out = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("audit", "verify", "--institution", institution.name, stdout=out, stderr=StringIO())

    assert ended.value.code == 1
    assert f"FOUND position 2 altered {made[1].pk}" in out.getvalue()


def test_verify_compares_with_the_usual_anchors_and_with_others(anchors, tmp_path):
    institution, _ = sealed_trail(3)
    run("anchor")
    run("anchor", "--to", str(tmp_path / "elsewhere.jsonl"))
    tamper("DELETE FROM audit_auditseal WHERE position = 3")
    tamper("DELETE FROM audit_auditevent WHERE NOT EXISTS (SELECT FROM audit_auditseal WHERE event_id = id)")

    for arguments in ((), ("--anchors", str(tmp_path / "elsewhere.jsonl"))):
        with pytest.raises(SystemExit):
            run("verify", *arguments)
    anchors.unlink()
    assert f"{institution.pk}: 2 sealed, 0 findings" in run("verify")


def test_verify_finds_a_chain_that_is_gone_as_a_whole():
    institution, _ = sealed_trail(3)
    run("anchor")
    tamper("DELETE FROM audit_auditseal")
    tamper("DELETE FROM audit_auditevent")
    tamper("DELETE FROM tenants_institution")
    out = StringIO()

    with pytest.raises(SystemExit):
        call_command("audit", "verify", "--json", stdout=out, stderr=StringIO())

    (report,) = [each for each in json.loads(out.getvalue()) if each["chain"] == str(institution.pk)]
    assert [(each["position"], each["code"]) for each in report["findings"]] == [(1, "tail_cut")]


def test_verify_refuses_anchors_that_somebody_edited(anchors):
    sealed_trail(3)
    run("anchor")
    anchors.write_text(anchors.read_text().replace('"position":3', '"position":2'))

    with pytest.raises(CommandError, match="Line 1"):
        run("verify")


@pytest.mark.parametrize(("chosen", "count"), [((), 4), (("--institution", "First Bank"), 3)])
def test_export_writes_a_line_for_each_event_and_is_an_event_itself(chosen, count):
    sealed_trail(3)
    events(None, 1, start=60)

    lines = [json.loads(line) for line in run("export", *chosen).splitlines()]

    assert len(lines) == count
    assert lines[0]["seal"]["position"] == 1
    assert lines[0]["seal"]["digest"] == bytes(AuditSeal.objects.get(position=1).digest).hex()
    exported = AuditEvent.objects.get(action="audit_event.exported")
    assert (exported.actor, exported.details) == ("command:audit", {"count": count, "format": "jsonl"})


def test_export_can_be_narrowed_to_a_time():
    sealed_trail(5)
    chosen = ("--since", "2026-11-24T03:00:01Z", "--until", "2026-11-24T03:00:04Z")

    lines = [json.loads(line) for line in run("export", "--format", "fhir", *chosen).splitlines()]

    assert [line["recorded"][17:19] for line in lines] == ["01", "02", "03"]
    assert {line["resourceType"] for line in lines} == {"AuditEvent"}


def test_an_institution_that_is_not_there_is_refused():
    with pytest.raises(CommandError, match="no institution"):
        run("export", "--institution", "Third Bank")
