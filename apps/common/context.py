"""What is being worked on, as far as logs and the audit trail want to know.

Bound once at an edge (a request, a task) and carried by context variables, so that every log
line names its request or job without anybody passing it along. Identifiers only, never contents.
"""

from contextvars import ContextVar

import structlog

_address: ContextVar[str] = ContextVar("address", default="")  # for the audit trail; log lines do not carry it


def bind(**identifiers: str) -> None:
    """Add identifiers to every log line of this request or task."""
    structlog.contextvars.bind_contextvars(**identifiers)


def clear() -> None:
    """Forget everything bound; called where a request or a task begins and ends."""
    structlog.contextvars.clear_contextvars()
    _address.set("")


def request_id() -> str:
    """Identifier of the request being answered, or "" outside of one."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def bind_address(address: str) -> None:
    """Note where the request at hand came from."""
    _address.set(address)


def address() -> str:
    """Network address the request at hand came from, or "" outside of one."""
    return _address.get()
