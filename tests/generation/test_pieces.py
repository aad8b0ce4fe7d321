"""Pieces on their way through Redis."""

from uuid import uuid4

import pytest
import redis
from django.conf import settings

from apps.generation.pieces import Ear, Told


@pytest.fixture
def told() -> Told:
    return Told(institution_id=uuid4(), generation_id=uuid4())


def heard(ear: Ear) -> bytes:
    """The next message; waits a second for it at most."""
    message = ear.next(timeout_s=1.0)
    assert message is not None
    return message


def test_a_piece_is_heard_with_its_place_and_the_end_after_it(told):
    with Ear(told).open() as ear:
        told.tell("naïve 北京", offset=7)
        told.tell_end()

        assert told.read(heard(ear)) == (7, "naïve 北京")
        assert heard(ear) == b""


def test_redis_sees_no_word_and_keeps_nothing(told):
    with Ear(told).open() as ear:
        told.tell("canary", offset=0)
        message = heard(ear)

    assert b"canary" not in message
    assert redis.Redis.from_url(settings.REDIS_URL).keys(f"*{told.channel}*") == []


def test_a_piece_of_another_generation_or_place_does_not_open(told):
    other = Told(institution_id=uuid4(), generation_id=uuid4())
    with Ear(told).open() as ear:
        told.tell("one", offset=0)
        message = heard(ear)

    assert other.read(message) is None
    assert told.read((9).to_bytes(4) + message[4:]) is None
