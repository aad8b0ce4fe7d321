"""Events say how an act ended and digest what it touched; seals chain them, as append-only as the events."""

import django.db.models.deletion
from django.db import migrations, models

REFUSE = """
CREATE FUNCTION audit_refuse_unsealing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit seals are append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER audit_seal_rows_stay BEFORE UPDATE OR DELETE ON audit_auditseal
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_unsealing();

CREATE TRIGGER audit_seal_table_stays BEFORE TRUNCATE ON audit_auditseal
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_unsealing();
"""

ALLOW = """
DROP TRIGGER audit_seal_table_stays ON audit_auditseal;
DROP TRIGGER audit_seal_rows_stay ON audit_auditseal;
DROP FUNCTION audit_refuse_unsealing();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0002_append_only'),
        ('tenants', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='auditevent',
            name='address',
            field=models.CharField(default='', help_text='Where the request came from.', max_length=45, verbose_name='address'),
        ),
        migrations.AddField(
            model_name='auditevent',
            name='content_sha256',
            field=models.BinaryField(default=b'', help_text='Of what was read or written, keyed.', max_length=32, verbose_name='digest of the record'),
        ),
        migrations.AddField(
            model_name='auditevent',
            name='details',
            field=models.JSONField(default=dict, help_text='Counts, digests and codes; never contents.', verbose_name='details'),
        ),
        migrations.AddField(
            model_name='auditevent',
            name='outcome',
            field=models.CharField(choices=[('success', 'Success'), ('refused', 'Refused')], default='success', max_length=16, verbose_name='result'),
        ),
        migrations.AlterField(
            model_name='auditevent',
            name='actor',
            field=models.CharField(help_text='client:<id>, user:<id>, command:<name>, system, unknown', max_length=200, verbose_name='actor'),
        ),
        migrations.AddConstraint(
            model_name='auditevent',
            constraint=models.CheckConstraint(condition=models.Q(('outcome__in', ['success', 'refused'])), name='auditevent_outcome_known'),
        ),
        migrations.CreateModel(
            name='AuditSeal',
            fields=[
                ('event', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='seal', serialize=False, to='audit.auditevent')),
                ('institution', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.institution')),
                ('position', models.BigIntegerField(verbose_name='position')),
                ('digest', models.BinaryField(max_length=32)),
                ('key_id', models.CharField(max_length=16)),
                ('form', models.PositiveSmallIntegerField(help_text='How the event was turned into bytes.')),
                ('sealed_at', models.DateTimeField(verbose_name='sealed at')),
            ],
            options={
                'verbose_name': 'audit seal',
                'verbose_name_plural': 'audit seals',
                'constraints': [
                    models.UniqueConstraint(fields=('institution', 'position'), name='auditseal_one_per_position', nulls_distinct=False),
                    models.CheckConstraint(condition=models.Q(('position__gte', 1)), name='auditseal_position_from_one'),
                ],
            },
        ),
        migrations.RunSQL(REFUSE, ALLOW),
    ]
