"""Assertions that clients sign to prove who they are (RFC 7523, SMART Backend Services 2.2).

Reading does no cryptography and knows no keys; verifying does both and remembers nothing. That an assertion
counts once is up to `apps.oauth.services`.
"""

import binascii
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from joserfc import jws
from joserfc.errors import JoseError

from apps.oauth.jwks import ALGORITHMS, PublicKey
from apps.oauth.problems import ClientRefused

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MOST_CHARACTERS = 4096
LIFETIME_S = 300  # at most, from now to ``exp``
LEEWAY_S = 10  # that a client's clock may differ from ours
HEADER = frozenset({"alg", "kid", "typ", "jku", "x5t", "x5t#S256"})  # others bring keys or change the meaning
TYPES = ("JWT", "client-authentication+jwt")
SEGMENT = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """What somebody claims, not believed yet."""

    compact: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def client_id(self) -> UUID:
        """Who signed it, it says: ``iss`` and ``sub`` alike. Raises ClientRefused."""
        issuer, subject = self.claims.get("iss"), self.claims.get("sub")
        if not isinstance(issuer, str) or issuer != subject:
            raise ClientRefused("issuer")
        try:
            client_id = UUID(issuer)
        except ValueError:
            raise ClientRefused("issuer") from None
        if str(client_id) != issuer:
            raise ClientRefused("issuer")
        return client_id

    @property
    def kid(self) -> str:
        """Which key it was signed with, it says. Raises ClientRefused."""
        kid = self.header.get("kid")
        if not isinstance(kid, str) or not kid:
            raise ClientRefused("kid")
        return kid


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What remains to be remembered of a good assertion."""

    jti: str
    expires_at: datetime


def read(compact: str) -> Assertion:
    """Take an assertion apart.

    Raises:
        ClientRefused: it is not a signed JWT, is too long, or its header asks for what is not done here.
    """
    segments = compact.split(".") if len(compact) <= MOST_CHARACTERS else []
    if len(segments) != 3 or not all(SEGMENT.fullmatch(segment) for segment in segments):
        raise ClientRefused("malformed")
    header, claims = _object(segments[0]), _object(segments[1])
    if header.get("alg") not in ALGORITHMS:
        raise ClientRefused("algorithm")
    if header.keys() - HEADER or header.get("typ", "JWT") not in TYPES:
        raise ClientRefused("header")
    return Assertion(compact=compact, header=header, claims=claims)


def verify(assertion: Assertion, *, key: PublicKey, audience: str, jwks_uri: str = "", now: datetime) -> Verified:
    """Believe an assertion that says it was signed with this key of the client's.

    Args:
        audience: the address of the token endpoint; ``aud`` is exactly this.
        jwks_uri: where the client's keys are; a ``jku`` in the header is exactly this.

    Raises:
        ClientRefused: the signature or a claim is not as it must be.
    """
    if assertion.header.get("jku", jwks_uri) != jwks_uri or ("jku" in assertion.header and not jwks_uri):
        raise ClientRefused("jku")
    if assertion.header["alg"] != key.algorithm:
        raise ClientRefused("algorithm")
    try:
        jws.deserialize_compact(assertion.compact, key.key, algorithms=[key.algorithm])
    except (JoseError, ValueError):
        raise ClientRefused("signature") from None
    return _believed(assertion.claims, audience=audience, now=now)


def _believed(claims: Mapping[str, Any], *, audience: str, now: datetime) -> Verified:
    if claims.get("aud") not in (audience, [audience]):
        raise ClientRefused("audience")
    expires_s, now_s = _moment(claims, "exp"), now.timestamp()
    if expires_s is None or expires_s <= now_s - LEEWAY_S:
        raise ClientRefused("expired")
    if expires_s > now_s + LIFETIME_S + LEEWAY_S:
        raise ClientRefused("lifetime")
    for name in ("iat", "nbf"):
        moment_s = _moment(claims, name)
        if moment_s is not None and moment_s > now_s + LEEWAY_S:
            raise ClientRefused("future")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= 255:
        raise ClientRefused("jti")
    return Verified(jti=jti, expires_at=datetime.fromtimestamp(expires_s, UTC))


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    """A claim's seconds since 1970, or None where there is none. Raises ClientRefused if it is no such number."""
    if name not in claims:
        return None
    moment = claims[name]
    if isinstance(moment, bool) or not isinstance(moment, (int, float)) or not 0 <= moment < 2**40:
        raise ClientRefused("claims")
    return float(moment)


def _object(segment: str) -> dict[str, Any]:
    """A JSON object in base64url. Raises ClientRefused for anything else, and for members named twice."""
    try:
        told = json.loads(
            urlsafe_b64decode(segment + "=" * (-len(segment) % 4)), object_pairs_hook=_once, parse_constant=_finite
        )
    except (ValueError, RecursionError, binascii.Error):
        raise ClientRefused("malformed") from None
    if not isinstance(told, dict):
        raise ClientRefused("malformed")
    return told


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is named twice")
    return members


def _finite(_name: str) -> float:
    raise ValueError("not a JSON number")
