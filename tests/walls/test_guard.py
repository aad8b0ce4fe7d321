"""No process serves with a role that no policy binds."""

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import ProgrammingError, connection, transaction

from apps.api.locks import ADDRESS
from apps.common.postgresql import guard
from apps.tenants.policies import build
from apps.tenants.walls import APP, ROLES, STANDARD, WORKER, wall_of
from riskscore.models import ThresholdsVersion
from settings import roles
from tests.walls import as_application, rows


@pytest.mark.django_db
def test_the_owner_is_not_bound(settings):
    settings.WALLS_REQUIRED = True

    assert guard.unbound() == "the role postgres is a superuser, so that row-level security does not bind it"
    with pytest.raises(ImproperlyConfigured, match="assay_app"):
        guard.require()


@pytest.mark.django_db
@pytest.mark.parametrize("role", ROLES)
def test_the_roles_are_bound(settings, role):
    settings.WALLS_REQUIRED = True
    with as_application(role):
        assert guard.unbound() == ""
        guard.require()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("grant", "why"),
    [("ALTER ROLE assay_app BYPASSRLS", "has BYPASSRLS"), ("ALTER TABLE django_session OWNER TO assay_app", "owns")],
)
def test_a_role_that_was_given_more_is_found_out(grant, why):
    connection.cursor().execute(grant)
    with as_application(APP):
        assert why in guard.unbound()


@pytest.mark.django_db
def test_production_says_that_it_is_not_ready_without_walls(client, settings):
    settings.WALLS_REQUIRED = True

    assert client.get("/readyz").status_code == 503
    with as_application(APP):
        assert client.get("/readyz").json()["checks"]["walls"] == "ok"


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "other"), [(APP, WORKER), (WORKER, APP), (APP, "postgres"), (WORKER, "postgres")])
def test_who_signs_in_as_a_role_cannot_become_another(role, other):
    address = {name: value for name, value in connection.get_connection_params().items() if name in ADDRESS}
    with psycopg.connect(**address | {"user": role, "password": "", "options": ""}, autocommit=True) as session:
        assert session.execute("SELECT current_user::text, count(*) FROM tenants_institution").fetchone() == (role, 0)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(f"SET ROLE {other}".encode())


@pytest.mark.django_db
def test_building_again_changes_nothing_and_repairs_what_was_torn_down():
    assert build() == []
    cursor = connection.cursor()
    cursor.execute("ALTER TABLE riskscore_thresholdsversion DISABLE ROW LEVEL SECURITY")
    cursor.execute("GRANT TRUNCATE ON jobs_job TO assay_app")
    cursor.execute("DROP POLICY assay_worker_select ON registry_modelversion")

    assert build() == ["jobs_job", "registry_modelversion", "riskscore_thresholdsversion"]
    assert build() == []


def test_a_model_with_an_institution_has_the_standard_wall():
    assert wall_of(ThresholdsVersion) == STANDARD


@pytest.mark.django_db
def test_a_table_nobody_declared_is_closed(monkeypatch):
    monkeypatch.setattr("apps.tenants.policies.wall_of", lambda model: None)
    with transaction.atomic():
        build()
        with as_application(WORKER), pytest.raises(ProgrammingError, match="denied"), transaction.atomic():
            rows("SELECT count(*) FROM jobs_job")
        transaction.set_rollback(True)


def test_a_process_gets_the_address_of_its_role(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://assay:x@db/assay")
    monkeypatch.setenv("ASSAY_WORKER_DATABASE_URL", "postgres://assay_worker:y@db/assay")

    owners = "postgres://assay:x@db/assay"
    assert roles.database_url(owners, roles.WORKER) == "postgres://assay_worker:y@db/assay"
    assert roles.database_url(owners, roles.APP) == "postgres://assay:x@db/assay?options=-c%20role%3Dassay_app"
    monkeypatch.delenv("DATABASE_URL")
    assert roles.database_url("postgresql://postgres:@/postgres?host=a", roles.APP).startswith(
        "postgresql://assay_app:@/"
    )
