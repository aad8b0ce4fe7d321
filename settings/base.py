"""Settings every environment shares."""

import math
import os
from pathlib import Path
from typing import Any

from apps.api.limits.policies import read_limits
from riskscore.anomalies import AnomalyType
from riskscore.events import CounterpartyKind, EventKind
from riskscore.outcomes import Outcome
from settings import embedded, logging, oauth, sentry, sign_on
from settings.env import ROOT, check_known, env, sparse_pattern, state_dir

check_known()

STATE_DIR = state_dir()
ENVIRONMENT = env.str("ASSAY_ENVIRONMENT", default="local")
DEBUG = False
ALLOWED_HOSTS = env.list("ASSAY_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])

INSTALLED_APPS = [
    "settings",
    "riskscore",
    "apps.generation",
    "apps.rpc",
    "apps.batches",
    "apps.webhooks",
    "apps.jobs",
    "apps.api",
    "apps.oauth",
    "apps.people",
    "apps.registry",
    "apps.retention",
    "apps.tenants",
    "apps.audit",
    "apps.common",
    "apps.people.administration.AdministrationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "oauth2_provider",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
]

MIDDLEWARE = [
    "apps.tenants.middleware.ScopeMiddleware",
    "apps.common.middleware.SecurityHeadersMiddleware",
    "apps.common.health.ProbeMiddleware",
    "apps.common.middleware.ObservationMiddleware",
    "apps.api.limits.middleware.SignInLimitMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.people.middleware.PeopleMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "settings.urls"
WSGI_APPLICATION = "settings.wsgi.application"
AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = ["apps.people.backends.PeopleBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
PASSWORD_RESET_TIMEOUT = 24 * 3600  # of the link by which somebody sets their first password
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "account_login", "people_start", "account_login"
IDLE_MINUTES = env.float("ASSAY_IDLE_MINUTES", default=15.0)
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
CACHES = {"default": {"BACKEND": "apps.people.cache.PostgresCache", "LOCATION": ""}}

ACCOUNT_ADAPTER = "apps.people.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]  # nobody signs up; login asks for them
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105 - a class
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_FORMS = {"login": "apps.people.forms.SignInForm"}
ACCOUNT_RATE_LIMITS = {"login_failed": "20/m/ip,5/5m/key", "login": "60/m/ip"}
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("ASSAY_TRUSTED_PROXIES", default=0)
MFA_ADAPTER = "apps.people.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses come from operators
MFA_TOTP_TOLERANCE = 0  # a code is good for its own half minute, and once
SOCIALACCOUNT_ADAPTER = "apps.people.adapters.SingleSignOnAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS = sign_on.providers()
OIDC_ADMISSION = sign_on.admission(env.str("ASSAY_OIDC_CREATE", default=""))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASE_URL = env.str("DATABASE_URL", default=None) or embedded.database_url(STATE_DIR)
DATABASES: dict[str, dict[str, Any]] = {
    "default": dict(env.db_url_config(DATABASE_URL, engine="apps.common.postgresql"))
}
DATABASES["default"]["ATOMIC_REQUESTS"] = False
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True  # a pooled connection is tried first: 0.3 ms, and restarts go unseen
# Requests and tasks borrow a connection: 0.9 ms where a new one costs 8.4 ms (2026-11-23). More than the
# threads of any process, so that nobody waits for one.
_OPTIONS = DATABASES["default"].setdefault("OPTIONS", {})
_OPTIONS["pool"] = {"min_size": 1, "max_size": 40, "timeout": 5.0}
# Statements are parsed once a session, and planned at every call. Plans kept from when a table was small would read all
# of it after a bank has told its history: 28 ms an assessment among 28,000 events, until statistics were taken
# (2026-11-25).
_OPTIONS |= {"server_side_binding": True, "prepare_threshold": 5}
_OPTIONS["options"] = f"{_OPTIONS.get('options', '')} -c plan_cache_mode=force_custom_plan".strip()
WALLS_REQUIRED = False
REDIS_URL = env.str("REDIS_URL", default=None) or embedded.redis_url(STATE_DIR)

CHECKPOINTS = Path(env.str("ASSAY_CHECKPOINTS", default=str(ROOT / "checkpoints"))).resolve()
ENGINE_DEVICE = env.str("ASSAY_DEVICE", default="cpu")
ENGINE_PRECISION = env.str("ASSAY_ENGINE_PRECISION", default="")  # as each model was registered
ENGINE_THREADS = env.int("ASSAY_ENGINE_THREADS", default=len(os.sched_getaffinity(0)))
ENGINE_SPARSE = sparse_pattern()
ENGINE_NATIVE = env.bool("ASSAY_NATIVE", default=True)
ENGINE_NATIVE_DIR = Path(env.str("ASSAY_NATIVE_DIR", default=str(ROOT / "var" / "native"))).resolve()
ENGINE_BACKEND = env.str("ASSAY_ENGINE_BACKEND", default="native")
ENGINE_TENSOR_PARALLEL = env.int("ASSAY_ENGINE_TENSOR_PARALLEL", default=1)
ENGINE_PIPELINE_PARALLEL = env.int("ASSAY_ENGINE_PIPELINE_PARALLEL", default=1)
VLLM_URL = env.str("ASSAY_VLLM_URL", default="")
VLLM_KEY = env.str("ASSAY_VLLM_KEY", default="")
VLLM_CA_FILE = env.str("ASSAY_VLLM_CA_FILE", default="")
ENGINE_MEMORY_MB = env.int("ASSAY_ENGINE_MEMORY_MB", default=1024)
ENGINE_ZEROES_FREED = env.bool("ASSAY_ENGINE_ZEROES_FREED", default=False)
ENGINE_IDLE_TTL_S = env.float("ASSAY_ENGINE_IDLE_TTL_S", default=math.inf)
WORKER_HOST = env.str("ASSAY_WORKER_HOST", default="127.0.0.1")
WORKER_PORT = env.int("ASSAY_WORKER_PORT", default=8001)
GRPC_HOST = env.str("ASSAY_GRPC_HOST", default="127.0.0.1")
GRPC_PORT = env.int("ASSAY_GRPC_PORT", default=8002)
GRPC_PROBE_HOST = env.str("ASSAY_GRPC_PROBE_HOST", default="127.0.0.1")
GRPC_PROBE_PORT = env.int("ASSAY_GRPC_PROBE_PORT", default=8003)
GRPC_IN_FLIGHT = env.int("ASSAY_GRPC_IN_FLIGHT", default=32)
GRPC_TLS_CERTIFICATE = env.str("ASSAY_GRPC_TLS_CERTIFICATE", default="")
GRPC_TLS_KEY = env.str("ASSAY_GRPC_TLS_KEY", default="")
GRPC_TLS_CLIENT_CA = env.str("ASSAY_GRPC_TLS_CLIENT_CA", default="")
GRPC_TLS_REQUIRED = False
WEBHOOK_HOSTS = env.list("ASSAY_WEBHOOK_HOSTS", default=[])
WEBHOOK_CA_FILE = env.str("ASSAY_WEBHOOK_CA_FILE", default="")

LIMITS = read_limits(env.dict("ASSAY_LIMITS", default={}))
QUEUE_BOUND = env.int("ASSAY_QUEUE_BOUND", default=1000)
WEB_IN_FLIGHT = env.int("ASSAY_WEB_IN_FLIGHT", default=32)
WEB_STREAMS = 16  # texts that one web process streams at the same time, each in a thread beside those inside the gate

AUDIT_OLD_KEYS = env.list("ASSAY_AUDIT_OLD_KEYS", default=[])
AUDIT_ANCHORS = Path(env.str("ASSAY_AUDIT_ANCHORS", default=str(STATE_DIR / "audit-anchors.jsonl"))).resolve()

PUBLIC_URL = env.str("ASSAY_PUBLIC_URL", default="").rstrip("/")
OAUTH_TOKEN_URL = f"{PUBLIC_URL}/oauth/token" if PUBLIC_URL else ""  # as the request names it, where nobody said
JWKS_HOSTS = env.list("ASSAY_JWKS_HOSTS", default=[])
OAUTH2_PROVIDER_APPLICATION_MODEL = oauth.APPLICATION_MODEL
OAUTH2_PROVIDER_ACCESS_TOKEN_MODEL = oauth.ACCESS_TOKEN_MODEL
OAUTH2_PROVIDER = oauth.PROVIDER
SILENCED_SYSTEM_CHECKS = ["oauth2_provider.W011"]  # a circle of token models: ours knows no refresh tokens

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [ROOT / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = STATE_DIR / "static"

DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024  # the API's own caps are lower; 1 MiB unless a view says otherwise

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["apps.api.parsers.HardenedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "apps.api.pagination.CursorPagination",
    "DEFAULT_SCHEMA_CLASS": "apps.api.openapi.Schema",
    "EXCEPTION_HANDLER": "apps.api.problems.handle",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,  # the representation is asked for by Accept
    "COERCE_DECIMAL_TO_STRING": True,
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Assay",
    "DESCRIPTION": "Risk scoring for banks and clinical decision support for hospitals.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"validatorUrl": None, "persistAuthorization": False, "deepLinking": True},
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "AnomalyType": [str(kind) for kind in AnomalyType],
        "AuditOutcome": "apps.audit.models.AuditEvent.Outcome",
        "CounterpartyKind": [str(kind) for kind in CounterpartyKind],
        "EventKind": [str(kind) for kind in EventKind],
        "OperationStatus": "apps.jobs.models.Job.Status",
        "WebhookEventType": "apps.webhooks.models.EventType",
        "OutcomeEnum": [str(outcome) for outcome in Outcome],
    },
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "apps.api.openapi.add_problem_schema",
        "apps.api.limits.documentation.add_limit_headers",
    ],
}

LOGGING = logging.configure(env.str("ASSAY_LOG_LEVEL", default="INFO").upper())
sentry.configure(env.str("ASSAY_SENTRY_DSN", default=""), environment=ENVIRONMENT, release="assay@0.1.0")
