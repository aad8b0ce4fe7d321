"""Room for what is sealed, beside what is not yet."""

from django.db import migrations, models

# The new trigger comes when everything is sealed: see 0005.
STOP = """
DROP TRIGGER riskscore_event_append_only ON riskscore_event;
DROP FUNCTION riskscore_event_refuse_update();
"""

NEW = {
    "account": ("digest", "reference_sealed"),
    "counterparty": ("digest", "reference_sealed"),
    "device": ("digest", "fingerprint_sealed"),
    "event": ("external_digest", "content", "content_digest"),
    "riskassessment": ("evidence_sealed", "reasons_sealed"),
    "listentry": ("value_digest", "value_sealed", "note_sealed"),
}


class Migration(migrations.Migration):

    dependencies = [("riskscore", "0002_events_are_append_only")]

    operations = [
        migrations.RunSQL(STOP, migrations.RunSQL.noop),
        *(
            migrations.AddField(model_name=model, name=name, field=models.BinaryField(null=True))
            for model, names in NEW.items()
            for name in names
        ),
    ]
