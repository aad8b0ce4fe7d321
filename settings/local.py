"""A developer's or an evaluator's machine: nothing to configure, nothing exposed."""

import secrets

from settings.base import *
from settings.env import env, state_dir

DEBUG = env.bool("ASSAY_DEBUG", default=False)


def _kept_secret(name: str) -> str:
    """A random secret of this installation, made once and kept beside its data."""
    path = state_dir() / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text()


SECRET_KEY = env.str("ASSAY_SECRET_KEY", default=None) or _kept_secret("secret_key")
ENGINE_SALT_KEY = env.str("ASSAY_ENGINE_SALT_KEY", default=None) or _kept_secret("engine_salt_key")
