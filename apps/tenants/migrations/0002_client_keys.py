import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import apps.tenants.scopes

MOVE = """
INSERT INTO tenants_clientkey (id, institution_id, client_id, prefix, sha256, created_at)
SELECT gen_random_uuid(), institution_id, id, key_prefix, key_sha256, created_at FROM tenants_apiclient
"""

# Whose key it is must be known before anybody's rows may be seen: this runs with its owner's rights,
# and tells a caller who holds the key nothing but the institution.
INSTITUTION_OF_KEY = """
CREATE FUNCTION assay_institution_of_key(digest text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'SELECT institution_id FROM public.tenants_clientkey WHERE sha256 = digest'
"""


class Migration(migrations.Migration):
    """Keys get a table of their own, so that two may be good at once; clients get scopes and an end."""

    dependencies = [("tenants", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="apiclient",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=32),
                default=apps.tenants.scopes.all_scopes,
                size=None,
                verbose_name="scopes",
            ),
        ),
        migrations.AddField(
            model_name="apiclient",
            name="expires_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="expires at"),
        ),
        migrations.CreateModel(
            name="ClientKey",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("prefix", models.CharField(max_length=24, verbose_name="prefix")),
                ("sha256", models.CharField(max_length=64, unique=True)),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                ("expires_at", models.DateTimeField(blank=True, null=True, verbose_name="expires at")),
                ("revoked_at", models.DateTimeField(blank=True, null=True, verbose_name="revoked at")),
                (
                    "last_used_at",
                    models.DateTimeField(
                        blank=True, help_text="To the hour.", null=True, verbose_name="last used at"
                    ),
                ),
                (
                    "client",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="keys", to="tenants.apiclient"
                    ),
                ),
                (
                    "institution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenants.institution"
                    ),
                ),
            ],
            options={"verbose_name": "API key", "verbose_name_plural": "API keys"},
        ),
        migrations.RunSQL(MOVE, migrations.RunSQL.noop),
        migrations.RemoveField(model_name="apiclient", name="key_prefix"),
        migrations.RemoveField(model_name="apiclient", name="key_sha256"),
        migrations.RunSQL(INSTITUTION_OF_KEY, "DROP FUNCTION assay_institution_of_key"),
    ]
