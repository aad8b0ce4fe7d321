"""Ways to forge, bend or replay a client's assertion. Each makes what is posted to the token endpoint."""

import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from tests.oauth.signing import ALL, ASSERTION, claims, ec_key, rsa_key, segment, signed

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


def another_audience(payload: str) -> str:
    """The payload of an assertion, saying that it is for somebody else."""
    return segment({"aud": "https://evil.example/oauth/token"}) + payload[40:]


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


# What is refused because it does not prove to be the client: 401 invalid_client.
FORGERIES: dict[str, Callable[[World], Form]] = {
    "alg none, no signature": unsigned("none", ""),
    "alg none, some signature": unsigned("none", "AAAA"),
    "alg NONE": unsigned("NONE", "AAAA"),
    "HS256, the public key as PEM is the secret": shared("HS256", lambda w: w.ec.as_pem(private=False)),
    "HS256, the public key as DER is the secret": shared("HS256", lambda w: w.rsa.as_der(private=False)),
    "HS384, the public key as JWK is the secret": shared(
        "HS384", lambda w: json.dumps(w.ec.as_dict(private=False)).encode()
    ),
    "RS256 with the right RSA key": lambda w: posted(signed(w.rsa, w.good(), alg="RS256")),
    "PS384 with the right RSA key": lambda w: posted(signed(w.rsa, w.good(), alg="PS384")),
    "ES256 with a key on P-256": lambda w: posted(signed(ec_key("ec-1", "P-256"), w.good(), alg="ES256")),
    "RS384 under the name of the EC key": lambda w: posted(signed(w.rsa, w.good(), alg="RS384", kid="ec-1")),
    "ES384 under the name of the RSA key": headed(kid="rsa-1"),
    "aud is the issuer": said(aud="http://testserver"),
    "aud with a slash": said(aud="http://testserver/oauth/token/"),
    "aud with a query": said(aud="http://testserver/oauth/token?x"),
    "aud in capitals": said(aud="HTTP://TESTSERVER/OAUTH/TOKEN"),
    "aud is another server": said(aud="https://evil.example/oauth/token"),
    "aud of two": said(aud=["http://testserver/oauth/token", "https://evil.example/oauth/token"]),
    "no aud": said(aud=None),
    "aud is an object": said(aud={"http://testserver/oauth/token": 1}),
    "iss is not sub": lambda w: posted(signed(w.ec, w.good(sub=w.neighbour))),
    "iss and sub are the neighbour": lambda w: posted(signed(w.ec, w.good(iss=w.neighbour, sub=w.neighbour))),
    "iss and sub are a stranger whose key has the same name": lambda w: posted(
        signed(w.ec, w.good(iss=w.stranger, sub=w.stranger))
    ),
    "iss and sub are nobody": said(iss="nobody", sub="nobody"),
    "no sub": said(sub=None),
    "no iss": said(iss=None),
    "iss and sub in capitals": lambda w: posted(signed(w.ec, w.good(iss=w.ours.upper(), sub=w.ours.upper()))),
    "client_id is the neighbour": lambda w: posted(signed(w.ec, w.good()), client_id=w.neighbour),
    "good for six minutes": lambda w: posted(signed(w.ec, w.good(exp=time.time() + 360))),
    "good for ever": said(exp=2**39),
    "good until infinity": raw(b'{"exp": 1e400}'),
    "expired a minute ago": lambda w: posted(signed(w.ec, w.good(exp=time.time() - 60, iat=time.time() - 120))),
    "no exp": said(exp=None),
    "exp is a text": said(exp="9999999999"),
    "exp is true": said(exp=True),
    "iat a minute ahead": lambda w: posted(signed(w.ec, w.good(iat=time.time() + 60))),
    "nbf a minute ahead": lambda w: posted(signed(w.ec, w.good(nbf=time.time() + 60))),
    "no jti": said(jti=None),
    "jti is empty": said(jti=""),
    "jti is a number": said(jti=7),
    "jti of 300 characters": said(jti="j" * 300),
    "kid nobody knows": headed(kid="ec-2"),
    "no kid": headed(kid=None),
    "kid is a path": headed(kid="../../etc/passwd"),
    "kid is an object": lambda w: posted(f"{segment({'alg': 'ES384', 'kid': {}})}.{parts(w)[1]}.{parts(w)[2]}"),
    "the neighbour's key": lambda w: posted(signed(w.neighbours, w.good(), kid="ec-1")),
    "a key of one's own under the right name": lambda w: posted(signed(ec_key("ec-1"), w.good())),
    "an RSA key of one's own under the right name": lambda w: posted(signed(rsa_key("rsa-1"), w.good(), alg="RS384")),
    "brings its key": embedded("jwk"),
    "says where its key is": embedded("jku"),
    "says where its certificate is": embedded("x5u"),
    "brings its certificate": embedded("x5c"),
    "something critical": headed(crit=["kid"]),
    "a detached payload": detached,
    "an access token's type": headed(typ="at+jwt"),
    "another signature": cut(2, lambda s: ("B" if s[0] == "A" else "A") + s[1:]),
    "half a signature": cut(2, lambda s: s[:64]),
    "a signature of zeros": cut(2, lambda s: "A" * len(s)),
    "another payload": cut(1, another_audience),
    "a padded segment": cut(1, lambda s: s + "="),
    "a segment with spaces": cut(1, lambda s: s[:10] + " " + s[10:]),
    "aud twice": twice,
    "alg twice": alg_twice,
    "claims that are a list": raw(b"[]"),
    "claims that are no JSON": raw(b"{"),
    "claims nested too deep": raw(b"[" * 2000),
    "four kilobytes and more": said(more="x" * 4000),
    "five segments": lambda w: posted(".".join([*parts(w), "AAAA", "AAAA"])),
    "an API key": lambda w: posted(w.secret),
    "an assertion for a client with a secret": lambda w: posted(
        signed(w.ec, w.good(iss=w.with_secret, sub=w.with_secret))
    ),
    "a revoked client": lambda w: posted(signed(w.ec, w.good(iss=w.revoked, sub=w.revoked))),
    "a client past its end": lambda w: posted(signed(w.ec, w.good(iss=w.ended, sub=w.ended))),
    "a secret for a client with keys": lambda w: {"client_id": w.ours, "client_secret": w.secret},
    "no proof": lambda w: {"client_id": w.ours},
}

# What is refused for other reasons: 400.
BENT: dict[str, tuple[Callable[[World], Form], str]] = {
    "another type of assertion": (
        lambda w: posted(signed(w.ec, w.good())) | {"client_assertion_type": "urn:ietf:params:oauth:saml2-bearer"},
        "invalid_request",
    ),
    "no type of assertion": (lambda w: {"client_assertion": signed(w.ec, w.good())}, "invalid_request"),
    "a type and no assertion": (lambda _w: {"client_assertion_type": ASSERTION}, "invalid_request"),
    "an assertion and a secret": (
        lambda w: posted(signed(w.ec, w.good()), client_secret=w.secret),
        "invalid_request",
    ),
    "a scope beyond the grant": (lambda w: posted(signed(w.ec, w.good()), scope="risk.write"), "invalid_scope"),
    "a scope that is none": (lambda w: posted(signed(w.ec, w.good()), scope="*"), "invalid_scope"),
    "another grant": (
        lambda w: posted(signed(w.ec, w.good()), grant_type="authorization_code"),
        "unsupported_grant_type",
    ),
    "an assertion as a grant": (
        lambda w: posted(signed(w.ec, w.good()), grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer"),
        "unsupported_grant_type",
    ),
}
