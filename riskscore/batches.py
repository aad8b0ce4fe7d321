"""Assessments and history by the batch: how a row is read, begun and answered."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework import serializers

from apps.api.problems import flattened
from apps.api.serializers import UnprocessableBody
from apps.batches.kinds import Begun, Reading, RowError, RowKind
from apps.jobs.models import Job
from apps.tenants.models import ApiClient
from riskscore import models, selectors, services
from riskscore.api.answers import assessment_document
from riskscore.api.serializers import EventSerializer
from riskscore.digests import event_digest
from riskscore.events import Event
from riskscore.models import RiskAssessment

PATIENCE_S = 3600.0  # of a batch's row; after it the rules alone answer
PRIORITY = -1  # after assessments that somebody waits for
COLUMNS = (
    "id", "event.id", "event.account", "status", "score", "risk_level", "outcome", "anomaly.type",
    "degraded", "degraded_code", "versions.model.digest", "versions.ruleset", "created_at", "completed_at",
)  # fmt: skip


def fields_of(serializer: serializers.Serializer[Any], above: str = "") -> dict[str, Any]:
    """Every field that holds one value, by its dotted name."""
    found: dict[str, Any] = {}
    for name, field in serializer.fields.items():
        if isinstance(field, serializers.Serializer):
            found |= fields_of(field, f"{above}{name}.")
        else:
            found[f"{above}{name}"] = field
    return found


FIELDS = fields_of(EventSerializer())
FLAGS = {"true": True, "false": False}


def cell(name: str, text: str) -> Any:
    """A cell's text as the JSON value its field takes; what cannot be one stays text and is refused as such."""
    field = FIELDS[name]
    if isinstance(field, serializers.BooleanField):
        return FLAGS.get(text.lower(), text)
    if isinstance(field, serializers.IntegerField | serializers.FloatField):
        return _number(text)
    return text


def read(document: Any, now: datetime) -> Reading:
    """An event, or all that is wrong with it."""
    try:
        event = EventSerializer(data=document, context={"now": now}).event()
    except UnprocessableBody as wrong:
        errors = (RowError(pointer=e.pointer, code=e.code, detail=e.detail) for e in flattened(wrong.detail))
        return Reading(errors=tuple(errors))
    return Reading(value=event, key=event.id)


def told_before(institution_id: UUID, external_ids: Sequence[str]) -> set[str]:
    """Which of the bank's own identifiers it has used already."""
    digests = {event_digest(institution_id, external_id): external_id for external_id in external_ids}
    stored = models.Event.objects.filter(institution_id=institution_id, external_digest__in=list(digests))
    return {digests[bytes(digest)] for digest in stored.values_list("external_digest", flat=True)}


def begin_assessments(client: ApiClient, events: Mapping[int, Event], now: datetime) -> Mapping[int, Begun]:
    """Ask for an assessment of each event."""
    return {number: _begin(client, event, now) for number, event in events.items()}


def begin_events(client: ApiClient, events: Mapping[int, Event], now: datetime) -> Mapping[int, Begun]:
    """Append events to their accounts' histories."""
    known = told_before(client.institution_id, [event.id for event in events.values()])
    done = services.ingest_events(
        institution_id=client.institution_id, events=events, now=now, actor=f"client:{client.pk}"
    )
    return {
        number: Begun(known=event.id in known, error=_differs() if number in done.differing else None)
        for number, event in events.items()
    }


def collect_assessments(institution_id: UUID, assessment_ids: Sequence[UUID]) -> Mapping[UUID, Any]:
    """The answers of those assessments that will not change any more."""
    asked = selectors.assessments_of(institution_id).filter(pk__in=assessment_ids)
    ended = [row for row in asked if row.status == RiskAssessment.Status.COMPLETED or row.job.status in Job.TERMINAL]
    return {assessment.pk: assessment_document(assessment) for assessment in ended}


def collect_nothing(_institution_id: UUID, _subject_ids: Sequence[UUID]) -> Mapping[UUID, Any]:
    """History has no answers."""
    return {}


def _begin(client: ApiClient, event: Event, now: datetime) -> Begun:
    try:
        assessment, created = services.request_assessment(
            client=client, event=event, deadline_s=PATIENCE_S, now=now, priority=PRIORITY
        )
    except services.EventDiffers:
        return Begun(error=_differs(), known=True)
    return Begun(subject_id=assessment.pk, known=not created)


def _differs() -> RowError:
    detail = _("An event with this id was told before, with other contents.")
    return RowError(pointer="/id", code="event_differs", detail=detail)


def _number(text: str) -> Any:
    if text.removeprefix("-").isdecimal() and len(text) < 20:
        return int(text)
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return number if number.is_finite() and abs(number.adjusted()) < 32 else text


ASSESSMENTS = RowKind(
    name="risk.assessments",
    scopes=("risk.write",),
    fields=frozenset(FIELDS),
    cell=cell,
    read=read,
    known=told_before,
    begin=begin_assessments,
    collect=collect_assessments,
    columns=COLUMNS,
    rows_at_once=1,  # an account's lock is held for one event, as it is for a caller who waits
)
EVENTS = RowKind(
    name="risk.events",
    scopes=("events.write",),
    fields=frozenset(FIELDS),
    cell=cell,
    read=read,
    known=told_before,
    begin=begin_events,
    collect=collect_nothing,
    columns=(),
    rows_at_once=100,
)
