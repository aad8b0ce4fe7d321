"""Whatever was done to the trail is found, and where."""

import json
from datetime import timedelta

import pytest

from apps.audit.anchors import AnchorRefused, anchor_line, append, read
from apps.audit.keys import AuditKey, by_id, known_keys
from apps.audit.sealing import seal_chain
from tests.audit.trail import NOW, bank, events, found, sealed_trail, tamper, verified

pytestmark = pytest.mark.django_db


def anchored(path):
    """Write an anchor down, and read it again."""
    append(anchor_line(now=NOW), path)
    return read(path, keys=known_keys())


def test_a_trail_that_nobody_touched_is_whole():
    institution, _ = sealed_trail(10)
    report = verified(institution)

    assert (report.sealed, report.findings, report.warnings) == (10, [], [])


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'client:2'",
        "action = 'thing.written'",
        "outcome = 'refused'",
        "subject_type = 'other'",
        "subject_id = '1'",
        'details = \'{"count": 5, "more": 1}\'',
        r"content_sha256 = '\x00'",
        "address = '192.0.2.1'",
        "request_id = 'r-2'",
        "at = at + interval '1 microsecond'",
        "institution_id = NULL",
    ],
)
def test_an_event_that_was_edited_is_named(change):
    institution, made = sealed_trail(10)

    assert tamper(f"UPDATE audit_auditevent SET {change} WHERE id = %s", made[4].pk) == 1

    (finding,) = verified(institution).findings
    assert (finding.position, finding.event_id, finding.code) == (5, str(made[4].pk), "altered")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("sealed_at = sealed_at + interval '1 second'", "altered"),
        ("key_id = 'another'", "unknown_key"),
        ("form = 2", "unknown_form"),
        (r"digest = '\x00'", "altered"),
    ],
)
def test_a_seal_that_was_edited_is_named(change, code):
    institution, _ = sealed_trail(10)
    tamper(f"UPDATE audit_auditseal SET {change} WHERE position = 5")

    assert found(institution)[0] == (5, code)


def test_an_event_that_was_deleted_is_named():
    institution, made = sealed_trail(10)
    tamper("DELETE FROM audit_auditevent WHERE id = %s", made[4].pk)

    assert found(institution) == [(5, "event_missing")]


def test_an_event_that_was_deleted_with_its_seal_leaves_a_gap():
    institution, _ = sealed_trail(10)
    tamper("DELETE FROM audit_auditevent WHERE id IN (SELECT event_id FROM audit_auditseal WHERE position = 5)")
    tamper("DELETE FROM audit_auditseal WHERE position = 5")

    assert found(institution) == [(5, "positions_missing")]


def test_a_gap_that_was_closed_is_named():
    institution, _ = sealed_trail(10)
    tamper("DELETE FROM audit_auditseal WHERE position = 5")
    tamper("UPDATE audit_auditseal SET position = position + 1000 WHERE position > 5")
    tamper("UPDATE audit_auditseal SET position = position - 1001 WHERE position > 1000")

    assert found(institution)[0] == (5, "altered")


def test_events_that_changed_places_are_named():
    institution, made = sealed_trail(10)
    tamper("UPDATE audit_auditseal SET event_id = gen_random_uuid() WHERE position = 3")
    tamper("UPDATE audit_auditseal SET event_id = %s WHERE position = 7", made[2].pk)
    tamper("UPDATE audit_auditseal SET event_id = %s WHERE position = 3", made[6].pk)

    assert found(institution) == [(3, "altered"), (7, "altered")]


def test_a_chain_that_was_sealed_again_with_another_key_is_named():
    institution, _ = sealed_trail(3)
    tamper("DELETE FROM audit_auditseal")
    seal_chain(institution.pk, now=NOW, key=AuditKey.of("an attacker's"))

    assert found(institution) == [(1, "unknown_key"), (2, "unknown_key"), (3, "unknown_key")]


def test_a_forged_seal_under_our_keys_name_is_named():
    institution, _ = sealed_trail(3)
    ours = next(iter(known_keys()))
    tamper("DELETE FROM audit_auditseal WHERE position = 3")
    seal_chain(institution.pk, now=NOW, key=AuditKey(id=ours, secret=b"a guess"))

    assert found(institution) == [(3, "altered")]


def test_a_tail_that_was_cut_off_is_seen_against_an_anchor_and_not_without(tmp_path):
    institution, _ = sealed_trail(10)
    elsewhere = anchored(tmp_path / "anchors.jsonl")
    tamper("DELETE FROM audit_auditevent WHERE id IN (SELECT event_id FROM audit_auditseal WHERE position > 7)")
    tamper("DELETE FROM audit_auditseal WHERE position > 7")

    assert found(institution) == []
    assert found(institution, elsewhere[str(institution.pk)]) == [(8, "tail_cut")]


def test_a_tail_that_was_replaced_by_who_knows_the_key_is_seen_against_an_anchor(tmp_path):
    institution, made = sealed_trail(10)
    elsewhere = anchored(tmp_path / "anchors.jsonl")
    tamper("DELETE FROM audit_auditseal WHERE position > 7")
    tamper("UPDATE audit_auditevent SET actor = 'client:2' WHERE id = %s", made[8].pk)
    seal_chain(institution.pk, now=NOW)

    assert found(institution) == []
    assert found(institution, elsewhere[str(institution.pk)]) == [(10, "differs_from_anchor")]


def test_a_trail_sealed_under_two_keys_is_whole_while_both_are_known(settings):
    institution, _ = sealed_trail(3)
    old, settings.AUDIT_KEY = settings.AUDIT_KEY, "the next key"
    events(institution, 2, start=3)
    seal_chain(institution.pk, now=NOW)

    assert found(institution)[0] == (1, "unknown_key")
    settings.AUDIT_OLD_KEYS = [old]
    assert found(institution) == []


def test_events_that_nobody_seals_are_a_warning():
    institution = bank()
    events(institution, 3)
    report = verified(institution)
    assert (report.findings, report.warnings) == ([], [])

    tamper("UPDATE audit_auditevent SET at = at - interval '6 minutes'")
    (warning,) = verified(institution).warnings
    assert (warning.code, warning.text[:33]) == ("unsealed", "3 events older than 0:05:00 have ")


def test_an_event_that_came_in_long_after_it_says_it_happened_is_a_warning():
    institution, _ = sealed_trail(3)
    events(institution, 1, start=-7200)
    seal_chain(institution.pk, now=NOW + timedelta(seconds=1))

    assert [(each.position, each.code) for each in verified(institution).warnings] == [(4, "sealed_late")]


@pytest.mark.parametrize(
    "forge",
    [
        lambda line: line.replace('"position":10', '"position":7'),
        lambda line: line[:-20],
        lambda line: json.dumps({"at": "now"}),
        lambda line: "[]",
        lambda line: anchor_line(now=NOW, key=AuditKey.of("an attacker's")),
    ],
)
def test_an_anchor_that_we_did_not_sign_is_refused(tmp_path, forge):
    sealed_trail(10)
    good = anchor_line(now=NOW)
    append(good, tmp_path / "anchors.jsonl")
    append(forge(good), tmp_path / "anchors.jsonl")

    with pytest.raises(AnchorRefused, match="Line 2"):
        read(tmp_path / "anchors.jsonl", keys=by_id(["only-the-tests-seal-with-this-key"]))


def test_anchors_go_to_a_file_or_into_a_folder(tmp_path):
    assert append("{}", tmp_path) == tmp_path / "audit-anchors.jsonl"
    assert append("{}", tmp_path / "new" / "a.jsonl").read_text() == "{}\n"
