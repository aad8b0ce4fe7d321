"""A client of the token endpoint, with keys of its own."""

import json
import time
import uuid
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import urlencode

from django.test import Client
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

TOKEN_URL = "http://testserver/oauth/token"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Key = ECKey | RSAKey | OctKey
ALL = jws.JWSRegistry(
    algorithms=["none", "HS256", "HS384", "RS256", "RS384", "PS384", "ES256", "ES384"], strict_check_header=False
)


def ec_key(kid: str = "ec-1", crv: str = "P-384") -> ECKey:
    """A fresh elliptic-curve key."""
    return ECKey.generate_key(crv, {"kid": kid})


def rsa_key(kid: str = "rsa-1", bits: int = 2048) -> RSAKey:
    """A fresh RSA key."""
    return RSAKey.generate_key(bits, {"kid": kid})


def key_set(*keys: Key) -> dict[str, Any]:
    """The public halves."""
    return {"keys": [dict(key.as_dict(private=False)) for key in keys]}


def claims(client_id: str, **other: Any) -> dict[str, Any]:
    """What a good assertion says, unless told otherwise; a claim of None is left out."""
    now = int(time.time())
    told = {
        "iss": client_id,
        "sub": client_id,
        "aud": TOKEN_URL,
        "iat": now,
        "exp": now + 120,
        "jti": str(uuid.uuid4()),
    }
    return {name: value for name, value in (told | other).items() if value is not None}


def signed(key: Key, told: dict[str, Any] | bytes, *, alg: str = "ES384", **header: Any) -> str:
    """A compact JWS; a header member of None is left out."""
    members = {"alg": alg, "typ": "JWT", "kid": key.kid} | header
    present = {name: value for name, value in members.items() if value is not None}
    payload = told if isinstance(told, bytes) else json.dumps(told).encode()
    return jws.serialize_compact(present, payload, key, registry=ALL)


def segment(document: Any) -> str:
    """A part of a compact JWS, made by hand."""
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def ask(http: Client, *, headers: dict[str, str] | None = None, **form: Any) -> Any:
    """Ask the token endpoint."""
    body = urlencode({"grant_type": "client_credentials"} | form)
    return http.post("/oauth/token", body, content_type="application/x-www-form-urlencoded", headers=headers)


def ask_signed(http: Client, assertion: str, **form: Any) -> Any:
    """Ask the token endpoint with an assertion."""
    return ask(http, client_assertion=assertion, client_assertion_type=ASSERTION, **form)
