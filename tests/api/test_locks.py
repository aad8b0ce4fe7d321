"""Locks that die with their process."""

import psycopg
import pytest
from django.db import connection

from apps.api.locks import Locks, locks
from apps.common.errors import Unavailable

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours():
    made = Locks(locks()._conninfo)
    yield made
    made.close()


@pytest.fixture
def theirs():
    """Another process, as PostgreSQL sees it."""
    made = Locks(locks()._conninfo)
    yield made
    made.close()


def test_one_holds_and_the_others_are_told_at_once(ours, theirs):
    with ours.held(7) as first, ours.held(7) as again, theirs.held(7) as other:
        assert (first, again, other) == (True, False, False)
    with theirs.held(7) as other:
        assert other


def test_locks_of_different_numbers_are_independent(ours, theirs):
    with ours.held(7) as first, theirs.held(-(2**63)) as other, ours.held(2**63 - 1) as third:
        assert (first, other, third) == (True, True, True)


def test_a_lock_is_given_back_after_an_error(ours, theirs):
    with pytest.raises(ValueError, match="x"), ours.held(7):
        raise ValueError("x")
    with theirs.held(7) as other:
        assert other


def test_the_requests_own_session_may_go_back_to_the_pool(ours, theirs):
    with ours.held(7):
        assert "assay-locks" not in str(connection.connection)
        with theirs.held(7) as other:
            assert not other


def test_a_dead_process_leaves_nothing_locked(ours, theirs):
    with ours.held(7):
        ours._session.close()
        with theirs.held(7) as other:
            assert other


def test_a_lost_session_is_replaced_and_takes_its_locks_again(ours, theirs):
    with ours.held(7):
        with psycopg.connect(locks()._conninfo, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", [ours._session.info.backend_pid])
        with ours.held(8) as eight, theirs.held(7) as seven:
            assert (eight, seven) == (True, False)


def test_without_postgresql_nobody_is_let_in():
    nowhere = Locks("host=/nowhere")

    with pytest.raises(Unavailable), nowhere.held(7):
        pytest.fail("entered without a lock")
