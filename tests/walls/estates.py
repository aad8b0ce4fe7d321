"""Institutions that have something of everything, with words that no other one uses.

A new kind of record is taught by one more function in `MAKERS`: it makes some through the API, or where
there is no way through the API, in the database. `test_probes.py` fails while a model has no rows.
"""

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.test import Client
from django.utils import timezone

from apps.generation.models import Generation
from apps.jobs.services import enqueue
from apps.oauth.models import AccessToken, Application, UsedAssertion
from apps.retention.models import LegalHold, RetentionRule
from apps.tenants.models import ApiClient, Institution, Membership, User
from apps.tenants.policies import tables
from apps.tenants.services import create_client
from apps.tenants.walls import has_institution
from apps.webhooks.models import WebhookAttempt, WebhookDelivery
from riskscore.api.examples import EVENT
from riskscore.digests import listed_digest
from riskscore.models import ListEntry
from riskscore.rules import DEFAULT_DOCUMENT
from tests.walls import as_application


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A request of an institution of its own that was answered well."""

    method: str
    template: str
    body: Any
    content_type: str
    key: str


@dataclass(kw_only=True)
class Estate:
    """One institution, a key of its, and what it has.

    Attributes:
        words: values that only this institution's records hold.
        own: an identifier of its own for each path parameter.
    """

    institution: Institution
    client: ApiClient
    key: str
    words: list[str] = field(default_factory=list)
    own: dict[str, str] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)

    def word(self, about: str) -> str:
        """A value that nobody else uses."""
        digest = hashlib.sha256(f"{self.institution.pk}:{about}:{len(self.words)}".encode()).hexdigest()
        self.words.append(f"{about}-{digest[:16]}")
        return self.words[-1]

    def call(self, method: str, template: str, body: Any = None, *, content_type: str = "application/json") -> Any:
        """Ask the API for something of one's own. Returns the document answered with."""
        path = template.format(**self.own)
        key = str(uuid4())
        answer = request(self.key, method, path, body, content_type=content_type, key=key)
        assert answer.status_code < 300, (method, path, answer.status_code, answer.content)
        self.sent.append(Sent(method=method, template=template, body=body, content_type=content_type, key=key))
        return answer.json() if answer.content[:1] == b"{" else None

    def identifiers(self) -> dict[str, list[str]]:
        """Primary keys of all its rows, by model."""
        return {
            model._meta.label: [str(pk) for pk in model._default_manager.filter(**owned).values_list("pk", flat=True)]
            for model in tables()
            if has_institution(model)
            for owned in [{"institution": self.institution}]
        }


def request(
    api_key: str, method: str, path: str, body: Any = None, *, content_type: str = "application/json", key: str = ""
) -> Any:
    """One request behind both walls."""
    text = body if isinstance(body, str) else json.dumps(body)
    headers = {"Authorization": f"Bearer {api_key}", "Idempotency-Key": key or str(uuid4()), "Prefer": "respond-async"}
    sent: dict[str, Any] = {} if body is None else {"data": text, "content_type": content_type}
    with as_application():
        return Client(headers=headers).generic(method, path, **sent)


def estate(name: str, kind: Institution.Kind = Institution.Kind.BANK) -> Estate:
    """A new institution with something of everything."""
    institution = Institution.objects.create(name=name, kind=kind)
    client, key = create_client(institution=institution, name="core banking", mode="test", now=timezone.now())
    made = Estate(institution=institution, client=client, key=key)
    for make in MAKERS:
        make(made)
    made.words += [str(institution.pk), str(client.pk)]
    return made


def event(owner: Estate) -> dict[str, Any]:
    """An event as a bank tells it, in the owner's words."""
    moment = timezone.now() - timedelta(minutes=5)
    told = EVENT | {"id": owner.word("tx"), "account": owner.word("acc"), "occurred_at": moment.isoformat()}
    told["counterparty"] = EVENT["counterparty"] | {"id": owner.word("shop")}
    told["device"] = EVENT["device"] | {"id": owner.word("fp")}
    return told


def history(owner: Estate) -> None:
    """Events that were told."""
    owner.call("POST", "/api/v1/events", event(owner))


def assessments(owner: Estate) -> None:
    """Assessments, their jobs, and what they turned out to be."""
    for _ in range(3):
        made = owner.call("POST", "/api/v1/risk/assessments", event(owner))
        owner.own |= {"assessment_id": made["id"], "job_id": made["operation"].rsplit("/", 1)[1]}
    verdict = {"verdict": "fraud", "reported_by": "customer"}
    owner.call("POST", "/api/v1/risk/assessments/{assessment_id}/feedback", verdict)


