"""Ten kinds of request that each leave one event, again and again, by one bank's system."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from django.test import Client

from apps.tenants.models import ApiClient, Institution
from apps.tenants.services import create_client
from tests.audit.trail import NOW
from tests.riskscore.makers import payload
from tests.walls import as_application

RISK = "/api/v1/risk"


class Caller:
    """A bank's two systems: one that may do everything, and one that may read assessments."""

    def __init__(self, institution: Institution) -> None:
        self.client, self.key = create_client(institution=institution, name="core", mode="test", now=NOW)
        reader: tuple[ApiClient, str] = create_client(
            institution=institution, name="reader", mode="test", now=NOW, scopes=["risk.read"]
        )
        self.reader_key = reader[1]

    def rounds(self, count: int) -> Iterator[int]:
        """Statuses of ten requests a round; none of them is to be 5xx."""
        for number in range(count):
            yield from self._round(number)

    def _round(self, number: int) -> Iterator[int]:
        made = self._call("post", f"{RISK}/assessments", payload(id=f"tx-{number}", account=f"acc-{number % 7}"))
        yield made.status_code
        assessment, operation = f"{RISK}/assessments/{made.json()['id']}", made.json()["operation"]
        yield self._call("get", assessment).status_code
        yield self._call("get", f"{RISK}/assessments", {"limit": "5"}).status_code
        yield self._call("get", operation).status_code
        yield self._call("delete", operation).status_code
        yield self._call("post", f"{assessment}/feedback", {"verdict": "fraud", "reported_by": "customer"}).status_code
        yield self._call("post", "/api/v1/events", payload(id=f"history-{number}")).status_code
        thresholds = {"review": 0.1, "block_and_review": 0.2, "decline": 0.3}
        yield self._call("put", f"{RISK}/thresholds", thresholds).status_code
        yield self._call("get", f"{RISK}/assessments/{uuid4()}").status_code
        yield self._call("put", f"{RISK}/thresholds", thresholds, key=self.reader_key).status_code

    def _call(self, method: str, url: str, told: Any = None, *, key: str = "") -> Any:
        headers = {"Authorization": f"Bearer {key or self.key}", "Idempotency-Key": str(uuid4()), "Prefer": "wait=0"}
        options = {} if method in {"get", "delete"} else {"content_type": "application/json"}
        with as_application():
            return getattr(Client(headers=headers), method)(url, told, **options)
