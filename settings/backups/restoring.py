"""Bringing a backup back, after everything about it was checked."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import psycopg
from django.conf import settings
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from apps.common.encryption import SealBroken, keyring, unseal
from settings.backups.archive import ANCHORS, DATABASE, Archive, Manifest, OnBytes
from settings.backups.making import Connection, count_rows, probe_place
from settings.backups.tools import Tools

ASIDE = "before_restore"
RELATIONS = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')"
OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


class RestoreRefused(Exception):
    """The backup is not brought back here; the message says why. The database is as it was."""


def restore(
    *, url: str, archive: Archive, replaces: bool, on_bytes: OnBytes = lambda _count: None
) -> tuple[Manifest, list[str]]:
    """Bring a backup back into an empty database, as it was made: `migrate` then brings it up to date.

    Args:
        replaces: take the place of what is in the database, which is gone afterwards.

    Returns:
        The manifest, and the registered models whose checkpoints are not here as they were.

    Raises:
        ArchiveBroken: a part is not as it was written.
        RestoreRefused: made by a newer release, sealed with keys that are not here, not empty, or in use.
        ToolFailed: PostgreSQL refused; the database is as it was.
    """
    manifest = archive.manifest
    _check_keys(archive)
    _check_migrations(manifest)
    archive.verify(on_bytes=on_bytes)
    with psycopg.connect(url, autocommit=True) as connection:
        _check_target(connection, replaces=replaces)
        tools = Tools(url, server_version=connection.info.server_version)
        with _earlier_aside(connection):
            tools.restore(archive.read(DATABASE), contents=tools.contents(archive.read(DATABASE)))
            if count_rows(connection, list(manifest.rows)) != manifest.rows:
                raise RestoreRefused("the tables do not hold the rows that were backed up")
    if ANCHORS in manifest.parts and not settings.AUDIT_ANCHORS.exists():  # newer ones are never replaced by older
        settings.AUDIT_ANCHORS.parent.mkdir(parents=True, exist_ok=True)
        settings.AUDIT_ANCHORS.write_bytes(b"".join(archive.read(ANCHORS)))
    return manifest, _missing_models(manifest)


def _check_keys(archive: Archive) -> None:
    """Whether what is sealed in the backup can be opened here."""
    manifest = archive.manifest
    if missing := sorted(set(manifest.key_ids) - set(keyring().ciphers)):
        raise RestoreRefused(f"ASSAY_ENCRYPTION_KEYS lacks the keys {', '.join(missing)}")
    if not archive.is_sealed_by_us:
        raise RestoreRefused("its manifest was changed, or made with another ASSAY_INDEX_KEY")
    try:
        unseal(bytes.fromhex(manifest.probe), probe_place(manifest.id))
    except (SealBroken, ValueError) as error:
        raise RestoreRefused(
            "a key of ASSAY_ENCRYPTION_KEYS has the same id as the backup's, but is another"
        ) from error


def _check_migrations(manifest: Manifest) -> None:
    """Whether this release knows every change that the backup's tables went through."""
    known = set(MigrationLoader(None).disk_migrations)
    applied = {(app, name) for app, names in manifest.migrations.items() for name in names}
    newer = sorted(".".join(migration) for migration in applied - known)
    if newer:
        raise RestoreRefused(f"it was made by {manifest.release}, whose tables this release does not know: {newer[0]}")


def _check_target(connection: Connection, *, replaces: bool) -> None:
    if _number(connection, OTHERS):
        raise RestoreRefused("other processes are connected to the database; stop Assay first")
    if _number(connection, RELATIONS) and not replaces:
        raise RestoreRefused("the database is not empty; --force replaces what is in it")


@contextmanager
def _earlier_aside(connection: Connection) -> Iterator[None]:
    """Keep what was there under another name until its successor is whole; put it back if it never is."""
    aside, public = sql.Identifier(ASIDE), sql.Identifier("public")
    with connection.transaction():
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(aside))
        connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(public, aside))
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(public))
    try:
        yield
    except BaseException:
        with connection.transaction():
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(public))
            connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(aside, public))
        raise
    connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(aside))


def _missing_models(manifest: Manifest) -> list[str]:
    missing = []
    for model in manifest.models:
        sums = settings.CHECKPOINTS / model["path"] / "SHA256SUMS"
        if not sums.is_file() or sha256(sums.read_bytes()).hexdigest() != model["digest"]:
            missing.append(f"{model['name']} {model['version']} ({model['path']})")
    return missing


def _number(connection: Connection, query: str) -> int:
    found = connection.execute(query.encode()).fetchone()
    return int(str(found[0])) if found else 0
