"""Building the walls: roles, grants and policies, as SQL that is safe to repeat.

Runs after every migration, as the owner. A table whose walls stand as they are to stand is left alone,
so that a process that serves meanwhile waits for no lock.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction

from apps.tenants.walls import APP, CLOSED, ROLES, VERBS, WORKER, Wall, wall_of

LOCK = 0x0A55A7_0001  # one builder at a time

ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION;
    END IF;
    IF NOT pg_has_role(current_user, '{role}', 'MEMBER') THEN
        GRANT {role} TO current_user;  -- so that a process may be started as the role with the owner's password
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;  -- another database's builder was first
    WHEN insufficient_privilege THEN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
            RAISE EXCEPTION 'the role {role} does not exist, and % may not create it', current_user
                USING HINT = 'see "Roles" in docs/operations.md';
        END IF;
END $$
"""

SCHEMA = """
DO $$ BEGIN
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO assay_app, assay_worker', current_database());
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC, assay_app, assay_worker', current_schema());
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO assay_app, assay_worker', current_schema());
END $$
"""

SETTINGS = """
CREATE OR REPLACE FUNCTION assay_who() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT coalesce(nullif(current_setting('assay.who', true), ''), 'nobody') $$;

CREATE OR REPLACE FUNCTION assay_institution() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('assay.institution', true), '')::uuid $$
"""

# What may be known past the walls, and not a row more.
PAST_THE_WALLS = (
    """
        CREATE OR REPLACE FUNCTION assay_jobs_ended(ids uuid[]) RETURNS SETOF uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {schema}, pg_temp
        AS 'SELECT id FROM jobs_job WHERE id = ANY(ids) AND finished_at IS NOT NULL'""",
    """
        CREATE OR REPLACE FUNCTION assay_backlog() RETURNS TABLE (kind varchar, status varchar, jobs bigint)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = {schema}, pg_temp
        AS $$ SELECT kind, status, count(*) FROM jobs_job WHERE status IN ('queued', 'running') GROUP BY 1, 2 $$""",
)

# Functions that run with their owner's rights, and who may call them. One that is not named here nobody may.
CALLERS: dict[str, tuple[str, ...]] = {
    "assay_jobs_ended": ROLES,
    "assay_backlog": ROLES,
    "assay_queue": ROLES,
    "assay_institution_of_key": (APP,),
    "assay_institution_of_client": (APP,),
    "assay_institution_of_token": (APP,),
}

DEFINERS = """
SELECT proname, oid::regprocedure::text FROM pg_proc
WHERE prosecdef AND prokind = 'f' AND pronamespace = current_schema()::regnamespace
AND pg_has_role(current_user, proowner, 'MEMBER')
"""

STANDING = """
SELECT c.relname, c.relrowsecurity, obj_description(c.oid, 'pg_class'),
    ARRAY(SELECT polname::text FROM pg_policy WHERE polrelid = c.oid),
    ARRAY(
        SELECT grantee.rolname || ' ' || lower(acl.privilege_type) FROM aclexplode(c.relacl) AS acl
        JOIN pg_roles AS grantee ON grantee.oid = acl.grantee WHERE grantee.rolname IN ('assay_app', 'assay_worker')
    )
FROM pg_class AS c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is around a table now, or is to be.

    Attributes:
        note: digest of all conditions, kept as the table's comment.
        grants: ``role verb``.
    """

    is_secured: bool
    note: str
    policies: frozenset[str]
    grants: frozenset[str]


@transaction.atomic
def build() -> list[str]:
    """Make the roles where they are missing, and the walls as they are declared. Safe to repeat.

    Returns:
        Tables whose walls were not as they are now.

    Raises:
        ProgrammingError: a role is missing and this user may not create it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        for role in ROLES:
            cursor.execute(ROLE.format(role=role))
        cursor.execute(SCHEMA)
        cursor.execute(SETTINGS)
        cursor.execute(STANDING)
        found = {
            row[0]: Standing(is_secured=row[1], note=row[2] or "", policies=frozenset(row[3]), grants=frozenset(row[4]))
            for row in cursor.fetchall()
        }
        walls = {table: wall for table, wall in declared().items() if table in found}
        changed = sorted(table for table, wall in walls.items() if found[table] != to_be(wall))
        for table in changed:
            cursor.execute(";\n".join(statements(table, walls[table], found[table].policies)))
        _let_call(cursor, found)
    return changed


def declared() -> dict[str, Wall]:
    """The wall of every table of a model; closed where nobody declared one."""
    closed = Wall(app=CLOSED, worker=CLOSED)
    return {model._meta.db_table: wall_of(model) or closed for model in tables()}  # noqa: SLF001


def tables() -> list[type[models.Model]]:
    """Models that have a table of their own, those that Django makes for many-to-many relations among them."""
    found = apps.get_models(include_auto_created=True)
    return [m for m in found if m._meta.managed and not m._meta.proxy and not m._meta.swapped]  # noqa: SLF001


def to_be(wall: Wall) -> Standing:
    """What a wall looks like when it stands."""
    open_ = [(role, verb) for role, door in wall.doors() for verb in VERBS if getattr(door, verb) is not None]
    return Standing(
        is_secured=True,
        note=_note(wall),
        policies=frozenset(f"{role}_{verb}" for role, verb in open_),
        grants=frozenset(f"{role} {verb}" for role, verb in open_),
    )


def statements(table: str, wall: Wall, old: frozenset[str] = frozenset()) -> list[str]:
    """SQL that puts a wall around a table, in place of the policies that stand there."""
    name = connection.ops.quote_name(table)
    made = [f"DROP POLICY {policy} ON {name}" for policy in sorted(old)]
    made += [f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY", f"REVOKE ALL ON {name} FROM PUBLIC, {', '.join(ROLES)}"]
    for role, door in wall.doors():
        for verb in VERBS:
            condition = getattr(door, verb)
            if condition is not None:
                made.append(f"GRANT {verb} ON {name} TO {role}")
                made.append(f"CREATE POLICY {role}_{verb} ON {name} FOR {verb} TO {role} {_clause(verb, condition)}")
    return [*made, f"COMMENT ON TABLE {name} IS '{_note(wall)}'"]


def _clause(verb: str, condition: str) -> str:
    checked = f"WITH CHECK ({condition})"
    return checked if verb == "insert" else f"USING ({condition})" + (f" {checked}" if verb == "update" else "")


def _note(wall: Wall) -> str:
    doors = [[role, [getattr(door, verb) for verb in VERBS]] for role, door in wall.doors()]
    return f"walls {sha256(json.dumps(doors).encode()).hexdigest()[:16]}"


def _let_call(cursor: Any, found: dict[str, Standing]) -> None:
    """Make the functions that look past the walls, and let only those call them who need to."""
    if "jobs_job" in found:
        cursor.execute("SELECT quote_ident(current_schema())")
        (schema,) = cursor.fetchone()
        for definition in PAST_THE_WALLS:
            cursor.execute(definition.format(schema=schema))
    cursor.execute(DEFINERS)
    for name, function in cursor.fetchall():
        cursor.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC, {APP}, {WORKER}")
        for role in CALLERS.get(name, ()):
            cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {role}")
