"""What the two roles may see and do, asked of PostgreSQL itself."""

from contextlib import contextmanager

import pytest
from django.db import ProgrammingError, connection, transaction

from apps.common import scope
from apps.tenants.models import Institution
from apps.tenants.walls import APP, ROLES
from riskscore.models import Account
from tests.riskscore.makers import NOW
from tests.walls import as_application, rows

pytestmark = pytest.mark.django_db


@contextmanager
def refused():
    """PostgreSQL says no, and the transaction around it lives on."""
    with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        yield


@pytest.fixture
def accounts(first, second):
    for bank in (first, second):
        Account.objects.create(institution=bank, reference=f"of {bank.name}", created_at=NOW)


@pytest.mark.parametrize("role", ROLES)
def test_nobody_sees_nothing(accounts, role):
    with as_application(role):
        assert rows("SELECT count(*) FROM riskscore_account") == [(0,)]


@pytest.mark.parametrize("role", ROLES)
def test_a_query_that_names_no_institution_gives_rows_of_one(accounts, first, role):
    with as_application(role), scope.entered(scope.of(first.pk)):
        assert rows("SELECT reference FROM riskscore_account") == [("of First Bank",)]


@pytest.mark.parametrize("role", ROLES)
def test_a_query_that_names_a_stranger_gives_none(accounts, first, second, role):
    with as_application(role), scope.entered(scope.of(first.pk)):
        assert not Account.objects.filter(institution=second).exists()
        assert Account.objects.filter(institution=second).update(event_count=7) == 0
        assert Account.objects.all().delete()[0] == 1
    assert rows("SELECT reference, event_count FROM riskscore_account") == [("of Second Bank", 0)]


@pytest.mark.parametrize("role", ROLES)
def test_a_row_cannot_be_put_among_a_strangers(first, second, role):
    with as_application(role), scope.entered(scope.of(first.pk)), refused():
        Account.objects.create(institution=second, reference="planted", created_at=NOW)
    assert not Account.objects.exists()


@pytest.mark.parametrize("role", ROLES)
def test_a_row_cannot_be_given_to_a_stranger(accounts, first, second, role):
    with as_application(role), scope.entered(scope.of(first.pk)), refused():
        Account.objects.update(institution=second)


def test_operators_see_institutions_and_no_record(accounts):
    with as_application(APP), scope.entered(scope.OPERATOR):
        assert Institution.objects.count() == 2
        assert Account.objects.count() == 0


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "TRUNCATE riskscore_account CASCADE",
        "ALTER TABLE riskscore_account DISABLE ROW LEVEL SECURITY",
        "DROP POLICY assay_app_select ON riskscore_account",
        "UPDATE registry_modelversion SET digest = ''",
        "UPDATE audit_auditevent SET action = ''",
        "DELETE FROM audit_auditevent",
        "DELETE FROM tenants_institution",
        "ALTER ROLE assay_app BYPASSRLS",
    ],
)
def test_the_roles_may_not(db, role, statement):
    with as_application(role), pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
