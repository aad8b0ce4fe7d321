"""What the two roles may see and do, asked of PostgreSQL itself."""

from contextlib import contextmanager

import pytest
from django.db import ProgrammingError, connection, transaction

from apps.common import scope
from apps.tenants.models import Institution
from apps.tenants.policies import CALLERS
from apps.tenants.walls import APP, ROLES, WORKER
from riskscore.models import ThresholdsVersion
from tests.riskscore.makers import NOW
from tests.walls import as_application, rows

THRESHOLDS = {"review": "0.5", "block_and_review": "0.7", "decline": "0.9", "created_at": NOW}
pytestmark = pytest.mark.django_db


@contextmanager
def refused():
    """PostgreSQL says no, and the transaction around it lives on."""
    with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        yield


@pytest.fixture
def versions(first, second):
    for bank in (first, second):
        ThresholdsVersion.objects.create(institution=bank, version=len(bank.name), **THRESHOLDS)


@pytest.mark.parametrize("role", ROLES)
def test_nobody_sees_nothing(versions, role):
    with as_application(role):
        assert rows("SELECT count(*) FROM riskscore_thresholdsversion") == [(0,)]


@pytest.mark.parametrize("role", ROLES)
def test_a_query_that_names_no_institution_gives_rows_of_one(versions, first, role):
    with as_application(role), scope.entered(scope.of(first.pk)):
        assert rows("SELECT version FROM riskscore_thresholdsversion") == [(10,)]


@pytest.mark.parametrize("role", ROLES)
def test_a_query_that_names_a_stranger_gives_none(versions, first, second, role):
    with as_application(role), scope.entered(scope.of(first.pk)):
        assert not ThresholdsVersion.objects.filter(institution=second).exists()
        assert ThresholdsVersion.objects.filter(institution=second).update(version=7) == 0
        assert ThresholdsVersion.objects.all().delete()[0] == 1
    assert rows("SELECT version FROM riskscore_thresholdsversion") == [(11,)]


@pytest.mark.parametrize("role", ROLES)
def test_a_row_cannot_be_put_among_a_strangers(first, second, role):
    with as_application(role), scope.entered(scope.of(first.pk)), refused():
        ThresholdsVersion.objects.create(institution=second, version=1, **THRESHOLDS)
    assert not ThresholdsVersion.objects.exists()


@pytest.mark.parametrize("role", ROLES)
def test_a_row_cannot_be_given_to_a_stranger(versions, first, second, role):
    with as_application(role), scope.entered(scope.of(first.pk)), refused():
        ThresholdsVersion.objects.update(institution=second)


def test_what_looks_past_the_walls_is_known_and_not_for_everybody(db):
    definers = rows(
        "SELECT proname, has_function_privilege('public', oid, 'EXECUTE') FROM pg_proc "
        "WHERE prosecdef AND pronamespace = current_schema()::regnamespace"
    )

    assert set(definers) == {(name, False) for name in CALLERS}


def test_whose_key_it_is_may_be_asked_by_web_processes_alone(db):
    with as_application(APP):
        assert rows("SELECT assay_institution_of_key('')") == [(None,)]
    with as_application(WORKER), pytest.raises(ProgrammingError, match="denied"), transaction.atomic():
        rows("SELECT assay_institution_of_key('')")


def test_operators_see_institutions_and_no_record(versions):
    with as_application(APP), scope.entered(scope.OPERATOR):
        assert Institution.objects.count() == 2
        assert ThresholdsVersion.objects.count() == 0


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "TRUNCATE riskscore_thresholdsversion CASCADE",
        "ALTER TABLE riskscore_thresholdsversion DISABLE ROW LEVEL SECURITY",
        "DROP POLICY assay_app_select ON riskscore_thresholdsversion",
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
