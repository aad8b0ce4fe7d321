"""Limits of one institution or one client."""

import pytest
from django.core.management import CommandError, call_command

from apps.api.limits.policies import Kind, of_client
from apps.api.limits.services import set_limit
from apps.audit.models import AuditEvent
from apps.common.errors import InvalidInput
from tests.limits.makers import quotas
from tests.riskscore.makers import NOW, bank, client_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _defaults(settings):
    settings.LIMITS = quotas()


def allowed(client, kind=Kind.SCORING) -> list[int]:
    client.refresh_from_db()
    return [policy.quota for policy in of_client(client, kind)]


def test_what_is_set_for_a_client_and_its_institution_applies_to_them():
    client = client_of(bank())
    set_limit(of=client, kind=Kind.SCORING, quota=50, actor="user:1", now=NOW)
    set_limit(of=client.institution, kind=Kind.SCORING, quota=80, actor="user:1", now=NOW)

    assert allowed(client) == [50, 80]
    assert allowed(client, Kind.READS) == [6000, 12000]
    assert allowed(client_of(bank("Second Bank"))) == [6000, 12000]


def test_without_a_quota_the_default_returns():
    client = client_of(bank())
    for quota in (50, None):
        set_limit(of=client, kind=Kind.SCORING, quota=quota, actor="user:1", now=NOW)

    assert allowed(client) == [6000, 12000]
    assert list(AuditEvent.objects.filter(action="limit.changed").values_list("actor", flat=True)) == ["user:1"] * 2


@pytest.mark.parametrize(("kind", "quota"), [(Kind.SCORING, 0), (Kind.SCORING, -1), (Kind.SIGN_IN, 10)])
def test_a_limit_nobody_can_mean_is_refused(kind, quota):
    client = client_of(bank())

    with pytest.raises(InvalidInput):
        set_limit(of=client, kind=kind, quota=quota, actor="user:1", now=NOW)

    assert allowed(client) == [6000, 12000]


def test_the_command_sets_and_brings_back():
    client = client_of(bank())
    call_command("set_limit", "First Bank", "scoring", "70")
    call_command("set_limit", "First Bank", "scoring", "30", client=client.pk)

    assert allowed(client) == [30, 70]
    with pytest.raises(CommandError):
        call_command("set_limit", "No Bank", "scoring", "70")
