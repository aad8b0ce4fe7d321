"""Seal what the first release stored, a thousand rows at a time. Safe to break off and to start again.

What the old columns held stays in dead rows and in the log until PostgreSQL has cleaned up: run
``VACUUM FULL`` and take a new base backup after the upgrade.
"""

import json
from functools import partial
from uuid import UUID

from django.db import migrations, transaction

from apps.common.encryption import keyed_digest, place, seal

BATCH = 1000


def _sealed(model, field, institution_id, row, value):
    return seal(value.encode(), place(model=f"riskscore.{model}", field=field, institution_id=institution_id, row=row))


def _json(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _named(model, purpose, field, row):
    pk, institution_id, value, *kind = row
    digest = keyed_digest(institution_id, purpose, ":".join([*kind, value]))
    return pk, digest, _sealed(model, field, institution_id, digest.hex(), value)


def _event(row):
    pk, institution_id, account_id, sequence, told_id, card, kind, reference, device, reverses, sha256 = row
    content = {
        "id": told_id,
        "card": card,
        "counterparty": {"kind": kind, "id": reference} if kind else None,
        "device": json.loads(device) if isinstance(device, str) else device,
        "reverses": reverses,
    }
    account, number = str(account_id), str(sequence)
    place_in_account = f"{len(account)}:{account}{len(number)}:{number}"
    return (
        pk,
        keyed_digest(institution_id, "event", told_id),
        _sealed("event", "content", institution_id, place_in_account, _json(content)),
        keyed_digest(institution_id, "event.content", bytes(sha256).hex()),
    )


def _assessment(row):
    pk, institution_id, evidence, reasons, answered = row
    one = partial(_sealed, "riskassessment", institution_id=institution_id, row=str(pk))
    return pk, one(field="evidence", value=evidence), one(field="reasons", value=reasons) if answered else None


def _list_entry(row):
    pk, institution_id, kind, value, note = row
    one = partial(_sealed, "listentry", institution_id=institution_id, row=str(pk))
    digest = keyed_digest(institution_id, f"list.{kind}", value)
    return pk, digest, one(field="value", value=value), one(field="note", value=note) if note else None


# What to read of a table, where it is not sealed yet; how; and what to write.
TABLES = (
    (
        "SELECT id, institution_id, reference FROM riskscore_account WHERE digest IS NULL",
        partial(_named, "account", "account", "reference"),
        ("riskscore_account", "digest", "reference_sealed"),
    ),
    (
        "SELECT id, institution_id, reference, kind FROM riskscore_counterparty WHERE digest IS NULL",
        partial(_named, "counterparty", "counterparty", "reference"),
        ("riskscore_counterparty", "digest", "reference_sealed"),
    ),
    (
        "SELECT id, institution_id, fingerprint FROM riskscore_device WHERE digest IS NULL",
        partial(_named, "device", "device", "fingerprint"),
        ("riskscore_device", "digest", "fingerprint_sealed"),
    ),
    (
        "SELECT event.id, event.institution_id, account_id, sequence, external_id, card, party.kind, party.reference, "
        "device_fields::text, reverses, content_sha256 FROM riskscore_event AS event "
        "LEFT JOIN riskscore_counterparty AS party ON party.id = event.counterparty_id WHERE content IS NULL",
        _event,
        ("riskscore_event", "external_digest", "content", "content_digest"),
    ),
    (
        "SELECT id, institution_id, evidence::text, reasons::text, model_digest <> '' FROM riskscore_riskassessment "
        "WHERE evidence_sealed IS NULL",
        _assessment,
        ("riskscore_riskassessment", "evidence_sealed", "reasons_sealed"),
    ),
    (
        "SELECT id, institution_id, kind, value, note FROM riskscore_listentry WHERE value_digest IS NULL",
        _list_entry,
        ("riskscore_listentry", "value_digest", "value_sealed", "note_sealed"),
    ),
)


def seal_rows(apps, schema_editor):
    del apps
    for query, sealed, (table, *columns) in TABLES:
        while _seal_batch(schema_editor.connection, query, sealed, table, columns):
            pass


def _seal_batch(connection, query, sealed, table, columns):
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(f"{query} LIMIT {BATCH}")
        rows = [sealed(row) for row in cursor.fetchall()]
        if not rows:
            return False
        kind = "uuid" if isinstance(rows[0][0], UUID) else "bigint"
        unnested = ", ".join([f"%s::{kind}[]", *("%s::bytea[]" for _ in columns)])
        assigned = ", ".join(f"{column} = told.{column}" for column in columns)
        cursor.execute(
            f"UPDATE {table} SET {assigned} FROM unnest({unnested}) AS told (id, {', '.join(columns)}) "
            f"WHERE {table}.id = told.id",
            [list(values) for values in zip(*rows, strict=True)],
        )
        return True


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("riskscore", "0003_columns_to_seal")]

    operations = [migrations.RunPython(seal_rows)]
