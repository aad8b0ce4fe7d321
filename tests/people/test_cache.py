"""What signing in remembers, in PostgreSQL and as JSON."""

from datetime import UTC, datetime
from threading import Barrier, Thread

import pytest
from django.core.cache import cache
from django.db import connection

from apps.people.cache import forget_expired
from apps.people.models import Remembered

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("value", [0, "", None, True, [1.5, 2.5], {"a": [1]}, "naïve\u2028"])
def test_a_value_comes_back_as_it_was(value):
    cache.set("key", value, 60)

    assert cache.get("key", "none") == value


def test_what_cannot_be_json_is_refused():
    with pytest.raises(TypeError):
        cache.set("key", object(), 60)


@pytest.mark.parametrize("gone", [lambda: cache.set("key", 1, -1), lambda: cache.delete("key"), cache.clear])
def test_what_ended_was_forgotten_or_never_was_is_not_there(gone):
    cache.set("key", 1, 60)
    gone()

    assert cache.get("key", "none") == "none"
    assert cache.add("key", 2, 60)
    assert not cache.add("key", 3, 60)
    assert cache.get("key") == 2


def test_a_value_is_kept_for_longer_while_it_is_there():
    cache.set("key", 1, 60)

    assert (cache.touch("key", 120), cache.touch("other", 120)) == (True, False)


def test_a_chore_deletes_what_has_ended():
    cache.set("old", 1, -1)
    cache.set("new", 1, 60)
    cache.set("kept", 1, None)

    forget_expired(datetime(2026, 11, 24, tzinfo=UTC))

    assert Remembered.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_adds():
    barrier, told = Barrier(12), list[bool]()

    def race() -> None:
        barrier.wait()
        told.append(cache.add("key", 1, 60))
        connection.close()

    threads = [Thread(target=race) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(told) == [False] * 11 + [True]
