import django.db.models.deletion
import oauth2_provider.generators
from django.conf import settings
from django.db import migrations, models


# As with keys (tenants 0002): whose client or token it is must be known before anybody's rows may be seen.
INSTITUTION_OF_CLIENT = """
CREATE FUNCTION assay_institution_of_client(client text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'SELECT institution_id FROM public.oauth_application WHERE client_id = client'
"""
INSTITUTION_OF_TOKEN = """
CREATE FUNCTION assay_institution_of_token(digest text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'SELECT institution_id FROM public.oauth_accesstoken WHERE token_checksum = digest'
"""


class Migration(migrations.Migration):
    """Machine clients may prove themselves with OAuth 2.0 and get access tokens."""

    initial = True

    dependencies = [
        ('tenants', '0002_client_keys'),
    ]

    operations = [
        migrations.CreateModel(
            name='Application',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('client_id', models.CharField(db_index=True, default=oauth2_provider.generators.generate_client_id, max_length=255, unique=True, verbose_name='client ID')),
                ('created', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated', models.DateTimeField(auto_now=True, verbose_name='updated')),
                ('client_type', models.CharField(default='confidential', editable=False, max_length=32)),
                ('authorization_grant_type', models.CharField(default='client-credentials', editable=False, max_length=44)),
                ('proof', models.CharField(choices=[('client_secret', 'Client secret'), ('private_key_jwt', 'Own key pair')], max_length=16, verbose_name='proves itself by')),
                ('jwks', models.JSONField(blank=True, help_text='Public keys (RFC 7517).', null=True, verbose_name='key set')),
                ('jwks_uri', models.URLField(blank=True, default='', max_length=500, verbose_name='address of the key set')),
                ('jwks_asked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('jwks_read_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='key set read at')),
                ('api_client', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='application', to='tenants.apiclient')),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.institution')),
            ],
            options={
                'verbose_name': 'OAuth client',
                'verbose_name_plural': 'OAuth clients',
            },
        ),
        migrations.CreateModel(
            name='AccessToken',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('expires', models.DateTimeField(verbose_name='expires')),
                ('scope', models.TextField(blank=True, verbose_name='scope')),
                ('created', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('token_checksum', models.CharField(max_length=64, unique=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True, verbose_name='revoked at')),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.institution')),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='access_tokens', to=settings.OAUTH2_PROVIDER_APPLICATION_MODEL)),
            ],
            options={
                'verbose_name': 'access token',
                'verbose_name_plural': 'access tokens',
            },
        ),
        migrations.CreateModel(
            name='UsedAssertion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('jti_sha256', models.CharField(max_length=64)),
                ('expires_at', models.DateTimeField()),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.OAUTH2_PROVIDER_APPLICATION_MODEL)),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.institution')),
            ],
            options={
                'verbose_name': 'used assertion',
                'verbose_name_plural': 'used assertions',
            },
        ),
        migrations.AddConstraint(
            model_name='application',
            constraint=models.CheckConstraint(condition=models.Q(('authorization_grant_type', 'client-credentials'), ('client_type', 'confidential')), name='application_is_a_machine'),
        ),
        migrations.AddConstraint(
            model_name='application',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('jwks__isnull', True), ('jwks_uri', ''), ('proof', 'client_secret')), models.Q(('jwks__isnull', False), ('jwks_uri', ''), ('proof', 'private_key_jwt')), models.Q(('proof', 'private_key_jwt'), models.Q(('jwks_uri', ''), _negated=True)), _connector='OR'), name='application_proof_fits'),
        ),
        migrations.AddIndex(
            model_name='accesstoken',
            index=models.Index(fields=['expires'], name='accesstoken_by_end'),
        ),
        migrations.AddIndex(
            model_name='usedassertion',
            index=models.Index(fields=['expires_at'], name='usedassertion_by_end'),
        ),
        migrations.AddConstraint(
            model_name='usedassertion',
            constraint=models.UniqueConstraint(fields=('application', 'jti_sha256'), name='usedassertion_once'),
        ),
        migrations.RunSQL(INSTITUTION_OF_CLIENT, "DROP FUNCTION assay_institution_of_client"),
        migrations.RunSQL(INSTITUTION_OF_TOKEN, "DROP FUNCTION assay_institution_of_token"),
    ]