def policies(owner: Estate) -> None:
    """Thresholds and rules of its own."""
    share = random.Random(owner.institution.pk.int).randrange(1000, 2000)
    owner.call("PUT", "/api/v1/risk/thresholds", {"review": share / 10_000, "block_and_review": 0.5, "decline": 0.9})
    rule = DEFAULT_DOCUMENT["rules"][0] | {"name": owner.word("rule"), "reason": owner.word("because")}
    owner.call("PUT", "/api/v1/risk/ruleset", {"rules": [rule]})


def webhooks(owner: Estate) -> None:
    """An endpoint, and a delivery that was tried."""
    address = f"https://hooks.{owner.word('host')}.example/in"
    wanted = {"url": address, "event_types": ["ping"], "description": owner.word("endpoint")}
    owner.own["endpoint_id"] = owner.call("POST", "/api/v1/webhook-endpoints", wanted)["id"]
    owner.call("POST", "/api/v1/webhook-endpoints/{endpoint_id}/test")
    delivery = WebhookDelivery.objects.get(institution=owner.institution)
    owner.own["delivery_id"] = str(delivery.pk)
    tried = {"number": 1, "http_status": 503, "latency_ms": 1.0, "started_at": timezone.now()}
    WebhookAttempt.objects.create(institution=owner.institution, delivery=delivery, **tried)


def batches(owner: Estate) -> None:
    """An upload of two rows."""
    lines = "".join(json.dumps(event(owner)) + "\n" for _ in range(2))
    made = owner.call("POST", "/api/v1/batches?type=risk.events", lines, content_type="application/x-ndjson")
    owner.own["batch_id"] = made["id"]


def lists(owner: Estate) -> None:
    """Something it blocks."""
    value = owner.word("listed")
    digest = listed_digest(owner.institution.pk, "device", value)
    listed = {"kind": "device", "value": value, "value_digest": digest, "action": "block"}
    note = owner.word("note")
    ListEntry.objects.create(institution=owner.institution, note=note, created_at=timezone.now(), **listed)


def people(owner: Estate) -> None:
    """Somebody who works there."""
    name = owner.word("person")
    user = User.objects.create(username=name, email=f"{name}@bank.example")
    kind = owner.institution.kind
    place = {"institution": owner.institution, "institution_kind": kind, "granted_at": timezone.now()}
    Membership.objects.create(user=user, role="analyst", **place)


def tokens(owner: Estate) -> None:
    """An access token, and an assertion that was used."""
    place = {"institution": owner.institution}
    proof = {"client_id": str(owner.client.pk), "proof": Application.Proof.SECRET}
    application = Application.objects.create(api_client=owner.client, **proof, **place)
    ends_at = timezone.now() + timedelta(minutes=5)
    digest = hashlib.sha256(owner.word("token").encode()).hexdigest()
    AccessToken.objects.create(application=application, token_checksum=digest, expires=ends_at, scope="", **place)
    UsedAssertion.objects.create(application=application, jti_sha256=digest, expires_at=ends_at, **place)


def retention(owner: Estate) -> None:
    """A rule of how long, and an order that something stays."""
    now, place = timezone.now(), {"institution": owner.institution}
    RetentionRule.objects.create(record_class="risk.assessment", days=30, set_at=now, **place)
    LegalHold.objects.create(reason=owner.word("hold"), placed_by="command:test", placed_at=now, **place)


def generations(owner: Estate) -> None:
    """A text that was asked for; and how it is asked for, of a model that only the owner could know."""
    now, generation_id = timezone.now(), uuid4()
    model, prompt = owner.word("model"), owner.word("prompt")
    asked = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    job = enqueue(
        institution=owner.institution,
        kind="inference.generation",
        subject_id=generation_id,
        deadline_at=now + timedelta(minutes=1),
        now=now,
    )
    place = {"institution": owner.institution, "client": owner.client, "job": job}
    Generation.objects.create(id=generation_id, model=model, created_at=now, asked=asked, **place)
    how = {"method": "POST", "template": "/v1/chat/completions", "content_type": "application/json"}
    owner.sent.append(Sent(body=asked, key=str(uuid4()), **how))


MAKERS: tuple[Callable[[Estate], None], ...] = (
    *(history, assessments, policies, webhooks, batches, lists, people, tokens, retention, generations),
)
