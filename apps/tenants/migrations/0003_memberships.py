import uuid

import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

import apps.tenants.models

ROLES = [
    ("analyst", "Analyst"),
    ("clinician", "Clinician"),
    ("supervisor", "Supervisor"),
    ("model-risk", "Model risk"),
    ("admin", "Administrator"),
]

# A check can only see its own row, so the kind is copied, and a foreign key keeps the copy true.
KIND_FOLLOWS = """
ALTER TABLE tenants_institution ADD CONSTRAINT institution_and_kind UNIQUE (id, kind);
ALTER TABLE tenants_membership ADD CONSTRAINT membership_kind_is_the_institutions
    FOREIGN KEY (institution_id, institution_kind) REFERENCES tenants_institution (id, kind) ON UPDATE CASCADE;
"""
KIND_FOLLOWS_NO_MORE = """
ALTER TABLE tenants_membership DROP CONSTRAINT membership_kind_is_the_institutions;
ALTER TABLE tenants_institution DROP CONSTRAINT institution_and_kind;
"""

# Whoever belonged to an institution works there as before. Those without one operated the installation already.
MOVE = """
INSERT INTO tenants_membership (id, institution_id, institution_kind, user_id, role, granted_at)
SELECT gen_random_uuid(), i.id, i.kind, u.id,
       CASE WHEN u.is_staff THEN 'admin' WHEN i.kind = 'bank' THEN 'analyst' ELSE 'clinician' END, now()
FROM tenants_user u JOIN tenants_institution i ON i.id = u.institution_id;
UPDATE tenants_user SET is_staff = false, is_superuser = false WHERE institution_id IS NOT NULL;
"""

# An address signs in one person; of several who share one, the first keeps it.
ONE_ADDRESS_EACH = """
UPDATE tenants_user SET email = '' WHERE email <> '' AND EXISTS
    (SELECT 1 FROM tenants_user first WHERE lower(first.email) = lower(tenants_user.email) AND first.id < tenants_user.id);
"""


def own_marks(registry, _schema_editor):
    """Give everybody a mark of their own; sessions from before end."""
    for user in registry.get_model("tenants", "User").objects.all():
        user.sessions_mark = apps.tenants.models.new_mark()
        user.save(update_fields=["sessions_mark"])


class Migration(migrations.Migration):
    """People belong to institutions by roles, to several if need be; an address signs in one person."""

    dependencies = [("tenants", "0002_client_keys")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="sessions_mark",
            field=models.CharField(default=apps.tenants.models.new_mark, editable=False, max_length=22),
        ),
        migrations.RunPython(own_marks, migrations.RunPython.noop),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "institution_kind",
                    models.CharField(
                        choices=[("bank", "Bank"), ("hospital", "Hospital")], editable=False, max_length=16
                    ),
                ),
                ("role", models.CharField(choices=ROLES, max_length=16, verbose_name="role")),
                ("granted_at", models.DateTimeField(verbose_name="granted at")),
                (
                    "institution",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to="tenants.institution",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to="tenants.user"
                    ),
                ),
            ],
            options={"verbose_name": "membership", "verbose_name_plural": "memberships"},
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(fields=("user", "institution", "role"), name="membership_once"),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("institution_kind", "bank"), ("role__in", ["admin", "analyst", "model-risk", "supervisor"])
                )
                | models.Q(
                    ("institution_kind", "hospital"), ("role__in", ["admin", "clinician", "model-risk", "supervisor"])
                ),
                name="membership_role_fits_kind",
            ),
        ),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.RunSQL(KIND_FOLLOWS, KIND_FOLLOWS_NO_MORE),
        migrations.RunSQL(MOVE, migrations.RunSQL.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.RemoveField(model_name="user", name="institution"),
        migrations.AlterModelOptions(
            name="user", options={"verbose_name": "person", "verbose_name_plural": "people"}
        ),
        migrations.RunSQL(ONE_ADDRESS_EACH, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("email"),
                condition=models.Q(("email", ""), _negated=True),
                name="user_email_once",
                violation_error_code="unique",
            ),
        ),
    ]
