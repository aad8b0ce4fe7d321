"""What the OAuth library is told: machines alone, tokens for minutes, digests alone in the database."""

from typing import Any

APPLICATION_MODEL = "oauth.Application"
ACCESS_TOKEN_MODEL = "oauth.AccessToken"  # noqa: S105 - a name
TOKEN_LIFETIME_S = 300  # as SMART Backend Services advises

PROVIDER: dict[str, Any] = {
    "OAUTH2_SERVER_CLASS": "oauthlib.oauth2.BackendApplicationServer",  # knows client credentials and nothing else
    "OAUTH2_VALIDATOR_CLASS": "apps.oauth.validators.MachineValidator",
    "OAUTH2_BACKEND_CLASS": "apps.oauth.addresses.MachineCore",
    "SCOPES_BACKEND_CLASS": "apps.oauth.validators.ClientScopes",
    "ACCESS_TOKEN_GENERATOR": "apps.oauth.tokens.generate",
    "ACCESS_TOKEN_EXPIRE_SECONDS": TOKEN_LIFETIME_S,
    "APPLICATION_ADMIN_CLASS": "apps.oauth.admin.ApplicationAdmin",
    "ACCESS_TOKEN_ADMIN_CLASS": "apps.oauth.admin.AccessTokenAdmin",
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    **{
        f"COMPLIANT_BCP_RFC9700_{gate}": True
        for gate in (
            *("IMPLICIT_GRANT", "PASSWORD_GRANT", "PKCE_METHOD", "ACCESS_TOKEN_TRANSPORT", "AUTHZ_RESPONSE_ISS"),
            *("TOKEN_STORAGE", "REFRESH_TOKEN", "REDIRECT_URI_SCHEME", "REDIRECT_URI_MATCHING", "PKCE_REQUIRED"),
        )
    },
}
