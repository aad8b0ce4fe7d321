"""Making a backup while everything runs: one snapshot, and nothing waits for it."""

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
from django.conf import settings
from psycopg import sql
from psycopg.rows import dict_row

from apps.common.encryption import Place, keyring, place, seal
from settings import VERSION
from settings.backups.archive import ANCHORS, DATABASE, FORMAT, ArchiveWriter, Manifest, OnBytes
from settings.backups.tools import Tools

Connection = psycopg.Connection[tuple[object, ...]]

PROBE_BYTES = 32
TABLES = """
    SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
"""
MODELS = "SELECT name, version, path, digest FROM registry_modelversion ORDER BY name, version"
MIGRATIONS = "SELECT app, name FROM django_migrations ORDER BY id"


def back_up(*, url: str, to: Path, now: datetime, on_bytes: OnBytes = lambda _count: None) -> Manifest:
    """Write the whole state to a new file. Safe beside any load; what commits after the start is not in it.

    Redis is not in it: it holds wake-ups and counters, and everything in it is made again from rows.
    Checkpoints are not in it either, only their sums: they are the files you were given or trained.

    Raises:
        FileExistsError: the file exists; nothing is overwritten.
        ToolFailed: PostgreSQL's programs are missing, older than the server, or failed.
    """
    with psycopg.connect(url) as connection, ArchiveWriter(to) as archive:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        snapshot = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert snapshot is not None
        version, identity, models = connection.info.server_version, str(uuid4()), _models(connection)
        archive.write(DATABASE, Tools(url, server_version=version).dump(snapshot=snapshot[0]), on_bytes=on_bytes)
        if settings.AUDIT_ANCHORS.is_file():
            archive.write(ANCHORS, [settings.AUDIT_ANCHORS.read_bytes()])
        for folder in sorted({model["path"] for model in models}):
            _write_sums(archive, folder)
        manifest = Manifest(
            format=FORMAT,
            id=identity,
            release=VERSION,
            made_at=now.astimezone(UTC).isoformat(),
            postgresql=str(version),
            migrations=_migrations(connection),
            rows=count_rows(connection, [str(name) for (name,) in connection.execute(TABLES)]),
            models=models,
            key_ids=sorted(keyring().ciphers),
            probe=seal(secrets.token_bytes(PROBE_BYTES), probe_place(identity)).hex(),
            parts=archive.parts,
        )
        archive.finish(manifest)
    return manifest


def probe_place(identity: str) -> Place:
    """Where a backup's probe was sealed."""
    return place(model="settings.backup", field="probe", institution_id=None, row=identity)


def write_keys(path: Path) -> None:
    """Write the keys that open sealed columns and verify the trail to a new file of mode 600, as the environment.

    Keep it away from the backup: both together are the records in the clear.

    Raises:
        FileExistsError: the file exists.
    """
    keys = [line.strip() for line in settings.ENCRYPTION_KEYS.splitlines()]
    told = {
        "ASSAY_ENCRYPTION_KEYS": ",".join(filter(None, keys)),
        "ASSAY_INDEX_KEY": settings.INDEX_KEY,
        "ASSAY_AUDIT_KEY": settings.AUDIT_KEY,
        "ASSAY_AUDIT_OLD_KEYS": ",".join(settings.AUDIT_OLD_KEYS),
    }
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in told.items() if value)


def count_rows(connection: Connection, tables: list[str]) -> dict[str, int]:
    """Rows of each table, as this transaction sees them."""
    counts = {}
    for table in tables:
        found = connection.execute(sql.SQL("SELECT count(*) FROM public.{}").format(sql.Identifier(table))).fetchone()
        counts[table] = int(str(found[0])) if found else 0
    return counts


def _migrations(connection: Connection) -> dict[str, list[str]]:
    applied: dict[str, list[str]] = {}
    for app, name in connection.execute(MIGRATIONS):
        applied.setdefault(str(app), []).append(str(name))
    return applied


def _models(connection: Connection) -> list[dict[str, str]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(MODELS).fetchall()


def _write_sums(archive: ArchiveWriter, folder: str) -> None:
    """A checkpoint's SHA256SUMS, where the folder is on this machine."""
    sums = settings.CHECKPOINTS / folder / "SHA256SUMS"
    name = f"checkpoints/{folder}/SHA256SUMS"
    if sums.is_file():
        archive.write(name, [sums.read_bytes()])
