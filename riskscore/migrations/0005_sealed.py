"""Only what is sealed stays."""

from django.db import migrations, models
from django.db.models.functions import Length
from django.db.models.lookups import Exact

from apps.common.encryption.fields import SealedJSONField, SealedTextField

# A new seal around the same contents is the only change of an event; the services that make one, and those
# that erase, say so for the length of their transaction.
GUARD = """
CREATE FUNCTION riskscore_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told riskscore_event := NEW;
BEGIN
    told.content := OLD.content;
    IF current_setting('assay.resealing', true) IS DISTINCT FROM 'on' OR told IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER riskscore_event_append_only BEFORE UPDATE ON riskscore_event
    FOR EACH ROW EXECUTE FUNCTION riskscore_event_guard();

CREATE FUNCTION riskscore_event_refuse_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('assay.erasing', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION 'events go by erasure and retention alone' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER riskscore_event_stays BEFORE DELETE ON riskscore_event
    FOR EACH ROW EXECUTE FUNCTION riskscore_event_refuse_delete();
"""

GONE = (
    ("account", "reference"),
    ("counterparty", "reference"),
    ("device", "fingerprint"),
    ("event", "external_id"),
    ("event", "card"),
    ("event", "device_fields"),
    ("event", "reverses"),
    ("event", "content_sha256"),
    ("riskassessment", "evidence"),
    ("riskassessment", "reasons"),
    ("listentry", "value"),
    ("listentry", "note"),
)

RENAMED = (
    ("account", "reference"),
    ("counterparty", "reference"),
    ("device", "fingerprint"),
    ("riskassessment", "evidence"),
    ("riskassessment", "reasons"),
    ("listentry", "value"),
    ("listentry", "note"),
)

KEYED = "Keyed; see riskscore.digests."

FIELDS = (
    ("account", "digest", models.BinaryField(max_length=32, help_text=KEYED)),
    ("account", "reference", SealedTextField(row="digest")),
    ("counterparty", "digest", models.BinaryField(max_length=32, help_text=KEYED)),
    ("counterparty", "reference", SealedTextField(row="digest")),
    ("device", "digest", models.BinaryField(max_length=32, help_text=KEYED)),
    ("device", "fingerprint", SealedTextField(row="digest")),
    (
        "event",
        "external_digest",
        models.BinaryField(max_length=32, help_text="Of the bank's own identifier, keyed."),
    ),
    (
        "event",
        "content",
        SealedJSONField(
            row=("account_id", "sequence"), help_text="What identifies: see riskscore.records.content_of."
        ),
    ),
    (
        "event",
        "content_digest",
        models.BinaryField(max_length=32, help_text="Keyed, of the event as told; tells a repeat from a change."),
    ),
    (
        "riskassessment",
        "evidence",
        SealedJSONField(help_text="By feature group, which events it was compared with."),
    ),
    ("riskassessment", "reasons", SealedJSONField(null=True, help_text="Of an answer by the model.")),
    ("listentry", "value", SealedTextField()),
    ("listentry", "value_digest", models.BinaryField(max_length=32, help_text=KEYED)),
    ("listentry", "note", SealedTextField(null=True)),
)

UNIQUE = (
    ("account", "account_reference_once", ["institution", "digest"]),
    ("counterparty", "counterparty_reference_once", ["institution", "digest"]),
    ("device", "device_fingerprint_once", ["institution", "digest"]),
    ("event", "event_external_id_once", ["institution", "external_digest"]),
    ("listentry", "list_entry_once", ["institution", "value_digest", "action"]),
)

KEYED_COLUMNS = (
    ("account", "digest", "account_digest_keyed"),
    ("counterparty", "digest", "counterparty_digest_keyed"),
    ("device", "digest", "device_digest_keyed"),
    ("event", "external_digest", "event_external_digest_keyed"),
    ("event", "content_digest", "event_content_digest_keyed"),
    ("listentry", "value_digest", "list_entry_digest_keyed"),
)


class Migration(migrations.Migration):

    dependencies = [("riskscore", "0004_seal")]

    operations = [
        migrations.RemoveConstraint("event", "event_card_masked"),
        *(migrations.RemoveConstraint(model, name) for model, name, _ in UNIQUE),
        *(migrations.RemoveField(model, name) for model, name in GONE),
        *(migrations.RenameField(model, f"{name}_sealed", name) for model, name in RENAMED),
        *(migrations.AlterField(model, name, field) for model, name, field in FIELDS),
        *(
            migrations.AddConstraint(model, models.UniqueConstraint(fields=fields, name=name))
            for model, name, fields in UNIQUE
        ),
        *(
            migrations.AddConstraint(model, models.CheckConstraint(condition=Exact(Length(field), 32), name=name))
            for model, field, name in KEYED_COLUMNS
        ),
        migrations.RunSQL(GUARD, migrations.RunSQL.noop),
    ]
