"""S8: 1,000 planted identifiers through good, refused, crashing and late requests; found nowhere."""

import logging

import pytest

from apps.common.encryption import fields
from tests.generation.writers import register_writer
from tests.riskscore.makers import bank, key_of
from tests.sealing.canaries import dump, found, planted, watched
from tests.sealing.planting import run
from tests.sealing.test_canaries import envelopes
from tests.sealing.writing import write

__all__ = ["envelopes"]

pytestmark = [pytest.mark.security, pytest.mark.django_db(transaction=True)]


def test_a_thousand_identifiers_are_found_nowhere(envelopes, monkeypatch, capsys):
    texts = planted(1_000, seed=31)
    _, key = key_of(bank())

    with watched(envelopes) as kept:
        statuses = run(key, texts, requests=400, monkeypatch=monkeypatch)
    counts = found(texts, kept.places())

    with capsys.disabled():
        print(f"\nS8: {dict(sorted(statuses.items()))}, {len(envelopes.envelopes)} envelopes; found: {counts}")
    assert set(counts.values()) == {0}
    assert len(counts) == 6


def test_prompts_and_what_a_model_wrote_are_found_nowhere(envelopes, capsys):
    texts = planted(400, seed=33)
    register_writer()
    _, key = key_of(bank())

    with watched(envelopes) as kept:
        statuses = write(key, texts, requests=60)
    counts = found(texts, kept.places())

    with capsys.disabled():
        print(f"\nS8, generations: {dict(sorted(statuses.items()))}; found: {counts}")
    assert statuses[200] >= 30
    assert set(counts.values()) == {0}


def test_without_the_defences_they_are_found(envelopes, monkeypatch, capsys):
    texts = planted(1_000, seed=32)
    _, key = key_of(bank())
    monkeypatch.setattr(fields, "seal", lambda content, _place: content)

    with watched(envelopes) as kept:
        run(key, texts, requests=40, monkeypatch=monkeypatch)
        logging.getLogger("careless").warning("refused %s", texts[0])
    counts = found(texts, {"dump": dump(), "logs": kept.logs.getvalue()})

    with capsys.disabled():
        print(f"\nS8 control, columns in the clear and a careless log line: {counts}")
    assert counts["dump"] > 50
    assert counts["logs"] == 1
