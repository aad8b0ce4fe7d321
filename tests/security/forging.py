"""Making assertions that are not what they should be, for a world of clients to be attacked."""

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from tests.oauth.signing import ALL, ASSERTION, claims, ec_key, segment, signed

P384_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973

Form = dict[str, Any]  # texts alone


@dataclass(frozen=True, kw_only=True)
class World:
    """Who there is: a client with an EC and an RSA key, another one of the same bank, and one of another's."""

    ours: str
    ec: ECKey
    rsa: RSAKey
    neighbour: str
    neighbours: ECKey
    stranger: str
    with_secret: str
    secret: str
    revoked: str
    ended: str

    def good(self, **other: Any) -> dict[str, Any]:
        """Claims that would be believed; None leaves one out."""
        return claims(self.ours, **other)


def posted(assertion: str, **other: str) -> Form:
    """A form that presents an assertion."""
    return {"client_assertion": assertion, "client_assertion_type": ASSERTION} | other


def said(**other: Any) -> Callable[[World], Form]:
    """Signed as it should be, by who should, but saying something else."""
    return lambda world: posted(signed(world.ec, world.good(**other)))


def headed(**header: Any) -> Callable[[World], Form]:
    """Signed as it should be, under another header."""
    return lambda world: posted(signed(world.ec, world.good(), **header))


def raw(payload: bytes) -> Callable[[World], Form]:
    """Signed as it should be, but no claims."""
    return lambda world: posted(signed(world.ec, payload))


def shared(alg: str, secret: Callable[[World], bytes]) -> Callable[[World], Form]:
    """Signed with something public as a shared secret."""

    def make(world: World) -> Form:
        signed_part = f"{segment({'alg': alg, 'kid': 'ec-1'})}.{segment(world.good())}"
        return posted(f"{signed_part}.{mac(secret(world), signed_part, alg=alg)}")

    return make


def mac(secret: bytes, signed_part: str, *, alg: str) -> str:
    """An HMAC as a JWS carries it, made by hand: the library will not take a public key for a secret."""
    return segment(hmac.digest(secret, signed_part.encode(), f"sha{alg[2:]}"))


def unsigned(alg: str, signature: str) -> Callable[[World], Form]:
    """Not signed at all."""
    return lambda world: posted(f"{segment({'alg': alg, 'kid': 'ec-1'})}.{segment(world.good())}.{signature}")


def parts(world: World, **other: Any) -> list[str]:
    """The segments of a good assertion."""
    return signed(world.ec, world.good(**other)).split(".")


def cut(index: int, change: Callable[[str], str]) -> Callable[[World], Form]:
    """A good assertion with one segment changed."""

    def make(world: World) -> Form:
        segments = parts(world)
        segments[index] = change(segments[index])
        return posted(".".join(segments))

    return make


def another_payload(world: World) -> Form:
    """The signature of one assertion under the claims of another."""
    head, payload, _ = parts(world)
    return posted(".".join([head, payload, parts(world)[2]]))


def endless(world: World) -> Form:
    """An end that JSON can say and no clock can reach."""
    return posted(signed(world.ec, json.dumps(world.good(exp=9)).replace('"exp": 9', '"exp": 1e400').encode()))


def twice(world: World) -> Form:
    """``aud`` named twice: readers differ on which counts."""
    told = json.dumps(world.good(aud=None))[:-1] + f', "aud": "https://evil.example", "aud": "{world.good()["aud"]}"}}'
    return posted(signed(world.ec, told.encode()))


def alg_twice(world: World) -> Form:
    """``alg`` named twice in the header."""
    header = segment(b'{"alg":"none","kid":"ec-1","alg":"ES384"}')
    return posted(f"{header}.{parts(world)[1]}.{parts(world)[2]}")


def embedded(member: str) -> Callable[[World], Form]:
    """Signed with a key that the header itself brings, or says where to find."""

    def make(world: World) -> Form:
        own = ec_key("ec-1")
        brought: dict[str, Any] = {
            "jwk": dict(own.as_dict(private=False)),
            "jku": "https://evil.example/jwks.json",
            "x5u": "https://evil.example/cert.pem",
            "x5c": ["MIIB"],
        }
        return posted(signed(own, world.good(), **{member: brought[member]}))

    return make


def detached(world: World) -> Form:
    """A payload that is not encoded (RFC 7797)."""
    header = {"alg": "ES384", "kid": "ec-1", "b64": False, "crit": ["b64"]}
    compact = jws.serialize_compact({"alg": "ES384", "kid": "ec-1"}, b"{}", world.ec, registry=ALL)
    return posted(f"{segment(header)}.{segment(world.good())}.{compact.split('.')[2]}")
