"""Texts are kept as long as the institution says."""

from datetime import timedelta

from django.utils import timezone

from apps.generation.models import Generation
from apps.generation.retention import purge
from apps.jobs.models import Job
from apps.retention import Purge
from tests.generation.writers import writing


def test_texts_that_are_due_go_with_their_jobs(caller, institution):
    with writing():
        caller.chat()
        caller.chat()
    before = timezone.now() + timedelta(days=1)
    due = Purge(institution_id=institution.pk, before=before, held=frozenset(), limit=1)

    assert [purge(due), purge(due), purge(due)] == [1, 1, 0]
    assert (Generation.objects.count(), Job.objects.count()) == (0, 0)


def test_what_is_still_being_written_stays(caller, institution):
    caller.chat(deadline_ms=50)
    Job.objects.update(status="queued", finished_at=None)
    due = Purge(institution_id=institution.pk, before=timezone.now(), held=frozenset(), limit=10)

    assert purge(due) == 0
    assert Generation.objects.count() == 1
