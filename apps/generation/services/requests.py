"""Asking for a text: the prompt stored, sealed, and the work promised, in one transaction."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.common.errors import NotFound
from apps.generation.asked import Asked
from apps.generation.models import Generation
from apps.jobs import services as jobs
from apps.registry import services as registry
from apps.tenants.models import ApiClient

JOB_KIND = "inference.generation"


class NoSuchWriter(NotFound):
    """No champion of that name generates text."""

    code = "model_not_found"


@transaction.atomic
def request_generation(
    *, generation_id: UUID, client: ApiClient, asked: Asked, deadline_s: float, now: datetime
) -> Generation:
    """Queue a text to be written.

    Args:
        generation_id: of the caller's choice, so that readers can listen before anything is told.
        deadline_s: from now; after it nothing is written any more.

    Raises:
        NoSuchWriter: the model is none that generates; nothing changed.
        Overloaded, Unavailable: it cannot be done in time, or would take others' share.
    """
    if asked.model not in {version.name for version in registry.writers()}:
        raise NoSuchWriter(_("There is no model of that name that generates text."), pointer="/model")
    job = jobs.enqueue(
        institution=client.institution,
        kind=JOB_KIND,
        subject_id=generation_id,
        deadline_at=now + timedelta(seconds=deadline_s),
        now=now,
    )
    document = asked.document()
    generation = Generation.objects.create(
        id=generation_id,
        institution_id=client.institution_id,
        client=client,
        job=job,
        model=asked.model,
        created_at=now,
        asked=document,
    )
    audit.record(
        actor=f"client:{client.pk}",
        action="generation.requested",
        institution=client.institution_id,
        subject=generation,
        now=now,
        details={"model": asked.model, "max_tokens": asked.max_tokens},
        content_sha256=audit.content_digest(client.institution_id, document),
    )
    return generation
