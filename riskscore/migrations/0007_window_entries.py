"""Events carry what windows keep of them, and no index of theirs begins with the institution.

Entries of events that were told before are made from their sealed contents, a thousand at a time. Safe to break off
and to start again.
"""

import json

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models, transaction

from apps.common.encryption import place, unseal
from riskscore.events import Channel, Counterparty, CounterpartyKind, DeviceFingerprint, Event, EventKind
from riskscore.features.entries import stored_entry

BATCH = 1000

GUARD = """
CREATE OR REPLACE FUNCTION riskscore_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told riskscore_event := NEW;
BEGIN
    told.content := OLD.content;{also}
    IF current_setting('assay.resealing', true) IS DISTINCT FROM 'on' OR told IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""
WHILE_FILLING = GUARD.format(also="\n    told.entry := OLD.entry;")
FOR_GOOD = GUARD.format(also="")

MISSING = f"""
SELECT id, institution_id, account_id, sequence, content, kind, channel, amount, currency, occurred_at, country,
    counterparty_id, counterparty_category, device_id
FROM riskscore_event WHERE entry IS NULL LIMIT {BATCH}
"""
FILL = """
UPDATE riskscore_event SET entry = told.entry FROM unnest(%s::bigint[], %s::bytea[]) AS told (id, entry)
WHERE riskscore_event.id = told.id
"""


def _entry(row):
    pk, institution_id, account_id, sequence, content, *plain, counterparty_id, category, device_id = row
    kind, channel, amount, currency, occurred_at, country = plain
    account, number = str(account_id), str(sequence)
    where = f"{len(account)}:{account}{len(number)}:{number}"
    told = json.loads(
        unseal(bytes(content), place(model="riskscore.event", field="content", institution_id=institution_id, row=where))
    )
    party, device = told["counterparty"], told["device"]
    event = Event(
        id=told["id"],
        account="",
        kind=EventKind(kind),
        channel=Channel(channel),
        amount=amount,
        currency=currency,
        occurred_at=occurred_at,
        country=country,
        counterparty=party and Counterparty(kind=CounterpartyKind(party["kind"]), id=party["id"], category=category),
        device=device and DeviceFingerprint(id=device["id"], language=device["language"], ip_country=device["ip_country"]),
    )
    return pk, stored_entry(event, order=sequence, counterparty_id=counterparty_id, device_id=device_id)


def fill(apps, schema_editor):
    del apps
    while _fill_batch(schema_editor.connection):
        pass


def _fill_batch(connection):
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute("SET LOCAL assay.resealing = 'on'")
        cursor.execute(MISSING)
        entries = [_entry(row) for row in cursor.fetchall()]
        if entries:
            cursor.execute(FILL, [list(column) for column in zip(*entries, strict=True)])
        return bool(entries)


INSTITUTION = models.ForeignKey(
    db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenants.institution"
)
ACCOUNT = models.ForeignKey(
    db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="events", to="riskscore.account"
)
KEPT = "What windows keep of it: see riskscore.features.entries."


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("riskscore", "0006_policies_read_the_index")]

    operations = [
        migrations.AddField("event", "entry", models.BinaryField(null=True)),
        migrations.RunSQL(WHILE_FILLING, FOR_GOOD),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunSQL(FOR_GOOD, WHILE_FILLING),
        migrations.AlterField("event", "entry", models.BinaryField(help_text=KEPT)),
        migrations.AlterField("event", "institution", INSTITUTION),
        migrations.AlterField("event", "account", ACCOUNT),
        migrations.RemoveConstraint("event", "event_external_id_once"),
        migrations.AddConstraint(
            "event",
            models.UniqueConstraint(fields=["external_digest", "institution"], name="event_external_id_once"),
        ),
        migrations.AddIndex(
            "event",
            django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=["received_at"], name="event_received"),
        ),
    ]
