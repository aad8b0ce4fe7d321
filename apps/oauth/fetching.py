"""Reading a client's key set from an address of its own, without being led anywhere else.

Only https, only hosts that the operator named, at an address that is resolved once and is not a private one;
no redirects, no proxies, and an end to how much is read and for how long.
"""

import json
import time
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from requests import RequestException
from requests_hardened import Config, Manager

from apps.oauth.problems import KeySetRefused

MOST_BYTES = 64 * 1024
CONNECT_S, READ_S, TOTAL_S = 3.0, 3.0, 5.0
GUARD = Manager(
    Config(
        ip_filter_enable=True,
        ip_filter_allow_loopback_ips=False,
        never_redirect=True,
        default_timeout=(CONNECT_S, READ_S),
        user_agent_override="assay",
    )
)


class Unreachable(Exception):
    """The address did not give a key set; the message says how, without what it sent."""


def check_address(uri: str, hosts: Collection[str]) -> str:
    """The address, if it is one that may be asked.

    Raises:
        KeySetRefused: it is not https on its usual port, carries credentials or a fragment, or its host was
            not allowed by the operator.
    """
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        raise KeySetRefused(_("This is not an address."), pointer="/jwks_uri") from None
    plain = parts.scheme == "https" and port in {None, 443} and not parts.fragment and "@" not in parts.netloc
    if not plain or not uri.isascii() or not uri.isprintable() or " " in uri or "\\" in uri:
        raise KeySetRefused(_("A key set is read from a plain https address."), pointer="/jwks_uri")
    if parts.hostname not in {host.lower() for host in hosts}:
        raise KeySetRefused(_("The operator did not allow this host; see ASSAY_JWKS_HOSTS."), pointer="/jwks_uri")
    return uri


def fetch(uri: str, *, hosts: Collection[str]) -> Any:
    """The JSON document at an address. The address is checked again, since the operator may have changed his mind.

    Raises:
        KeySetRefused: the address may not be asked.
        Unreachable: it did not answer with a JSON document in size and time.
    """
    check_address(uri, hosts)
    started = time.monotonic()
    try:
        with GUARD.get_session() as session:
            session.trust_env = False  # a proxy would resolve the name again
            headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
            with session.get(uri, stream=True, headers=headers) as response:
                if response.status_code != 200:
                    raise Unreachable(f"status {response.status_code}")
                body = _capped(response, started)
        return json.loads(body)
    except (RequestException, ValueError, RecursionError) as failed:
        raise Unreachable(type(failed).__name__) from failed


def _capped(response: Any, started: float) -> bytes:
    body = b""
    for chunk in response.iter_content(8192):
        body += chunk
        if len(body) > MOST_BYTES:
            raise Unreachable("too large")
        if time.monotonic() - started > TOTAL_S:
            raise Unreachable("too slow")
    return body
