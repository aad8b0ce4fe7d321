"""A transaction that nobody is told of does not wait for the disk; the next one does again."""

import pytest
from django.db import connection, transaction

from apps.common.postgresql.durability import commit_without_waiting


def waits() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        return str(cursor.fetchone()[0])


@pytest.fixture
def waiting():
    """A session that waits, as in production; the tests' own does not."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
        yield
        cursor.execute("RESET synchronous_commit")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("waiting")
def test_only_the_transaction_that_asked_for_it_does_not_wait():
    with transaction.atomic():
        commit_without_waiting()
        inside = waits()

    assert (inside, waits()) == ("off", "on")


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_there_is_nothing_to_hasten():
    with pytest.raises(AssertionError):
        commit_without_waiting()
