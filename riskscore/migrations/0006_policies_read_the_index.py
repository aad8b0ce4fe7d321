from django.db import migrations, models


class Migration(migrations.Migration):
    """Row-level security looks at the institution of every row: with it in the index the row itself stays unread."""

    dependencies = [("riskscore", "0005_sealed")]

    operations = [
        migrations.RemoveIndex(model_name="event", name="event_counterparty_time"),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                fields=["counterparty", "occurred_at"],
                include=("account", "cents", "institution"),
                condition=models.Q(
                    ("counterparty__isnull", False),
                    models.Q(("kind__in", ["login", "reversal"]), _negated=True),
                ),
                name="event_counterparty_time",
            ),
        ),
    ]
