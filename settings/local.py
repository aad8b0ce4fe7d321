"""A developer's or an evaluator's machine: nothing to configure, nothing exposed."""

import base64
import os
import secrets
from collections.abc import Callable
from contextlib import suppress

from settings.base import *
from settings.env import encryption_keys, env, state_dir

DEBUG = env.bool("ASSAY_DEBUG", default=False)


def _text() -> str:
    return secrets.token_urlsafe(48)


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _kept_secret(name: str, make: Callable[[], str] = _text) -> str:
    """A random secret of this installation, made once and kept beside its data; whole before it has its name."""
    path = state_dir() / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{name}.{secrets.token_hex(8)}")
        draft.touch(mode=0o600)
        draft.write_text(make())
        with suppress(FileExistsError):  # another process was first; its secret counts
            os.link(draft, path)
        draft.unlink()
    return path.read_text()


SECRET_KEY = env.str("ASSAY_SECRET_KEY", default=None) or _kept_secret("secret_key")
ENGINE_SALT_KEY = env.str("ASSAY_ENGINE_SALT_KEY", default=None) or _kept_secret("engine_salt_key")
ENCRYPTION_KEYS = encryption_keys() or _kept_secret("encryption_keys", lambda: f"first:{_key()}")
INDEX_KEY = env.str("ASSAY_INDEX_KEY", default=None) or _kept_secret("index_key", _key)
AUDIT_KEY = env.str("ASSAY_AUDIT_KEY", default=None) or _kept_secret("audit_key")
