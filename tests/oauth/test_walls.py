"""Clients are known, and get tokens, where the application is bound by row-level security."""

import pytest
from django.db import ProgrammingError
from django.test import Client
from django.utils import timezone

from apps.common import scope
from apps.oauth import services
from apps.oauth.models import AccessToken, Application, UsedAssertion
from apps.tenants.models import ClientKey
from apps.tenants.services import create_client, create_institution, revoke_client
from apps.tenants.walls import WORKER
from tests.oauth.conftest import NOW
from tests.oauth.signing import ask_signed, claims, signed
from tests.walls import as_application, rows

pytestmark = pytest.mark.django_db

ASSESSMENTS = "/api/v1/risk/assessments"


def status(bearer):
    with as_application():
        return Client().get(ASSESSMENTS, headers={"Authorization": f"Bearer {bearer}"}).status_code


def test_a_key_is_known_past_the_walls(with_secret):
    client, key = with_secret

    assert status(key) == 200
    revoke_client(client=client, now=timezone.now())
    assert status(key) == 401


def test_an_assertion_buys_a_token_that_opens(with_keys, ec):
    assertion = signed(ec, claims(str(with_keys.pk)))
    with as_application():
        answer = ask_signed(Client(), assertion)
        again = ask_signed(Client(), assertion)

    assert (answer.status_code, again.status_code) == (200, 401)
    assert status(answer.json()["access_token"]) == 200


def test_nobody_sees_keys_or_tokens_who_is_nobody(with_secret):
    services.issue_token(application=with_secret[0].application, token="at_x", scopes=(), lifetime_s=300, now=NOW)
    with as_application(), scope.entered(scope.NOBODY):
        seen = [model.objects.count() for model in (ClientKey, Application, AccessToken, UsedAssertion)]

    assert seen == [0, 0, 0, 0]


def test_nobody_sees_a_strangers_keys_or_tokens(with_secret):
    services.issue_token(application=with_secret[0].application, token="at_x", scopes=(), lifetime_s=300, now=NOW)
    stranger = create_institution(name="Other", kind="hospital", actor="system", now=NOW)
    create_client(institution=stranger, name="own", mode="test", now=NOW)
    with as_application(), scope.entered(scope.of(stranger.pk)):
        seen = [model.objects.count() for model in (ClientKey, Application, AccessToken, UsedAssertion)]

    assert seen == [1, 0, 0, 0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("function", ["key", "client", "token"])
def test_a_worker_cannot_ask_whose_a_credential_is(db, function):
    with as_application(WORKER), pytest.raises(ProgrammingError, match="permission denied"):
        rows(f"SELECT assay_institution_of_{function}('x')")


@pytest.mark.parametrize("table", ["grant", "idtoken", "refreshtoken", "devicegrant"])
@pytest.mark.django_db(transaction=True)
def test_the_librarys_own_tables_are_closed(table):
    with as_application(), pytest.raises(ProgrammingError, match="permission denied"):
        rows(f"SELECT * FROM oauth2_provider_{table}")


def test_a_worker_deletes_what_has_ended(with_secret):
    services.issue_token(application=with_secret[0].application, token="at_x", scopes=(), lifetime_s=300, now=NOW)
    with as_application(WORKER):
        services.purge(timezone.now().replace(year=2030))

    assert AccessToken.objects.count() == 0
