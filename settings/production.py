"""A bank's or a hospital's installation: every secret must be given."""

from settings.base import *
from settings.env import encryption_keys, env

SECRET_KEY = env.str("ASSAY_SECRET_KEY")
ENGINE_SALT_KEY = env.str("ASSAY_ENGINE_SALT_KEY")
AUDIT_KEY = env.str("ASSAY_AUDIT_KEY")
ENCRYPTION_KEYS = encryption_keys() or env.str("ASSAY_ENCRYPTION_KEYS")
INDEX_KEY = env.str("ASSAY_INDEX_KEY")

WALLS_REQUIRED = True  # no process serves with a role that row-level security does not bind
GRPC_TLS_REQUIRED = True  # beyond this host

SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
LANGUAGE_COOKIE_SECURE = True
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"  # browsers hold them to this host and to TLS
