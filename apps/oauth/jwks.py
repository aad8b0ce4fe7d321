"""Public keys of clients (RFC 7517): which of them an assertion may be verified with.

Two algorithms, those of SMART Backend Services: ES384 with a key on P-384, RS384 with an RSA key of 2048 bits or
more. The key decides which of the two it is for, never the assertion.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from apps.oauth.problems import KeySetRefused

MOST_KEYS = 20
RSA_BITS = range(2048, 8193)  # more only costs time
RSA_EXPONENTS = range(3, 2**32, 2)  # a large one only costs time
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
PUBLIC_MEMBERS = {"EC": ("kty", "crv", "x", "y"), "RSA": ("kty", "n", "e")}
ALGORITHM_OF_TYPE = {"EC": "ES384", "RSA": "RS384"}
ALGORITHMS = tuple(ALGORITHM_OF_TYPE.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key that an assertion may be verified with, and the one algorithm it is for."""

    kid: str
    algorithm: str
    key: ECKey | RSAKey


def usable_keys(document: object) -> dict[str, PublicKey]:
    """Keys by their identifiers. Those for other purposes are passed over.

    Raises:
        KeySetRefused: this is no key set, has too many keys, two of one name, or a private one.
    """
    keys: dict[str, PublicKey] = {}
    for member in _members(document):
        if PRIVATE_MEMBERS & member.keys():
            raise KeySetRefused(_("The key set holds a private or shared key; send the public halves alone."))
        key = _usable(member)
        if key is None:
            continue
        if key.kid in keys:
            raise KeySetRefused(_("Two keys of the set have the same kid."))
        keys[key.kid] = key
    return keys


def checked_document(document: object) -> dict[str, Any]:
    """A key set as it is stored: usable keys, with their public members.

    Raises:
        KeySetRefused: as `usable_keys`, or none of the keys is usable.
    """
    keys = usable_keys(document)
    if not keys:
        raise KeySetRefused(_("The key set has no usable key: P-384, or RSA of 2048 bits or more, with a kid."))
    return {
        "keys": [
            {**{name: key.key.as_dict(private=False)[name] for name in PUBLIC_MEMBERS[key.key.key_type]}}
            | {"kid": key.kid, "alg": key.algorithm, "use": "sig"}
            for key in keys.values()
        ]
    }


def _members(document: object) -> list[Mapping[str, Any]]:
    members = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(members, list) or not all(isinstance(member, Mapping) for member in members):
        raise KeySetRefused(_("A key set is an object with a list of keys (RFC 7517)."))
    if len(members) > MOST_KEYS:
        raise KeySetRefused(_("A key set has at most %(count)d keys.") % {"count": MOST_KEYS})
    return members


def _usable(member: Mapping[str, Any]) -> PublicKey | None:
    """The key, or None if it is not one to verify assertions with."""
    kty, kid = member.get("kty"), member.get("kid")
    if not isinstance(kty, str) or kty not in ALGORITHM_OF_TYPE or not isinstance(kid, str) or not 1 <= len(kid) <= 200:
        return None
    algorithm = ALGORITHM_OF_TYPE[kty]
    if member.get("use", "sig") != "sig" or member.get("alg", algorithm) != algorithm:
        return None
    try:
        if "verify" not in member.get("key_ops", ["verify"]):
            return None
        key = _imported(kty, {name: member[name] for name in PUBLIC_MEMBERS[kty]})
    except (JoseError, ValueError, KeyError, TypeError):
        return None
    return None if key is None else PublicKey(kid=kid, algorithm=algorithm, key=key)


def _imported(kty: str, members: dict[str, Any]) -> ECKey | RSAKey | None:
    """The key if it is strong enough. Raises JoseError, ValueError or TypeError where it is none."""
    if kty == "EC":
        return ECKey.import_key(members) if members["crv"] == "P-384" else None
    key = RSAKey.import_key(members)
    numbers = key.public_key.public_numbers()
    is_strong = numbers.n.bit_length() in RSA_BITS and numbers.e in RSA_EXPONENTS
    return key if is_strong else None
