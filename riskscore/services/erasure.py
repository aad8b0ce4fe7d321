"""Deleting what a bank told: an account's records when it asks, and old ones when their time has come.

Everything about an event goes with it: its assessment, the labels, the job, stored replies, and whatever
device or counterparty nothing else speaks of.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from apps.api.replies import forget_replies
from apps.jobs.models import Job
from apps.retention import Erasure, Purge
from riskscore.models import Account, Counterparty, Device, Event, Label, RiskAssessment

PART = 1000  # events of one statement
ASSESSMENT, OPERATION = "/api/v1/risk/assessments", "/api/v1/operations"


@transaction.atomic
def erase_account(erasure: Erasure) -> dict[str, int]:
    """Delete all that is about one account. Safe to repeat; asked for by `apps.retention.services.erase_subject`.

    Returns:
        How many of what went.
    """
    if erasure.kind != "account":
        return {}
    _erasing()
    institution_id = erasure.institution_id
    owned = Account.objects.filter(institution_id=institution_id, digest=erasure.digest).order_by("pk")
    account = owned.select_for_update().first()  # no event arrives meanwhile
    erased = {"accounts": 0, "events": 0, "assessments": 0, "labels": 0, "replies": 0}
    if account is None:
        return erased
    while events := list(Event.objects.filter(account=account).values_list("pk", flat=True)[:PART]):
        for name, count in _delete(institution_id, events).items():
            erased[name] += count
    owned.delete()
    return erased | {"accounts": 1}


@transaction.atomic
def purge_risk_records(purge: Purge) -> int:
    """Delete the institution's oldest events that are due, at most so many; returns how many."""
    _erasing()
    due = Event.objects.filter(institution_id=purge.institution_id, received_at__lt=purge.before)
    kept = due.exclude(account__digest__in=list(purge.held)) if purge.held else due
    events = list(kept.order_by("received_at").values_list("pk", flat=True)[: purge.limit])
    if events:
        return _delete(purge.institution_id, events)["events"]
    silent = Account.objects.filter(
        ~Exists(Event.objects.filter(account=OuterRef("pk"))),
        institution_id=purge.institution_id,
        created_at__lt=purge.before,
    ).exclude(digest__in=list(purge.held))
    locked = list(silent.order_by("pk").select_for_update(skip_locked=True)[: purge.limit])
    return Account.objects.filter(pk__in=[account.pk for account in locked]).delete()[0]


def _delete(institution_id: UUID, events: Sequence[int]) -> dict[str, int]:
    """Delete events and what depends on them."""
    assessments = RiskAssessment.objects.filter(institution_id=institution_id, event__in=events)
    found = list(assessments.values_list("pk", "job_id"))
    ids = [pk for pk, _ in found]
    labels = Label.objects.filter(assessment__in=ids).delete()[0]
    assessments.delete()
    Job.objects.filter(pk__in=[job_id for _, job_id in found]).delete()
    replies = forget_replies(
        institution_id=institution_id,
        locations=[f"{ASSESSMENT}/{pk}" for pk in ids] + [f"{OPERATION}/{job_id}" for _, job_id in found],
        operations=[f"POST {ASSESSMENT}/{pk}/feedback" for pk in ids],
    )
    told = Event.objects.filter(institution_id=institution_id, pk__in=events)
    spoken_of = list(told.values_list("device_id", "counterparty_id"))
    told.delete()
    _delete_unused(Device.objects.all(), "device", {device for device, _ in spoken_of if device})
    _delete_unused(Counterparty.objects.all(), "counterparty", {party for _, party in spoken_of if party})
    return {"events": len(events), "assessments": len(ids), "labels": labels, "replies": replies}


def _delete_unused(rows: "QuerySet[Any]", column: str, candidates: set[int]) -> None:
    """Delete those of the rows that no event speaks of any more."""
    spoken_of = Event.objects.filter(**{column: OuterRef("pk")})
    rows.filter(~Exists(spoken_of), pk__in=candidates).delete()


def _erasing() -> None:
    """Let this transaction delete events: see the trigger in migration 0005."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL assay.erasing = 'on'")
