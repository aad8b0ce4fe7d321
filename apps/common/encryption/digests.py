"""Digests that find what is sealed: the same for the same value, and nothing without the key."""

import hmac
from functools import lru_cache
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from apps.common.encryption.keys import index_key

DIGEST_BYTES = 32


def keyed_digest(institution_id: UUID, purpose: str, value: str) -> bytes:
    """32 bytes that stand for a value within one institution and for one purpose (HMAC-SHA-256).

    Digests of two institutions, or for two purposes, cannot be compared.
    """
    name = purpose.encode()
    return hmac.digest(_subkey(index_key(), institution_id), len(name).to_bytes(4) + name + value.encode(), "sha256")


@lru_cache(maxsize=1024)
def _subkey(key: bytes, institution_id: UUID) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"assay index " + institution_id.bytes).derive(key)
