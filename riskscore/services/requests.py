"""Asking for an assessment: the event stored, the rules applied, the work promised, in one transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.common.errors import Conflict, Overloaded, Unavailable
from apps.common.postgresql.durability import commit_without_waiting
from apps.jobs import services as jobs
from apps.tenants.models import ApiClient
from riskscore.digests import content_digest, event_digest
from riskscore.documents import hit_document, list_document, thresholds_document
from riskscore.encoding import SCHEMA, pack_current, pack_profile
from riskscore.events import Event
from riskscore.evidence import EvidencePointer, evidence
from riskscore.features import Features, profile
from riskscore.models import Event as StoredEvent
from riskscore.models import RiskAssessment
from riskscore.querysets import told_ids
from riskscore.records import content_sha256
from riskscore.rules import evaluate, facts_of, hits_of_lists
from riskscore.selectors import account_window, assessments_of, list_hits, policy_in_force
from riskscore.services.arrivals import Arrival, append_event, names_of

JOB_KIND = "risk.assessment"
ONCE = "event_external_id_once"


class EventDiffers(Conflict):
    """The institution already told an event of this id, with other contents."""

    code = "event_differs"


def request_assessment(
    *,
    client: ApiClient,
    event: Event,
    deadline_s: float,
    now: datetime,
    priority: int = 0,
    job_id: UUID | None = None,
) -> tuple[RiskAssessment, bool]:
    """Store an event, apply the rules and queue it for the model. An event is assessed once.

    An event told before as history is assessed against what was known when it arrived. The commit does not wait for
    the disk: whoever tells somebody outside of it commits something that waits first, as keeping an answer does.

    Args:
        deadline_s: from now; after it the rules alone answer.
        priority: of the job; below 0 it waits for those that somebody waits for.
        job_id: of the job, should this call make one; see `apps.jobs.waiting.expecting`.

    Returns:
        The assessment, and whether this call created it.

    Raises:
        EventDiffers: the event's id was used before for something else; nothing changed.
        Overloaded, Unavailable: it cannot be promised now, and was not before; nothing changed.
    """
    terms = _Terms(deadline_at=now + timedelta(seconds=deadline_s), priority=priority, job_id=job_id)
    try:
        _admit(client, terms, now=now)
    except (Overloaded, Unavailable):
        existing = _assessed_before(client, event)
        if existing is None:
            raise
        return existing, False
    try:
        with transaction.atomic():
            commit_without_waiting()
            arrival = append_event(institution_id=client.institution_id, event=event, now=now)
            return _open(client, arrival, terms, now=now), True
    except IntegrityError as error:
        if ONCE not in str(error):
            raise
    return _assess_told(client, event, terms, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """What is promised of the job."""

    deadline_at: datetime
    priority: int
    job_id: UUID | None


def _assess_told(client: ApiClient, event: Event, terms: _Terms, *, now: datetime) -> tuple[RiskAssessment, bool]:
    """An assessment of an event that was told before, made unless there is one. Raises EventDiffers."""
    with transaction.atomic():
        commit_without_waiting()
        row = _told_before(client, event)
        existing = assessments_of(client.institution_id).filter(event=row).first()
        if existing is not None:
            return existing, False
        names = names_of([(event, row.counterparty_id, row.device_id)])
        window = account_window(client.institution_id, row.account_id, before=row.sequence, names=names)
        arrival = Arrival(row=row, event=event, features=Features.from_dict(row.features), window=window)
        return _open(client, arrival, terms, now=now), True


def _admit(client: ApiClient, terms: _Terms, *, now: datetime) -> None:
    jobs.admit(
        institution_id=client.institution_id,
        kind=JOB_KIND,
        deadline_at=terms.deadline_at,
        now=now,
        priority=terms.priority,
    )


def _assessed_before(client: ApiClient, event: Event) -> RiskAssessment | None:
    """What an earlier request made of the event, if one did. Raises EventDiffers."""
    owned = StoredEvent.objects.filter(institution_id=client.institution_id)
    if not owned.filter(external_digest=event_digest(client.institution_id, event.id)).exists():
        return None
    with transaction.atomic():
        return assessments_of(client.institution_id).filter(event=_told_before(client, event)).first()


def _told_before(client: ApiClient, event: Event) -> StoredEvent:
    owned = StoredEvent.objects.filter(institution_id=client.institution_id).select_related("account")
    digest = event_digest(client.institution_id, event.id)
    row = owned.select_for_update(of=("self",)).get(external_digest=digest)
    if bytes(row.content_digest) != content_digest(client.institution_id, content_sha256(event)):
        raise EventDiffers(_("An event with this id was told before, with other contents."), pointer="/id")
    return row


def _open(client: ApiClient, arrival: Arrival, terms: _Terms, *, now: datetime) -> RiskAssessment:
    institution_id, event = client.institution_id, arrival.event
    lists = list_hits(institution_id, event, now=now)
    ruleset, thresholds = policy_in_force(institution_id)
    hits = (*hits_of_lists(lists), *evaluate(ruleset, facts_of(event, arrival.features, lists)))
    assessment_id = uuid4()
    job = jobs.enqueue(
        institution=client.institution,
        kind=JOB_KIND,
        subject_id=assessment_id,
        deadline_at=terms.deadline_at,
        now=now,
        priority=terms.priority,
        job_id=terms.job_id,
        is_admitted=True,
    )
    assessment = RiskAssessment.objects.create(
        id=assessment_id,
        institution_id=institution_id,
        client=client,
        event=arrival.row,
        job=job,
        created_at=now,
        profile_packed=pack_profile(profile(arrival.window)).packed,
        current_packed=pack_current(event, arrival.features).packed,
        encoding=SCHEMA.version,
        ruleset_version=ruleset.version,
        thresholds=thresholds_document(thresholds),
        rule_hits=[hit_document(hit) for hit in hits],
        list_hits=[list_document(hit) for hit in lists],
        evidence=_evidence(arrival),
    )
    audit.record(
        actor=f"client:{client.pk}",
        action="risk_assessment.created",
        institution=institution_id,
        subject=assessment,
        now=now,
        details={"rule_hits": len(hits), "ruleset": ruleset.version, "thresholds": thresholds.version},
        content_sha256=bytes(arrival.row.content_digest),
    )
    return assessment


def _evidence(arrival: Arrival) -> dict[str, list[dict[str, str]]]:
    found = evidence(arrival.event, arrival.window)
    orders = {piece.order for pieces in found.values() for piece in pieces if piece.order is not None}
    ids = told_ids(arrival.row.institution_id, arrival.row.account_id, orders)

    def document(piece: EvidencePointer) -> dict[str, str]:
        told_id = arrival.event.id if piece.order is None else ids[piece.order]
        return {"event": told_id, "pointer": f"/{piece.field}"}

    return {group: [document(piece) for piece in pieces] for group, pieces in found.items()}
