"""The trail's own page; and that who reads pages is in the trail."""

import pytest
from django.urls import reverse

from apps.audit.models import AuditEvent
from tests.audit.trail import bank, events, sealed_trail

pytestmark = pytest.mark.django_db


def test_the_list_shows_how_far_the_chain_is_sealed(admin_client):
    institution, _ = sealed_trail(2)
    events(institution, 1, start=60)

    page = admin_client.get(reverse("admin:audit_auditevent_changelist")).content.decode()

    assert '<td class="field-position">2</td>' in page
    assert '<td class="field-position">not sealed yet</td>' in page


def test_an_event_is_shown_with_its_outcome_details_and_seal(admin_client):
    _, made = sealed_trail(2)

    page = admin_client.get(reverse("admin:audit_auditevent_change", args=[made[1].pk])).content.decode()

    assert "Success" in page
    assert "&quot;count&quot;: 1" in page
    assert bytes(made[1].seal.digest).hex() in page


def test_who_lists_the_trail_is_in_it(admin_client, admin_user):
    events(bank(), 3)
    admin_client.get(reverse("admin:audit_auditevent_changelist"))

    event = AuditEvent.objects.get(action="auditevent.listed")
    assert (event.actor, event.institution_id, event.details["count"]) == (f"user:{admin_user.pk}", None, 3)


def test_who_opens_an_event_is_in_the_trail_of_its_institution(admin_client, admin_user):
    institution = bank()
    (made,) = events(institution, 1)
    admin_client.get(reverse("admin:audit_auditevent_change", args=[made.pk]))

    event = AuditEvent.objects.get(action="auditevent.read")
    assert (event.actor, event.institution_id, event.subject_id) == (
        f"user:{admin_user.pk}",
        institution.pk,
        str(made.pk),
    )


def test_what_is_not_there_cannot_be_read(admin_client):
    admin_client.get(reverse("admin:audit_auditevent_change", args=["7d444840-9dc0-11d1-b245-5ffdce74fad2"]))

    assert AuditEvent.objects.filter(action="auditevent.read").count() == 0
