"""One POST to a stranger's address: resolved once, pinned, never redirected, bounded in time, its answer unread.

requests-hardened resolves a name once, refuses private answers and connects to that address and no other, so that
a name that answers differently the second time changes nothing. Added here, because it leaves them open (1.3.0):
IPv4 addresses dressed as IPv6 (``::127.0.0.1``), site-local addresses, proxies and ``.netrc`` from the
environment, and a limit of time for the whole exchange instead of for each read.
"""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from requests_hardened import Config, HTTPSession
from requests_hardened.ip_filter import InvalidIPAddress
from requests_hardened.ip_filter_adapter import IPFilterAdapter

from apps.webhooks.addresses import AddressRefused, is_public, target_of

CONNECT_S, READ_S, WHOLE_S = 5.0, 15.0, 20.0  # Standard Webhooks asks for 15 to 30
LONGEST_RETRY_AFTER_S = 24 * 3600.0
ACCEPTED = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. Of the receiver's answer only the status and ``Retry-After`` are looked at.

    Attributes:
        status: None if there was no answer.
        error_code: "" if the receiver accepted.
        retry_after_s: what the receiver asked for, at most a day.
    """

    status: int | None = None
    error_code: str = ""
    retry_after_s: float | None = None
    latency_ms: float = 0.0

    @property
    def accepted(self) -> bool:
        """Whether the receiver has the message."""
        return self.error_code == ""

    @property
    def gone(self) -> bool:
        """Whether the receiver wants no more messages, ever."""
        return self.status == 410


Post = Callable[..., Answer]


def post(*, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Send once. Never raises for what a network or a receiver may do; takes 20 s at most, and the name look-up."""
    begun = time.perf_counter()
    try:
        target = target_of(url)
        status, retry_after = _exchange(target.url, target.trusted, headers, body)
        code, retry_after_s = _code_of(status), _seconds(retry_after)
    except (AddressRefused, InvalidIPAddress):
        status, code, retry_after_s = None, "address_refused", None
    except (requests.RequestException, OSError, UnicodeError) as error:
        status, code, retry_after_s = None, _code_of_error(error), None
    latency_ms = 1000 * (time.perf_counter() - begun)
    return Answer(status=status, error_code=code, retry_after_s=retry_after_s, latency_ms=round(latency_ms, 1))


class _Bounded(HTTPAdapter):
    """An adapter whose connections can be cut from outside."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.was_cut = False
        self._connections: list[Any] = []

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """The pool of one exchange, which tells of the connections it makes."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        make = pool.ConnectionCls

        def remember(*given: Any, **options: Any) -> Any:
            connection = make(*given, **options)
            self._connections.append(connection)
            return connection

        pool.ConnectionCls = remember
        return pool

    def cut(self) -> None:
        """End what is under way, in whichever thread it is."""
        self.was_cut = True
        for connection in self._connections:
            with suppress(OSError, AttributeError):
                connection.sock.shutdown(socket.SHUT_RDWR)


class _Guarded(_Bounded, IPFilterAdapter):  # type: ignore[misc]  # the library has no types
    """Connects to public addresses only, the one that was looked at and no other."""

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        """The library pins the address; it is looked at once more, more strictly. Raises InvalidIPAddress."""
        host_params, pool_kwargs = super().build_connection_pool_key_attributes(*args, **kwargs)
        address = ipaddress.ip_address(str(host_params["host"]).strip("[]"))
        if not is_public(address):
            raise InvalidIPAddress(address)
        return host_params, pool_kwargs


def _exchange(url: str, trusted: bool, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:  # noqa: FBT001
    adapter = _Bounded() if trusted else _Guarded(is_https_proto=True)
    with _session(adapter) as session:
        timer = threading.Timer(WHOLE_S, adapter.cut)
        timer.daemon = True
        timer.start()
        try:
            answer = session.post(url, data=body, headers={**FIXED_HEADERS, **headers}, stream=True)
            answer.close()
            if adapter.was_cut:  # what had come of the headers by then reads like an answer
                raise requests.Timeout
        except (requests.RequestException, OSError) as error:
            if adapter.was_cut:
                raise requests.Timeout from error
            raise
        finally:
            timer.cancel()
    return answer.status_code, answer.headers.get("Retry-After", "")


FIXED_HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "identity", "Connection": "close"}


def _session(adapter: HTTPAdapter) -> HTTPSession:
    config = Config(
        ip_filter_enable=True,
        ip_filter_allow_loopback_ips=False,
        never_redirect=True,
        default_timeout=(CONNECT_S, READ_S),
        user_agent_override="Assay-Webhooks/1",
    )
    session = HTTPSession(config)
    session.trust_env = False
    session.verify = settings.WEBHOOK_CA_FILE or True
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session


def _code_of(status: int) -> str:
    if status in ACCEPTED:
        return ""
    return "redirected" if 300 <= status < 400 else f"http_{status}"


def _code_of_error(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return "timeout"
    return "tls" if isinstance(error, requests.exceptions.SSLError) else "no_connection"


def _seconds(retry_after: str) -> float | None:
    """Seconds from now that a ``Retry-After`` asks for, a number or a date; None if it cannot be read."""
    text = retry_after.strip()[:64]
    if text.isdecimal():
        return min(float(text[:9]), LONGEST_RETRY_AFTER_S)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if moment.tzinfo is None:
        return None
    return min(max(0.0, (moment - datetime.now(UTC)).total_seconds()), LONGEST_RETRY_AFTER_S)
