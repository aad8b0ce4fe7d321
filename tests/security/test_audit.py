"""S10: no act without its event, no event without its act; and whatever is done to the trail is found, and where.

Controls: a trail written after the commit loses events; a chain without a secret is made again unseen; a tail
that is cut off goes unseen without an anchor; without policies an application could rewrite history.
"""

from collections import Counter
from contextlib import suppress
from functools import partial
from random import Random

import pytest
from django.db import DatabaseError, transaction

from apps.audit import services as audit
from apps.audit.anchors import anchor_line, append, read
from apps.audit.chains import head_of
from apps.audit.keys import AuditKey, known_keys
from apps.audit.models import AuditEvent
from apps.audit.sealing import seal_all, seal_chain
from apps.common import scope
from apps.tenants.walls import APP, WORKER
from riskscore.models import RiskAssessment
from riskscore.services import request_assessment
from tests.audit.tampering import Chain, cut_tail, drawn, seal_again, tampered
from tests.audit.test_tampering import first_found
from tests.audit.trail import NOW, bank, events, sealed_trail
from tests.riskscore.makers import client_of, event
from tests.security.operations import Caller
from tests.walls import as_application, rows

pytestmark = [pytest.mark.security, pytest.mark.django_db(transaction=True)]

IN_ONE_TRANSACTION = """
SELECT count(*) FROM audit_auditevent AS event JOIN riskscore_{table} AS act ON act.id::text = event.subject_id
WHERE event.action = %s AND act.xmin = event.xmin
"""


class DiedError(Exception):
    """The process ended here."""


def die(*_arguments, **_options):
    raise DiedError


def anchored(chain, folder):
    append(anchor_line(now=NOW), folder / "anchors.jsonl")
    return read(folder / "anchors.jsonl", keys=known_keys())[str(chain.institution.pk)]


def test_a_thousand_operations_are_a_thousand_events_of_the_same_transactions(capsys):
    institution = bank()
    caller = Caller(institution)
    before = AuditEvent.objects.count()

    statuses = Counter(caller.rounds(100))

    assert statuses == {202: 200, 200: 400, 204: 100, 201: 100, 404: 100, 403: 100}
    assert AuditEvent.objects.filter(institution=institution).count() - before == 1000
    assert AuditEvent.objects.filter(outcome="refused").count() == 200
    together = [
        rows(IN_ONE_TRANSACTION.format(table=table), action)[0][0]
        for table, action in (("riskassessment", "risk_assessment.created"), ("label", "label.created"))
    ]
    assert together == [100, 100]
    with capsys.disabled():
        print(
            "\nS10 operations: 1000, events 1000; written by the transaction of their act 200/200 that can be compared"
        )


def act(client, number):
    """Ask for an assessment, and die before the transaction ends."""
    with suppress(DiedError), transaction.atomic():
        request_assessment(client=client, event=event(f"tx-{number}"), deadline_s=60, now=NOW)
        die()


def test_an_act_that_is_undone_leaves_no_event_and_control_one_that_is_written_later_is_lost(capsys, monkeypatch):
    client = client_of(bank())
    before = AuditEvent.objects.count()
    for number in range(100):
        act(client, number)
    assert (RiskAssessment.objects.count(), AuditEvent.objects.count()) == (0, before)

    record = audit.record
    monkeypatch.setattr(audit, "record", lambda **told: transaction.on_commit(partial(die, record, told)))
    for number in range(100):
        with suppress(DiedError):
            request_assessment(client=client, event=event(f"tx-{number}"), deadline_s=60, now=NOW)

    lost = RiskAssessment.objects.count() - (AuditEvent.objects.count() - before)
    assert lost == 100
    with capsys.disabled():
        print("\nS10 undone acts: 100, events 0; control, recorded after the commit by a process that dies: 100 lost")


def test_two_hundred_tamperings_are_found_where_they_were_done(capsys, tmp_path):
    chain = Chain(sealed_trail(1000)[0])
    elsewhere, random = anchored(chain, tmp_path), Random(10)
    found: Counter[str] = Counter()
    unseen_tails = 0
    for tampering in drawn(200, random):
        with tampered(tampering, chain, random) as position:
            found[tampering.__name__] += first_found(chain, elsewhere) == position
            unseen_tails += tampering is cut_tail and first_found(chain) is None

    assert (sum(found.values()), first_found(chain, elsewhere)) == (200, None)
    assert unseen_tails == found["cut_tail"] == 22
    with capsys.disabled():
        print(f"\nS10 tamperings found with their position: {sum(found.values())}/200 {dict(sorted(found.items()))}")
        print(f"S10 control, cut tails without an anchor: 0/{unseen_tails} found")


@pytest.mark.parametrize(("secret", "found"), [("ours", 50), ("none", 0), ("stolen", 0)])
def test_the_key_is_what_matters(capsys, tmp_path, secret, found):
    """Ours: the attacker guesses. None: the chain is a plain digest. Stolen: the attacker has it; the anchor tells."""
    institution = bank()
    events(institution, 200)
    (ours,) = known_keys().values()
    key = AuditKey(id="unkeyed", secret=b"") if secret == "none" else ours
    seal_chain(institution.pk, now=NOW, key=key)
    chain, random = Chain(institution, key=None if secret == "ours" else key), Random(11)
    elsewhere, seen, seen_against_anchor = anchored(chain, tmp_path), 0, 0
    for _ in range(50):
        with tampered(seal_again, chain, random) as position:
            seen += first_found(chain, keys={key.id: key}) == position
            seen_against_anchor += first_found(chain, elsewhere, keys={key.id: key}) is not None

    assert (seen, seen_against_anchor) == (found, 50)
    with capsys.disabled():
        print(f"\nS10 chains edited and sealed again, key {secret}: {seen}/50 found, 50/50 against the anchor")


@pytest.mark.parametrize("role", [APP, WORKER])
@pytest.mark.parametrize("table", ["audit_auditevent", "audit_auditseal"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET institution_id = NULL", "DELETE FROM {}", "TRUNCATE {}"])
def test_no_application_can_rewrite_history(role, table, statement):
    institution, _ = sealed_trail(3)
    within = scope.entered(scope.of(institution.pk))
    with as_application(role), within, pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        rows(statement.format(table))

    assert head_of(institution.pk).position == 3


def test_a_worker_seals_every_chain_and_the_web_process_none():
    first, second = bank(), bank("Second Bank")
    for institution in (first, second):
        events(institution, 5)
    audit.record(actor="system", action="x.done", institution=None, subject=first, now=NOW)
    with as_application(APP), pytest.raises(DatabaseError):
        seal_chain(first.pk, now=NOW)
    with as_application(WORKER):
        assert seal_all(now=NOW) == 11
        line = anchor_line(now=NOW)

    assert line.count('"position"') == 3
