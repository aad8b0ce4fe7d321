"""Sending probes, and looking in the answers for what belongs to somebody else."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import uuid4

from django.db import connection
from django.test import Client

from apps.common.postgresql.base import ToldCursor
from apps.tenants.policies import tables
from apps.tenants.walls import has_institution
from tests.walls import as_application
from tests.walls.estates import Estate
from tests.walls.probes import Probe, probes

# Where a statement asks for one institution's rows, or for those of one of its clients.
ASKED = re.compile(
    r'"?\w+"?\."?institution_id"? = (%s|%\(institution(?:_id)?\)s)'
    r'|"api_idempotencyrecord"\."client_id" = (%s)'
)


_probing: ContextVar[bool] = ContextVar("probing", default=False)


@contextmanager
def _marked() -> Iterator[None]:
    token = _probing.set(True)
    try:
        yield
    finally:
        _probing.reset(token)


@dataclass
class Outcome:
    """What came of an attack."""

    sent: int = 0
    leaks: list[str] = field(default_factory=list)
    told_apart: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    planted: defaultdict[str, str] = field(default_factory=lambda: defaultdict(str))  # what attackers told themselves

    def line(self, name: str) -> str:
        """One line of figures."""
        return (
            f"{name}: {self.sent} probes, {len(self.leaks)} leaks, {len(self.told_apart)} told apart from unknown, "
            f"{len(self.broken)} answers of 5xx, {len(self.changed)} tables of others changed; {dict(self.statuses)}"
        )


def attack(
    estates: list[Estate], *, each: int, most: int, seed: int, behind_policies: bool, twins: bool = True
) -> Outcome:
    """Let everybody probe everybody else."""
    random, outcome = Random(seed), Outcome()
    for attacker in estates:
        others = [victim for victim in estates if victim is not attacker]
        secrets = {secret for victim in others for secret in _secrets(victim)}
        before = [fingerprint(victim) for victim in others]
        for victim in others:
            for probe in probes(attacker, victim, each=each, most=most, random=random):
                _try(attacker, probe, secrets, outcome, random=random, policies=behind_policies, twins=twins)
        after = [fingerprint(victim) for victim in others]
        outcome.changed += [
            table for was, now in zip(before, after, strict=True) for table in was if was[table] != now[table]
        ]
    return outcome


def fingerprint(victim: Estate) -> dict[str, Any]:
    """A digest of all rows of an institution, by table."""
    owned = sorted(model._meta.db_table for model in tables() if has_institution(model))
    digest = "SELECT md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM {} AS t WHERE institution_id = %s"
    with connection.cursor() as cursor:
        found = {}
        for table in owned:
            cursor.execute(digest.format(table), [victim.institution.pk])
            found[table] = cursor.fetchone()[0]
    return found


def without_managers(monkeypatch: Any) -> None:
    """Let no statement of a request ask for an institution any more: each then asks for everybody's rows."""
    execute = ToldCursor._execute

    def careless(cursor: Any, sql: Any, *rest: Any) -> Any:
        return execute(cursor, ASKED.sub(_anybody, sql) if _probing.get() and isinstance(sql, str) else sql, *rest)

    monkeypatch.setattr(ToldCursor, "_execute", careless)


def _anybody(asked: re.Match[str]) -> str:
    return f"{asked[1] or asked[2]} IS NOT NULL"


def _try(
    attacker: Estate, probe: Probe, secrets: set[str], outcome: Outcome, *, random: Random, policies: bool, twins: bool
) -> None:
    answer = _send(attacker, probe, policies=policies)
    seen = _text(answer)
    is_new = not any(word in outcome.planted[attacker.key] for word in probe.foreign)  # else it is the attacker's own
    outcome.planted[attacker.key] += f" {json.dumps(probe.body)}" if probe.body else ""
    asked = f"{probe.path} {probe.key} {outcome.planted[attacker.key]}"
    name = f"{probe.method} {probe.template}"
    outcome.sent += 1
    outcome.statuses[answer.status_code] += 1
    found = [secret for secret in secrets if secret in seen and secret not in asked]
    if found or "Idempotent-Replayed" in answer:
        outcome.leaks.append(f"{name} {found[:1]}")
    if answer.status_code >= 500:
        outcome.broken.append(f"{name} {seen[:300]}")
    if twins and probe.twin and is_new:
        twin = probe.unknown(random)
        other = _send(attacker, twin, policies=policies)
        if _comparable(answer, probe) != _comparable(other, twin):
            outcome.told_apart.append(f"{name} {probe.path} {seen[:200]} / {_text(other)[:200]}")


def _send(attacker: Estate, probe: Probe, *, policies: bool) -> Any:
    headers = {"Authorization": f"Bearer {attacker.key}", "Idempotency-Key": probe.key or str(uuid4())}
    text = probe.body if isinstance(probe.body, str) else json.dumps(probe.body)
    sent: dict[str, Any] = {} if probe.body is None else {"data": text, "content_type": probe.content_type}
    with as_application() if policies else nullcontext(), _marked():
        client = Client(headers=headers | {"Prefer": "respond-async"}, raise_request_exception=False)
        answer: Any = client.generic(probe.method, probe.path, **sent)
        if answer.streaming:
            answer.read = b"".join(answer.streaming_content)
    return answer


def _text(answer: Any) -> str:
    content = answer.read if answer.streaming else answer.content
    return f"{content.decode(errors='replace')} {dict(answer.headers)}"


def _comparable(answer: Any, probe: Probe) -> tuple[int, str]:
    """What two answers have to have in common: all but the names of the request and of what it asked for."""
    if answer.status_code < 300 and probe.method != "GET":
        return answer.status_code, ""  # something of the attacker's own was made, with identifiers of its own
    text = (answer.read if answer.streaming else answer.content).decode(errors="replace")
    for word in probe.foreign:
        text = text.replace(word, "…")
    return answer.status_code, re.sub(r'"(request_id|instance)": ?"[^"]*"', "", text)


def _secrets(victim: Estate) -> list[str]:
    keys = [pk for pks in victim.identifiers().values() for pk in pks if len(pk) == 36]
    return [*victim.words, *keys]
