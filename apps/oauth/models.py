"""How machine clients prove who they are with OAuth 2.0, the tokens they got, and the assertions they used up."""

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import AbstractAccessToken, AbstractApplication

from apps.oauth.querysets import AccessTokenQuerySet
from apps.tenants.models import ApiClient, Institution

CONFIDENTIAL = AbstractApplication.CLIENT_CONFIDENTIAL
CLIENT_CREDENTIALS = AbstractApplication.GRANT_CLIENT_CREDENTIALS


class Application(AbstractApplication):  # type: ignore[misc]  # the library is untyped
    """What a machine client proves itself by at the token endpoint: its API key as secret, or keys of its own.

    One for each client that uses OAuth; ``client_id`` is the client's own identifier. With a key set, given
    inline or by address, the client signs assertions and its API keys no longer open the token endpoint.
    The library's fields for people, redirects and secrets are left out.
    """

    class Proof(models.TextChoices):
        SECRET = "client_secret", _("Client secret")
        ASSERTION = "private_key_jwt", _("Own key pair")

    user = redirect_uris = post_logout_redirect_uris = allowed_origins = skip_authorization = None
    client_secret = hash_client_secret = name = algorithm = registration_source = cimd_expires_at = None

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    api_client = models.OneToOneField(ApiClient, on_delete=models.CASCADE, related_name="application")
    client_type = models.CharField(max_length=32, default=CONFIDENTIAL, editable=False)
    authorization_grant_type = models.CharField(max_length=44, default=CLIENT_CREDENTIALS, editable=False)
    proof = models.CharField(_("proves itself by"), max_length=16, choices=Proof)
    jwks = models.JSONField(_("key set"), null=True, blank=True, help_text=_("Public keys (RFC 7517)."))
    jwks_uri = models.URLField(_("address of the key set"), max_length=500, blank=True, default="")
    jwks_asked_at = models.DateTimeField(null=True, blank=True, editable=False)
    jwks_read_at = models.DateTimeField(_("key set read at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("OAuth client")
        verbose_name_plural = _("OAuth clients")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(client_type=CONFIDENTIAL, authorization_grant_type=CLIENT_CREDENTIALS),
                name="application_is_a_machine",
            ),
            models.CheckConstraint(
                condition=models.Q(proof="client_secret", jwks__isnull=True, jwks_uri="")
                | models.Q(proof="private_key_jwt", jwks__isnull=False, jwks_uri="")
                | (models.Q(proof="private_key_jwt") & ~models.Q(jwks_uri="")),
                name="application_proof_fits",
            ),
        )

    def __str__(self) -> str:
        return str(self.client_id)


class AccessToken(AbstractAccessToken):  # type: ignore[misc]  # the library is untyped
    """One access token, good for minutes; only a SHA-256 digest of it is stored.

    Written by ``apps.oauth.services`` alone. Deleted some time after its end: the trail knows that it was issued.
    """

    user = token = id_token = source_refresh_token = resource = updated = None

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="access_tokens")
    token_checksum = models.CharField(max_length=64, unique=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    objects = AccessTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")
        indexes = (models.Index(fields=["expires"], name="accesstoken_by_end"),)

    def opens(self, now: datetime) -> bool:
        """Whether neither it nor its client is revoked or past its end."""
        client: ApiClient = self.application.api_client
        return bool(self.revoked_at is None and now < self.expires and client.may_call(now))


class UsedAssertion(models.Model):
    """The identifier (``jti``) of an assertion that was accepted, until it could not be accepted again anyway."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="+")
    jti_sha256 = models.CharField(max_length=64)
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name = _("used assertion")
        verbose_name_plural = _("used assertions")
        constraints = (models.UniqueConstraint(fields=["application", "jti_sha256"], name="usedassertion_once"),)
        indexes = (models.Index(fields=["expires_at"], name="usedassertion_by_end"),)

    def __str__(self) -> str:
        return f"{self.application_id}:{self.jti_sha256[:8]}"
