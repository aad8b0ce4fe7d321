"""Reading the environment: every variable Assay understands, its type and its default.

Unknown ``ASSAY_*`` variables stop the process at start, so that a typing error is found
there and not in an incident.
"""

import difflib
import os
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from inference.config import SparsePattern

ROOT = Path(__file__).resolve().parent.parent

env = environ.Env()

KNOWN = frozenset(
    {
        "ASSAY_ALLOWED_HOSTS",
        "ASSAY_APP_DATABASE_URL",  # how `make up` lets the web process connect
        "ASSAY_AUDIT_ANCHORS",  # where the heads of the audit trail's chains are written down
        "ASSAY_AUDIT_KEY",  # seals the audit trail
        "ASSAY_AUDIT_OLD_KEYS",  # those before it, to verify with
        "ASSAY_BENCH_KEY",  # the API key that benchmarks/rest.py calls with
        "ASSAY_CHECKPOINTS",  # folder that holds the models this site may serve
        "ASSAY_DEBUG",
        "ASSAY_DEVICE",  # cpu, or cuda:N
        "ASSAY_ENCRYPTION_KEYS",  # what seals records: id:base64, the first is current
        "ASSAY_ENCRYPTION_KEYS_FILE",  # a file that holds them, one a line
        "ASSAY_ENGINE_BACKEND",  # native, openvino or vllm
        "ASSAY_ENGINE_IDLE_TTL_S",  # how long cache blocks stay that nobody reads
        "ASSAY_ENGINE_MEMORY_MB",  # budget of one inference worker: weights and KV blocks
        "ASSAY_ENGINE_PIPELINE_PARALLEL",  # groups of processes that share out a model's layers
        "ASSAY_ENGINE_PRECISION",  # int8, bf16, fp16 or fp32; fp8 on a GPU
        "ASSAY_ENGINE_SALT_KEY",  # keys the HMAC that keeps institutions' KV blocks apart
        "ASSAY_ENGINE_SPARSE",  # sink,recent,stride in tiles of 128 positions; empty reads all of a record
        "ASSAY_ENGINE_TENSOR_PARALLEL",  # processes that share every layer
        "ASSAY_ENGINE_THREADS",
        "ASSAY_ENGINE_ZEROES_FREED",  # overwrite cache blocks as soon as nobody holds them
        "ASSAY_ENVIRONMENT",  # the name Sentry and the logs carry
        "ASSAY_GRPC_HOST",  # the address gRPC is served at; 127.0.0.1 unless others are to reach it
        "ASSAY_GRPC_IN_FLIGHT",  # gRPC calls one process answers at the same time
        "ASSAY_GRPC_PORT",
        "ASSAY_GRPC_PROBE_HOST",  # the address of that port
        "ASSAY_GRPC_PROBE_PORT",  # metrics and health of the gRPC process, over HTTP
        "ASSAY_GRPC_TLS_CERTIFICATE",  # PEM files: the server's chain,
        "ASSAY_GRPC_TLS_CLIENT_CA",  # whom clients' certificates must come from,
        "ASSAY_GRPC_TLS_KEY",  # and the server's key
        "ASSAY_INDEX_KEY",  # what digests for look-ups are keyed with; never changes
        "ASSAY_JWKS_HOSTS",  # hosts that clients' key sets may be read from
        "ASSAY_LIMITS",  # what a client may send in a minute, by kind: scoring=6000,reads=6000
        "ASSAY_IDLE_MINUTES",  # of people, after which their session locks
        "ASSAY_LOG_LEVEL",
        "ASSAY_NATIVE",  # whether kernels of our own serve where they can
        "ASSAY_NATIVE_DIR",  # where compiled kernels are kept
        "ASSAY_OIDC_CLIENT_ID",
        "ASSAY_OIDC_CLIENT_SECRET",
        "ASSAY_OIDC_CREATE",  # whom the provider may make known by itself, and in which role
        "ASSAY_OIDC_ISSUER",  # people may sign in through this OpenID Connect provider
        "ASSAY_PUBLIC_URL",  # the address that clients reach this installation at
        "ASSAY_QUEUE_BOUND",  # assessments that may be open at the same time, of all institutions
        "ASSAY_REFERENCE_DATA",  # third-party data for tests and training
        "ASSAY_SECRET_KEY",
        "ASSAY_SENTRY_DSN",
        "ASSAY_STATE_DIR",  # where the embedded PostgreSQL and Redis keep their data
        "ASSAY_VLLM_CA_FILE",  # certificates that a vLLM server is checked against
        "ASSAY_VLLM_KEY",  # its --api-key
        "ASSAY_VLLM_URL",  # a vLLM server, for the backend of that name
        "ASSAY_WEB_IN_FLIGHT",  # requests one web process answers at the same time
        "ASSAY_WEBHOOK_CA_FILE",  # certificates that receivers of webhooks are checked against
        "ASSAY_WEBHOOK_HOSTS",  # origins of receivers in the operator's own network
        "ASSAY_TRUSTED_PROXIES",  # how many proxies of ours add to X-Forwarded-For
        "ASSAY_WEB_PORT",
        "ASSAY_WORKER_DATABASE_URL",  # and the workers and the reconciler
        "ASSAY_WORKER_HOST",  # the address of that port; 127.0.0.1 unless others are to reach it
        "ASSAY_WORKER_PORT",  # metrics and health of the inference worker
    }
)


def check_known(names: list[str] | None = None) -> None:
    """Refuse a misspelled ``ASSAY_*`` variable.

    Raises:
        ImproperlyConfigured: naming the variable and, where there is one, its likely spelling.
    """
    for name in os.environ if names is None else names:
        if name.startswith("ASSAY_") and name not in KNOWN:
            near = difflib.get_close_matches(name, KNOWN, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ImproperlyConfigured(f"Unknown environment variable {name}.{hint}")


def encryption_keys() -> str | None:
    """The keys that seal records, from the environment or the file it names; None where neither is given.

    Raises:
        ImproperlyConfigured: both are given, or the file cannot be read.
    """
    keys, path = env.str("ASSAY_ENCRYPTION_KEYS", default=None), env.str("ASSAY_ENCRYPTION_KEYS_FILE", default=None)
    if keys and path:
        raise ImproperlyConfigured("Give ASSAY_ENCRYPTION_KEYS or ASSAY_ENCRYPTION_KEYS_FILE, not both.")
    if not path:
        return keys or None
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"ASSAY_ENCRYPTION_KEYS_FILE cannot be read: {type(error).__name__}.") from None


def state_dir() -> Path:
    """Folder of everything this installation writes when servers are embedded."""
    return Path(env.str("ASSAY_STATE_DIR", default=str(ROOT / "var"))).resolve()


def sparse_pattern() -> SparsePattern:
    """What long records are read of; all unless ``ASSAY_ENGINE_SPARSE`` says otherwise."""
    text = env.str("ASSAY_ENGINE_SPARSE", default="")
    try:
        sink, recent, stride = map(int, text.split(",")) if text else (0, 0, 0)
        return SparsePattern(sink=sink, recent=recent, stride=stride)
    except ValueError:
        raise ImproperlyConfigured("ASSAY_ENGINE_SPARSE is sink,recent,stride in tiles, such as 1,4,8.") from None
