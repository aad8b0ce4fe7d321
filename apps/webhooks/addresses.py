"""Where a webhook may go: to the public internet by https, or to a receiver the operator named.

Looked at twice: the text when an endpoint is registered, and the address it means when something is sent.
"""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _
from requests_hardened.ip_filter import EXTRA_BLOCKED_NET_RANGES

from apps.common.errors import InvalidInput

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

MOST_CHARACTERS = 500
PORTS = frozenset({443, 8443})
DEFAULT_PORTS = {"http": 80, "https": 443}

# What RFC 3986 allows, narrowed to what every reader of URLs understands the same way: no user, no backslash,
# no escape in the host, no fragment.
URL = re.compile(
    r"(?P<origin>(?P<scheme>(?i:https?))://"
    r"(?P<host>(?i:\[[0-9a-f:.]+\]|[a-z0-9-]+(?:\.[a-z0-9-]+)*))"
    r"(?::(?P<port>[0-9]{1,5}))?)"
    r"(?:[/?][A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?",
)
NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
LOCAL_SUFFIXES = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "test", "invalid", "onion")

GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")  # leaves out IPv4 in IPv6 clothes and what nobody was given
ALSO_BLOCKED = (
    *EXTRA_BLOCKED_NET_RANGES,  # CGNAT, NAT64, 6to4, ORCHID and others that ipaddress of Python 3.11 calls global
    ipaddress.ip_network("168.63.129.16/32"),  # a cloud's own services, at a public address
)


class AddressRefused(InvalidInput):
    """The address is not one that webhooks are sent to; ``code`` says which rule it breaks."""

    code = "webhook_address_refused"

    def __init__(self, detail: str, *, code: str) -> None:
        super().__init__(detail, code=code, pointer="/url")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL that may be called.

    Attributes:
        trusted: its origin is one the operator named; any address will do.
    """

    url: str
    host: str
    port: int
    trusted: bool


def target_of(url: str) -> Target:
    """Read a URL, without asking the network.

    Raises:
        AddressRefused: it is not https, names a private address in whatever spelling, or a place of its own.
    """
    match = URL.fullmatch(url) if len(url) <= MOST_CHARACTERS else None
    if match is None:
        raise AddressRefused(_("Write the address as https://name/path, without user or fragment."), code="url_form")
    scheme, host = match["scheme"].lower(), match["host"].lower()
    port = int(match["port"] or DEFAULT_PORTS[scheme])
    trusted = _origin(scheme, host, port) in trusted_origins(tuple(settings.WEBHOOK_HOSTS))
    if not trusted:
        _check_stranger(scheme, host, port)
    return Target(url=url, host=host.strip("[]"), port=port, trusted=trusted)


def is_public(address: IPAddress) -> bool:
    """Whether an address belongs to the public internet and to one machine on it.

    >>> is_public(ipaddress.ip_address("::127.0.0.1"))
    False
    """
    if isinstance(address, ipaddress.IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return not any(address in network for network in ALSO_BLOCKED)


@lru_cache(maxsize=8)
def trusted_origins(told: tuple[str, ...]) -> frozenset[str]:
    """The operator's receivers, as ``scheme://host:port``.

    Raises:
        ImproperlyConfigured: one of them is no origin.
    """
    origins = set()
    for text in told:
        match = URL.fullmatch(text.lower())
        if match is None or match["origin"] != text.lower():
            raise ImproperlyConfigured(f"ASSAY_WEBHOOK_HOSTS: {text!r} is not like https://receiver.bank.example:8443")
        port = int(match["port"] or DEFAULT_PORTS[match["scheme"]])
        origins.add(_origin(match["scheme"], match["host"], port))
    return frozenset(origins)


def _check_stranger(scheme: str, host: str, port: int) -> None:
    if scheme != "https":
        raise AddressRefused(_("Webhooks are sent by https only."), code="not_https")
    if port not in PORTS:
        raise AddressRefused(_("Webhooks are sent to the ports 443 and 8443 only."), code="port_refused")
    if not host.startswith("[") and not NUMERIC_LABEL.fullmatch(host.rsplit(".", 1)[-1]):
        _check_name(host)
        return
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise AddressRefused(_("This is an unusual spelling of an address."), code="address_spelling") from None
    if not is_public(address):
        raise AddressRefused(_("This address is not part of the public internet."), code="address_private")


def _check_name(host: str) -> None:
    labels = host.split(".")
    if len(labels) < 2 or labels[-1] in LOCAL_SUFFIXES:
        raise AddressRefused(_("This name is not part of the public internet."), code="address_private")


def _origin(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://{host}:{port}"
