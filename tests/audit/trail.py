"""A trail of some events, and hands that tamper with it as no application role could."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from apps.audit.keys import known_keys
from apps.audit.models import AuditEvent
from apps.audit.sealing import seal_all
from apps.audit.services import record
from apps.audit.verification import ChainReport, verify_chain
from apps.tenants.models import Institution

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)


def bank(name: str = "First Bank") -> Institution:
    """An institution with a chain of its own."""
    return Institution.objects.create(name=name, kind="bank")


def events(institution: Institution | None, count: int, *, start: int = 0) -> list[AuditEvent]:
    """Some acts, a second apart."""
    about = institution or bank("about")
    return [
        record(
            actor="client:1",
            action="thing.read",
            institution=institution,
            subject=about,
            now=NOW + timedelta(seconds=start + number),
            details={"count": start + number},
        )
        for number in range(count)
    ]


def sealed_trail(count: int = 10) -> tuple[Institution, list[AuditEvent]]:
    """A bank and its sealed events."""
    institution = bank()
    made = events(institution, count)
    seal_all(now=NOW)
    return institution, made


def verified(institution: Institution | None, anchored: Any = None) -> ChainReport:
    """What verification says of a chain."""
    institution_id = None if institution is None else institution.pk
    return verify_chain(institution_id, keys=known_keys(), anchored=anchored or {}, now=NOW)


def found(institution: Institution | None, anchored: Any = None) -> list[tuple[int, str]]:
    """Positions and codes of what verification finds."""
    return [(each.position, each.code) for each in verified(institution, anchored).findings]


def tamper(sql: str, *parameters: Any) -> int:
    """As a superuser who has switched the triggers off. Returns how many rows were touched."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql, parameters)
        touched: int = cursor.rowcount
        cursor.execute("SET session_replication_role = origin")
    return touched
