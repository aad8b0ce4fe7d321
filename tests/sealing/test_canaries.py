"""A hundred of the planted identifiers; tests/security plants a thousand."""

import pytest
import sentry_sdk

from apps.common.encryption import fields
from settings import sentry
from tests.common.test_sentry import Collected
from tests.riskscore.makers import bank, key_of
from tests.sealing.canaries import dump, found, planted, watched
from tests.sealing.planting import run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def envelopes():
    transport = Collected()
    sentry.configure("https://key@sentry.invalid/1", environment="test", release="assay@test", transport=transport)
    yield transport
    sentry_sdk.get_client().close()
    sentry_sdk.init()


def test_nothing_that_was_planted_is_found_anywhere(envelopes, monkeypatch):
    texts = planted(100, seed=21)
    _, key = key_of(bank())

    with watched(envelopes) as kept:
        statuses = run(key, texts, requests=24, monkeypatch=monkeypatch)

    assert {202, 422, 500} <= set(statuses)
    assert len(envelopes.envelopes) > 0
    assert set(found(texts, kept.places()).values()) == {0}


def test_without_seals_the_dump_holds_what_was_planted(monkeypatch):
    texts = planted(100, seed=22)
    _, key = key_of(bank())
    monkeypatch.setattr(fields, "seal", lambda content, _place: content)

    run(key, texts, requests=8, monkeypatch=monkeypatch)

    assert found(texts, {"dump": dump()})["dump"] > 5
