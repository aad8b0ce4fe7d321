"""Seal the answers of the last hours, and keep digests of keys and bodies instead of themselves."""

import json

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Length
from django.db.models.lookups import Exact

from apps.common.encryption import keyed_digest, place, seal
from apps.common.encryption.fields import SealedBytesField, SealedJSONField

BATCH = 1000
COLUMNS = ("institution_id", "key_digest", "body_digest", "headers_sealed", "body_sealed", "location")


def _sealed(pk, institution_id, key, body_sha256, status, headers, body):
    def one(field, content):
        where = place(model="api.idempotencyrecord", field=field, institution_id=institution_id, row=str(pk))
        return None if status is None else seal(content, where)

    return (
        institution_id,
        keyed_digest(institution_id, "idempotency.key", key),
        keyed_digest(institution_id, "idempotency.body", body_sha256),
        one("headers", headers.encode()),
        one("body", bytes(body)),
        json.loads(headers).get("Location", "")[:300],
        pk,
    )


def seal_replies(apps, schema_editor):
    del apps
    assigned = ", ".join(f"{column} = %s" for column in COLUMNS)
    with schema_editor.connection.cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT record.id, client.institution_id, key, body_sha256, status, headers::text, body "
                "FROM api_idempotencyrecord AS record JOIN tenants_apiclient AS client ON client.id = client_id "
                f"WHERE record.institution_id IS NULL LIMIT {BATCH}"
            )
            rows = cursor.fetchall()
            if not rows:
                break
            cursor.executemany(
                f"UPDATE api_idempotencyrecord SET {assigned} WHERE id = %s", [_sealed(*row) for row in rows]
            )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # so that the table may be altered in this transaction


def _institution(**kwargs):
    return models.ForeignKey(
        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.institution", **kwargs
    )


class Migration(migrations.Migration):

    dependencies = [("api", "0001_initial"), ("tenants", "0001_initial")]

    operations = [
        migrations.AddField("idempotencyrecord", "institution", _institution(null=True)),
        *(
            migrations.AddField("idempotencyrecord", name, models.BinaryField(null=True))
            for name in ("key_digest", "body_digest", "headers_sealed", "body_sealed")
        ),
        migrations.AddField(
            "idempotencyrecord",
            "location",
            models.CharField(default="", help_text="Path of what was made; ids only.", max_length=300),
        ),
        migrations.RunPython(seal_replies, migrations.RunPython.noop),
        migrations.RemoveConstraint("idempotencyrecord", "idempotency_one_per_key"),
        migrations.RemoveConstraint("idempotencyrecord", "idempotency_has_key"),
        *(
            migrations.RemoveField("idempotencyrecord", name)
            for name in ("key", "body_sha256", "headers", "body")
        ),
        migrations.RenameField("idempotencyrecord", "headers_sealed", "headers"),
        migrations.RenameField("idempotencyrecord", "body_sealed", "body"),
        migrations.AlterField("idempotencyrecord", "institution", _institution()),
        migrations.AlterField("idempotencyrecord", "key_digest", models.BinaryField(max_length=32)),
        migrations.AlterField("idempotencyrecord", "body_digest", models.BinaryField(max_length=32)),
        migrations.AlterField("idempotencyrecord", "headers", SealedJSONField(null=True)),
        migrations.AlterField("idempotencyrecord", "body", SealedBytesField(null=True)),
        migrations.AddConstraint(
            "idempotencyrecord",
            models.UniqueConstraint(fields=("client", "operation", "key_digest"), name="idempotency_one_per_key"),
        ),
        migrations.AddConstraint(
            "idempotencyrecord",
            models.CheckConstraint(condition=Exact(Length("key_digest"), 32), name="idempotency_has_key"),
        ),
        migrations.AddIndex(
            "idempotencyrecord",
            models.Index(
                condition=~models.Q(location=""), fields=["institution", "location"], name="idempotency_by_location"
            ),
        ),
    ]
