from django.db import migrations, models


class Migration(migrations.Migration):
    """What signing in has to remember for a while."""

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Remembered",
            fields=[
                ("key", models.CharField(max_length=250, primary_key=True, serialize=False)),
                ("value", models.JSONField()),
                ("expires_at", models.DateTimeField(db_index=True, null=True)),
            ],
        ),
    ]
