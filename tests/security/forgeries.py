"""Ways to forge or bend a client's assertion. Each makes what is posted to the token endpoint."""

import json
import time
from collections.abc import Callable

from tests.oauth.signing import ASSERTION, ec_key, rsa_key, segment, signed
from tests.security.forging import (
    Form,
    World,
    alg_twice,
    another_payload,
    cut,
    detached,
    embedded,
    endless,
    headed,
    parts,
    posted,
    raw,
    said,
    shared,
    twice,
    unsigned,
)

# What is refused because it does not prove to be the client, by the reason in the logs: 401 invalid_client.
FORGERIES: dict[str, dict[str, Callable[[World], Form]]] = {
    "malformed": {
        "alg none, no signature": unsigned("none", ""),
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
    },
    "algorithm": {
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
    },
    "audience": {
        "aud is the issuer": said(aud="http://testserver"),
        "aud with a slash": said(aud="http://testserver/oauth/token/"),
        "aud with a query": said(aud="http://testserver/oauth/token?x"),
        "aud in capitals": said(aud="HTTP://TESTSERVER/OAUTH/TOKEN"),
        "aud is another server": said(aud="https://evil.example/oauth/token"),
        "aud of two": said(aud=["http://testserver/oauth/token", "https://evil.example/oauth/token"]),
        "no aud": said(aud=None),
        "aud is an object": said(aud={"http://testserver/oauth/token": 1}),
    },
    "issuer": {
        "iss is not sub": lambda w: posted(signed(w.ec, w.good(sub=w.neighbour))),
        "iss and sub are nobody": said(iss="nobody", sub="nobody"),
        "no sub": said(sub=None),
        "no iss": said(iss=None),
        "iss and sub in capitals": lambda w: posted(signed(w.ec, w.good(iss=w.ours.upper(), sub=w.ours.upper()))),
        "client_id is the neighbour": lambda w: posted(signed(w.ec, w.good()), client_id=w.neighbour),
    },
    "kid": {
        "iss and sub are the neighbour": lambda w: posted(signed(w.ec, w.good(iss=w.neighbour, sub=w.neighbour))),
        "kid nobody knows": headed(kid="ec-2"),
        "no kid": headed(kid=None),
        "kid is a path": headed(kid="../../etc/passwd"),
        "kid is an object": lambda w: posted(f"{segment({'alg': 'ES384', 'kid': {}})}.{parts(w)[1]}.{parts(w)[2]}"),
    },
    "signature": {
        "iss and sub are a stranger whose key has the same name": lambda w: posted(
            signed(w.ec, w.good(iss=w.stranger, sub=w.stranger))
        ),
        "the neighbour's key": lambda w: posted(signed(w.neighbours, w.good(), kid="ec-1")),
        "a key of one's own under the right name": lambda w: posted(signed(ec_key("ec-1"), w.good())),
        "an RSA key of one's own with the right name": lambda w: posted(
            signed(rsa_key("rsa-1"), w.good(), alg="RS384")
        ),
        "another signature": cut(2, lambda s: ("B" if s[0] == "A" else "A") + s[1:]),
        "half a signature": cut(2, lambda s: s[:64]),
        "a signature of zeros": cut(2, lambda s: "A" * len(s)),
        "another payload": another_payload,
    },
    "lifetime": {
        "good for six minutes": lambda w: posted(signed(w.ec, w.good(exp=time.time() + 360))),
        "good for ever": said(exp=2**39),
    },
    "claims": {
        "good until infinity": endless,
        "exp is a text": said(exp="9999999999"),
        "exp is true": said(exp=True),
    },
    "expired": {
        "expired a minute ago": lambda w: posted(signed(w.ec, w.good(exp=time.time() - 60, iat=time.time() - 120))),
        "no exp": said(exp=None),
    },
    "future": {
        "iat a minute ahead": lambda w: posted(signed(w.ec, w.good(iat=time.time() + 60))),
        "nbf a minute ahead": lambda w: posted(signed(w.ec, w.good(nbf=time.time() + 60))),
    },
    "jti": {
        "no jti": said(jti=None),
        "jti is empty": said(jti=""),
        "jti is a number": said(jti=7),
        "jti of 300 characters": said(jti="j" * 300),
    },
    "header": {
        "brings its key": embedded("jwk"),
        "says where its certificate is": embedded("x5u"),
        "brings its certificate": embedded("x5c"),
        "something critical": headed(crit=["kid"]),
        "a detached payload": detached,
        "an access token's type": headed(typ="at+jwt"),
    },
    "jku": {
        "says where its key is": embedded("jku"),
    },
    "client": {
        "an assertion for a client with a secret": lambda w: posted(
            signed(w.ec, w.good(iss=w.with_secret, sub=w.with_secret))
        ),
    },
    "revoked": {
        "a revoked client": lambda w: posted(signed(w.ec, w.good(iss=w.revoked, sub=w.revoked))),
        "a client past its end": lambda w: posted(signed(w.ec, w.good(iss=w.ended, sub=w.ended))),
    },
    "secret": {
        "a secret for a client with keys": lambda w: {"client_id": w.ours, "client_secret": w.secret},
        "no proof": lambda w: {"client_id": w.ours},
    },
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
