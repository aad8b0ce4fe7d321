"""A session is asked nothing before it knows on whose behalf, whoever used it before."""

import threading
from contextlib import suppress
from unittest.mock import Mock
from uuid import UUID

import pytest
from django.db import IntegrityError, InternalError, connection, connections, transaction

from apps.common import scope
from apps.common.postgresql import base
from tests.walls import rows

pytestmark = pytest.mark.django_db(transaction=True)

A, B = UUID(int=0xA), UUID(int=0xB)
SETTINGS = "SELECT assay_who(), assay_institution()"


def told() -> tuple[object, ...]:
    """What the session believes, and its process in the server."""
    return rows(f"{SETTINGS}, pg_backend_pid()")[0]


def told_by(process: object) -> tuple[object, ...]:
    """What one session of the pool believes, borrowing one after the other until it comes."""
    for _ in range(50):
        if (known := told())[2] == process:
            return known
        connection.close()
    raise AssertionError("the pool does not hand it out again")


def told_and_undone() -> None:
    """Ask something in a transaction, or a savepoint, that is taken back."""
    with transaction.atomic():
        told()
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("within", "known"),
    [
        (scope.NOBODY, ("nobody", None)),
        (scope.OPERATOR, ("operator", None)),
        (scope.SIGNING_IN, ("signing-in", None)),
        (scope.of(A), ("institution", A)),
    ],
)
def test_a_session_knows_the_scope(within, known):
    with scope.entered(within):
        assert told()[:2] == known
    assert told()[:2] == ("nobody", None)


def test_it_is_told_once_for_many_statements(monkeypatch):
    tellings = Mock(side_effect=base.telling)
    monkeypatch.setattr(base, "telling", tellings)
    with scope.entered(scope.of(A)):
        for _ in range(5):
            told()
    assert tellings.call_count == 1


def test_a_cursor_made_in_one_scope_asks_in_the_one_in_force():
    with scope.entered(scope.of(A)), connection.cursor() as cursor, scope.entered(scope.of(B)):
        cursor.execute(SETTINGS)
        assert cursor.fetchone() == ("institution", B)


def test_what_a_rollback_undoes_is_told_again():
    with scope.entered(scope.of(A)):
        told_and_undone()
        assert told()[:2] == ("institution", A)


def test_what_a_savepoint_undoes_is_told_again():
    with transaction.atomic():
        told()
        with scope.entered(scope.of(A)):
            told_and_undone()
            assert told()[:2] == ("institution", A)


def test_without_that_memory_a_rollback_would_leave_another_scope_behind(monkeypatch):
    with scope.entered(scope.of(B)):
        told()
    monkeypatch.setattr(base, "forget", lambda session: None)
    with scope.entered(scope.of(A)):
        told_and_undone()
        assert told()[:2] == ("institution", B)
    monkeypatch.undo()
    base.forget(connection.connection)


def test_a_commit_that_fails_is_a_rollback(first):
    orphan = "INSERT INTO riskscore_thresholdsversion VALUES (gen_random_uuid(), 1, 0.5, 0.7, 0.9, false, now(), %s)"
    with scope.entered(scope.of(A)):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(orphan, [B])  # its foreign key is looked at last
        assert told()[:2] == ("institution", A)


@pytest.mark.parametrize("left_open", [False, True])
def test_a_borrowed_session_forgets_who_had_it(left_open):
    connection.close()
    seen: dict[str, tuple[object, ...]] = {}

    def borrow() -> None:
        scope.enter(scope.of(A))
        if left_open:
            connection.set_autocommit(False)
        seen["there"] = told()
        connections.close_all()

    thread = threading.Thread(target=borrow)
    thread.start()
    thread.join()
    with scope.entered(scope.of(B)):
        here = told_by(seen["there"][2])

    assert seen["there"][:2] == ("institution", A)
    assert here[:2] == ("institution", B)


def test_threads_at_once_each_ask_in_their_own_scope():
    wrong: list[object] = []
    gate = threading.Barrier(8)

    def ask(number: int) -> None:
        gate.wait(timeout=10)
        for turn in range(40):
            mine = UUID(int=100 * number + turn % 3)
            with scope.entered(scope.of(mine)):
                wrong.extend(known for known in [told()[1]] if known != mine)
            connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_rows_of_a_cursor_in_the_server_are_those_of_the_scope_it_was_made_in():
    with transaction.atomic(), scope.entered(scope.of(A)), connection.chunked_cursor() as cursor:
        cursor.execute("SELECT assay_institution() FROM generate_series(1, 4)")
        seen = cursor.fetchmany(2)
        with scope.entered(scope.of(B)):
            assert told()[1] == B
            seen += cursor.fetchmany(1)
            seen += cursor.fetchall()
    assert seen == [(A,)] * 4


def test_a_broken_transaction_is_refused_as_ever():
    transaction.set_autocommit(False)
    with suppress(IntegrityError):
        rows("INSERT INTO tenants_institution VALUES (NULL)")
    with scope.entered(scope.of(A)), pytest.raises(InternalError, match="aborted"):
        told()
    transaction.rollback()
    transaction.set_autocommit(True)
