"""What somebody with the database superuser's rights may do to a chain, drawn at random.

Each tampering says at which position it is to be found. All are undone afterwards: see `tampered`.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any

from django.db import connection, transaction

from apps.audit.chains import GENESIS, Head, sealed
from apps.audit.keys import AuditKey, known_keys
from apps.audit.models import AuditEvent, AuditSeal
from apps.tenants.models import Institution

EVENT_EDITS = (
    "actor = actor || 'x'",
    "action = action || 'x'",
    "outcome = CASE outcome WHEN 'success' THEN 'refused' ELSE 'success' END",
    "subject_type = subject_type || 'x'",
    "subject_id = CASE subject_id WHEN '' THEN '1' ELSE '' END",
    "details = details || '{\"forged\": 1}'",
    "content_sha256 = content_sha256 || decode('00', 'hex')",
    "address = CASE address WHEN '' THEN '192.0.2.1' ELSE '' END",
    "request_id = request_id || 'x'",
    "at = at + interval '1 microsecond'",
    "institution_id = NULL",
)
SEAL_EDITS = (
    "sealed_at = sealed_at + interval '1 microsecond'",
    "key_id = CASE key_id WHEN '' THEN '1' ELSE '' END",
    "form = form + 1",
    "digest = digest || decode('00', 'hex')",
)


@contextmanager
def tampered(tampering: Callable[["Chain", Random], int], chain: "Chain", random: Random) -> Iterator[int]:
    """The trail after a tampering, while the block lasts; yields the position it is to be found at."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")  # no trigger fires
        yield tampering(chain, random)
        transaction.set_rollback(True)


class Chain:
    """A sealed chain, by position."""

    def __init__(self, institution: Institution, key: AuditKey | None = None) -> None:
        self.institution = institution
        self.key = key
        rows = AuditSeal.objects.filter(institution=institution).order_by("position")
        self.events: list[Any] = list(rows.values_list("event_id", flat=True))

    @property
    def length(self) -> int:
        """How many events are sealed."""
        return len(self.events)

    def seals(self, condition: str, *values: Any, change: str = "") -> int:
        """Change the chain's seals that meet a condition, or delete them."""
        statement = f"UPDATE audit_auditseal SET {change}" if change else "DELETE FROM audit_auditseal"
        return self._run(f"{statement} WHERE institution_id = %s AND {condition}", self.institution.pk, *values)

    def event(self, position: int, change: str = "") -> int:
        """Change the event at a position, or delete it."""
        statement = f"UPDATE audit_auditevent SET {change}" if change else "DELETE FROM audit_auditevent"
        return self._run(f"{statement} WHERE id = %s", self.events[position - 1])

    def shift(self, first: int, by: int) -> None:
        """Move all seals from a position on, past what is unique."""
        self.seals("position >= %s", first, change="position = position + 1000000")
        self.seals("position > 1000000", change=f"position = position - 1000000 + {by}")

    def forge(self, position: int) -> None:
        """Put an event that never was at a free position, under a digest that is a guess."""
        beside = AuditEvent.objects.get(pk=self.events[min(position, self.length) - 1])
        made = AuditEvent.objects.create(
            institution=self.institution, actor="client:forged", action=beside.action, at=beside.at
        )
        key_id = next(iter(known_keys()))
        seal = sealed(made, after=self.head(position - 1), key=AuditKey(id=key_id, secret=b"a guess"), now=made.at)
        seal.save(force_insert=True)

    def head(self, position: int) -> Head:
        """The chain up to a position."""
        seal = AuditSeal.objects.filter(institution=self.institution, position=position).first()
        digest = GENESIS if seal is None else bytes(seal.digest)
        return Head(chain=str(self.institution.pk), position=position, digest=digest)

    def seal_again(self, first: int, key: AuditKey) -> None:
        """Make every seal from a position on anew, as the sealer would, with another key."""
        rows = list(AuditSeal.objects.filter(institution=self.institution, position__gte=first).order_by("position"))
        events = AuditEvent.objects.in_bulk([row.event_id for row in rows])
        self.seals("position >= %s", first)
        head, made = self.head(first - 1), []
        for row in rows:
            made.append(sealed(events[row.event_id], after=head, key=key, now=row.sealed_at))
            head = replace(head, position=made[-1].position, digest=bytes(made[-1].digest))
        AuditSeal.objects.bulk_create(made)

    def _run(self, statement: str, *values: Any) -> int:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            assert cursor.rowcount >= 1
            return int(cursor.rowcount)


def edit_event(chain: Chain, random: Random) -> int:
    """One column of an event."""
    position = random.randint(1, chain.length)
    chain.event(position, random.choice(EVENT_EDITS))
    return position


def edit_seal(chain: Chain, random: Random) -> int:
    """One column of a seal."""
    position = random.randint(1, chain.length)
    chain.seals("position = %s", position, change=random.choice(SEAL_EDITS))
    return position


def delete_event(chain: Chain, random: Random) -> int:
    """An event, its seal left behind."""
    position = random.randint(1, chain.length)
    chain.event(position)
    return position


def delete_with_seal(chain: Chain, random: Random) -> int:
    """An event and its seal; in half of the cases the gap is closed."""
    position = random.randint(1, chain.length - 1)
    chain.event(position)
    chain.seals("position = %s", position)
    if random.random() < 0.5:
        chain.shift(position + 1, -1)
    return position


def insert(chain: Chain, random: Random) -> int:
    """An event that never was, in the middle or at the end."""
    position = random.choice([random.randint(1, chain.length), chain.length + 1])
    if position <= chain.length:
        chain.shift(position, 1)
    chain.forge(position)
    return position


def swap(chain: Chain, random: Random) -> int:
    """Two events change their places."""
    first, second = sorted(random.sample(range(1, chain.length + 1), 2))
    chain.seals("position = %s", first, change="event_id = gen_random_uuid()")
    chain.seals("position = %s", second, change=f"event_id = '{chain.events[first - 1]}'")
    chain.seals("position = %s", first, change=f"event_id = '{chain.events[second - 1]}'")
    return first


def reorder(chain: Chain, random: Random) -> int:
    """A run of seals is turned around."""
    first = random.randint(1, chain.length - 1)
    last = min(chain.length, first + random.randint(1, 20))
    chain.seals("position BETWEEN %s AND %s", first, last, change="position = position + 1000000")
    chain.seals("position > 1000000", change=f"position = {first + last} - (position - 1000000)")
    return first


def seal_again(chain: Chain, random: Random) -> int:
    """An edited event, and every seal from there on made anew with a guess at the key, under its name."""
    position = random.randint(1, chain.length)
    chain.event(position, EVENT_EDITS[0])
    chain.seal_again(position, chain.key or AuditKey(id=next(iter(known_keys())), secret=os.urandom(32)))
    return position


def cut_tail(chain: Chain, random: Random) -> int:
    """The latest events and their seals."""
    position = random.randint(2, chain.length)
    for each in range(position, chain.length + 1):
        chain.event(each)
    chain.seals("position >= %s", position)
    return position


Tampering = Callable[[Chain, Random], int]
TAMPERINGS: tuple[Tampering, ...] = (
    edit_event,
    edit_seal,
    delete_event,
    delete_with_seal,
    insert,
    swap,
    reorder,
    seal_again,
    cut_tail,
)


def drawn(count: int, random: Random) -> list[Tampering]:
    """That many tamperings, every kind about equally often."""
    kinds = [TAMPERINGS[number % len(TAMPERINGS)] for number in range(count)]
    random.shuffle(kinds)
    return kinds
