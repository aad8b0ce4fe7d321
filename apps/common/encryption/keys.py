"""The keys, as settings give them. The first seals; all of them open."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32
KEY_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")

# NIST SP 800-38D 8.3: with random 96-bit nonces one key seals at most 2**32 times. Fifty requests a second
# seal about 200 values a second, and would take 250 days.
MOST_SEALS = 2**32


@dataclass(frozen=True, slots=True)
class Keyring:
    """What opens and what seals.

    Attributes:
        current: id of the key that seals.
        ciphers: by key id; the current one is among them.
    """

    current: str
    ciphers: Mapping[str, AESGCM]


def keyring() -> Keyring:
    """The keys of this process. Raises ImproperlyConfigured, with a hint, for keys that are none."""
    return parsed(settings.ENCRYPTION_KEYS)


def index_key() -> bytes:
    """The key of digests for look-ups. Raises ImproperlyConfigured, with a hint, if it is none."""
    return _key("ASSAY_INDEX_KEY", settings.INDEX_KEY.strip())


@lru_cache(maxsize=16)
def parsed(text: str) -> Keyring:
    """Keys written as ``id:base64``, separated by commas or line ends; the first one is the current.

    Raises:
        ImproperlyConfigured: saying which entry is wrong and what one looks like, never what it holds.
    """
    ciphers: dict[str, AESGCM] = {}
    entries = [entry.strip() for entry in text.replace("\n", ",").split(",")]
    for number, entry in enumerate((entry for entry in entries if entry and not entry.startswith("#")), start=1):
        key_id, colon, encoded = entry.partition(":")
        if not colon or KEY_ID.fullmatch(key_id) is None:
            raise _malformed(f"entry {number} has no id of lower-case letters, digits, dots and dashes before a colon")
        if key_id in ciphers:
            raise _malformed(f"the id of entry {number} is there twice")
        ciphers[key_id] = AESGCM(_key(f"ASSAY_ENCRYPTION_KEYS, entry {number}", encoded))
    if not ciphers:
        raise _malformed("it is empty")
    return Keyring(current=next(iter(ciphers)), ciphers=ciphers)


@lru_cache(maxsize=16)
def _key(name: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise ImproperlyConfigured(f"{name}: not base64. {HINT}") from None
    if len(key) != KEY_BYTES:
        raise ImproperlyConfigured(f"{name}: {len(key)} bytes where {KEY_BYTES} are needed. {HINT}")
    return key


HINT = "Make a key with: openssl rand -base64 32"


def _malformed(what: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"ASSAY_ENCRYPTION_KEYS: {what}. It is like 2026-11:BASE64,2025-11:BASE64. {HINT}")
