"""The keys that seal the trail. What each is used for is derived, so that no digest serves for another."""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from django.conf import settings


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditKey:
    """One key, and the name that seals remember it by. The name tells nothing of the key."""

    id: str
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: str) -> "AuditKey":
        """The key that a secret makes."""
        raw = secret.encode()
        return cls(id=sha256(b"assay.audit.key.id:" + raw).hexdigest()[:16], secret=raw)

    def derived(self, purpose: str) -> "AuditKey":
        """A key for one purpose alone, under the same name."""
        return AuditKey(id=self.id, secret=hmac.digest(self.secret, b"assay.audit." + purpose.encode(), "sha256"))

    def digest_of(self, message: bytes) -> bytes:
        """HMAC-SHA256, 32 bytes."""
        return hmac.digest(self.secret, message, "sha256")

    def made(self, digest: bytes, message: bytes) -> bool:
        """Whether a digest is this key's, compared in constant time."""
        return hmac.compare_digest(digest, self.digest_of(message))


def current_key() -> AuditKey:
    """The key that new seals are made with."""
    return AuditKey.of(settings.AUDIT_KEY)


def known_keys() -> Mapping[str, AuditKey]:
    """Every key that may have sealed, by name: the current one and those before it."""
    return by_id([settings.AUDIT_KEY, *settings.AUDIT_OLD_KEYS])


def by_id(secrets: Iterable[str]) -> Mapping[str, AuditKey]:
    """Keys by name."""
    return {key.id: key for key in map(AuditKey.of, secrets)}
