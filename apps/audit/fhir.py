"""Events as FHIR R4 AuditEvent, in the shapes of IHE's Basic Audit Log Patterns 1.1.

https://profiles.ihe.net/ITI/BALP: Create, Read, Update, Delete and Query, each with a client, a server, the
request's id and what was touched. A profile is claimed only for what a system did over REST and was allowed:
the profiles are for successes. What BALP has no place for, such as counts, stands in an entity of its own.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings

from apps.audit.documents import moment, seal_of
from apps.audit.models import AuditEvent

MEDIA_TYPE = "application/fhir+json"
BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
X_REQUEST_ID = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
REST = "http://hl7.org/fhir/restful-interaction"
OURS = "urn:assay:audit:"

CLIENT, SERVER = "client", "server"
SOURCE = {"system": DCM, "code": "110153", "display": "Source Role ID"}
DESTINATION = {"system": DCM, "code": "110152", "display": "Destination Role ID"}

# The last word of an action: FHIR's action, its interaction, and BALP's profile.
VERBS: Mapping[str, tuple[str, str, str]] = {
    "created": ("C", "create", "Create"),
    "ingested": ("C", "create", "Create"),
    "registered": ("C", "create", "Create"),
    "issued": ("C", "create", "Create"),
    "read": ("R", "read", "Read"),
    "replayed": ("R", "read", "Read"),
    "listed": ("E", "search-type", "Query"),
    "set": ("U", "update", "Update"),
    "completed": ("U", "update", "Update"),
    "degraded": ("U", "update", "Update"),
    "cancelled": ("U", "update", "Update"),
    "promoted": ("U", "update", "Update"),
    "revoked": ("U", "update", "Update"),
    "rotated": ("U", "update", "Update"),
    "erased": ("D", "delete", "Delete"),
    "deleted": ("D", "delete", "Delete"),
}
EXECUTED = ("E", "operation", "")


def audit_event(event: AuditEvent) -> dict[str, Any]:
    """One event as an AuditEvent resource."""
    action, interaction, profile = VERBS.get(event.action.rpartition(".")[2], EXECUTED)
    is_rest = event.actor.startswith("client:") and bool(event.request_id)
    succeeded = event.outcome == AuditEvent.Outcome.SUCCESS
    resource: dict[str, Any] = {"resourceType": "AuditEvent", "id": str(event.pk)}
    if is_rest and succeeded and profile and event.address:
        resource["meta"] = {"profile": [BALP + profile]}
    return resource | {
        "type": _type(is_rest=is_rest),
        "subtype": [{"system": REST, "code": interaction}, {"system": OURS + "action", "code": event.action}],
        "action": action,
        "recorded": moment(event.at),
        "outcome": "0" if succeeded else "4",
        **({} if succeeded else {"outcomeDesc": str(event.details.get("code") or "refused")}),
        "agent": _agents(event, reads=action == "R"),
        "source": _source(),
        "entity": _entities(event, is_query=interaction == "search-type"),
    }


def bundle(events: Iterable[AuditEvent], *, links: Mapping[str, str | None]) -> dict[str, Any]:
    """A page of events as a searchset. Its total is not counted."""
    found = [{"relation": relation, "url": url} for relation, url in links.items() if url]
    entries = [{"fullUrl": f"urn:uuid:{event.pk}", "resource": audit_event(event)} for event in events]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": found,
        "entry": [entry | {"search": {"mode": "match"}} for entry in entries],
    }


def _type(*, is_rest: bool) -> dict[str, str]:
    if is_rest:
        return {"system": TERMINOLOGY + "audit-event-type", "code": "rest", "display": "RESTful Operation"}
    return {"system": DCM, "code": "110100", "display": "Application Activity"}


def _agents(event: AuditEvent, *, reads: bool) -> list[dict[str, Any]]:
    """Who asked and who answered. Data flows to the client of a read; otherwise the client is the source."""
    to_client, to_server = (DESTINATION, SOURCE) if reads else (SOURCE, DESTINATION)
    asked = {"type": _coded(to_client), "who": _identified("actor", event.actor), "requestor": True}
    if event.address:
        asked["network"] = {"address": event.address, "type": "2"}  # an IP address
    answered = {"type": _coded(to_server), "who": _site(), "requestor": False}
    answered["network"] = {"address": settings.ALLOWED_HOSTS[0] if settings.ALLOWED_HOSTS else "", "type": "1"}
    return [asked, answered]


def _source() -> dict[str, Any]:
    kind = {"system": TERMINOLOGY + "security-source-type", "code": "4", "display": "Application Server"}
    return {"observer": _site(), "type": [kind]}


def _entities(event: AuditEvent, *, is_query: bool) -> list[dict[str, Any]]:
    entities = [_query(event) if is_query else _data(event)]
    if event.request_id:
        kind = {"system": X_REQUEST_ID, "code": "XrequestId"}
        entities.append({"what": {"identifier": {"value": event.request_id}}, "type": kind})
    return [*entities, _details(event)]


def _data(event: AuditEvent) -> dict[str, Any]:
    identifier = {"system": OURS + "subject:" + event.subject_type, "value": event.subject_id or "-"}
    return {"what": {"identifier": identifier}, "type": _object(), "role": _role("4", "Domain Resource")}


def _query(event: AuditEvent) -> dict[str, Any]:
    """Which list was asked for and by which filters. Their values may be contents, and are not kept."""
    told = {"subject": event.subject_type, "filters": event.details.get("filters", [])}
    query = base64.b64encode(json.dumps(told, sort_keys=True).encode()).decode()
    return {"type": _object(), "role": _role("24", "Query"), "query": query}


def _details(event: AuditEvent) -> dict[str, Any]:
    """What else is known of the event, and its place in the chain."""
    told = {name: value if isinstance(value, str) else json.dumps(value) for name, value in event.details.items()}
    if event.content_sha256:
        told["content_digest"] = bytes(event.content_sha256).hex()
    seal = seal_of(event)
    if seal is not None:
        told |= {"seal_position": str(seal.position), "seal_digest": bytes(seal.digest).hex()}
    return {
        "what": {"identifier": {"system": OURS + "event", "value": str(event.pk)}},
        "type": {"system": TERMINOLOGY + "audit-entity-type", "code": "4", "display": "Other"},
        "detail": [{"type": name, "valueString": value or "-"} for name, value in sorted(told.items())],
    }


def _identified(kind: str, value: str) -> dict[str, Any]:
    return {"identifier": {"system": OURS + kind, "value": value}}


def _site() -> dict[str, Any]:
    return {"identifier": {"system": OURS + "site", "value": settings.ENVIRONMENT}, "display": "Assay"}


def _coded(coding: Mapping[str, str]) -> dict[str, Any]:
    return {"coding": [dict(coding)]}


def _object() -> dict[str, str]:
    return {"system": TERMINOLOGY + "audit-entity-type", "code": "2", "display": "System Object"}


def _role(code: str, display: str) -> dict[str, str]:
    return {"system": TERMINOLOGY + "object-role", "code": code, "display": display}
