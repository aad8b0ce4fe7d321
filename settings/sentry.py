"""Error reports without what they are about.

Off unless ``ASSAY_SENTRY_DSN`` is set. The SDK is told not to collect bodies, users and local
variables; then `scrubbed` keeps a short list of what is known to be harmless and drops the rest,
so that a new version of the SDK that collects more sends no more.
"""

import re
from typing import Any, cast

import sentry_sdk
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.transport import Transport
from sentry_sdk.types import Event, Hint

MAX_MESSAGE_CHARACTERS = 200

KEPT_HEADERS = frozenset({"content-type", "content-length", "x-request-id"})
HARMLESS = re.compile(r"(?!.*[0-9]{9})[A-Za-z0-9._:;+/=-]{1,128}")  # no text, no number of a card or a person
KEPT_OF_EVENT = frozenset(
    {
        "event_id", "timestamp", "start_timestamp", "type", "level", "platform", "logger", "release", "environment",
        "sdk", "tags", "transaction", "transaction_info", "fingerprint", "monitor_slug", "check_in_id", "status",
    }
)  # fmt: skip
KEPT_OF_FRAME = frozenset(
    {"filename", "abs_path", "module", "function", "lineno", "in_app", "pre_context", "context_line", "post_context"}
)
KEPT_OF_BREADCRUMB = frozenset({"type", "category", "level", "timestamp"})
KEPT_CONTEXTS = frozenset({"trace", "runtime", "os"})
KEPT_OF_TRACE = frozenset({"trace_id", "span_id", "parent_span_id", "op", "status"})
KEPT_OF_SPAN = frozenset({"trace_id", "span_id", "parent_span_id", "op", "status", "start_timestamp", "timestamp"})


def configure(dsn: str, *, environment: str, release: str, transport: Transport | None = None) -> None:
    """Start reporting errors to ``dsn``; with an empty one, nothing is set up."""
    if not dsn:
        return
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        release=release,
        transport=transport,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=20,
        default_integrations=True,
        auto_enabling_integrations=False,
        integrations=[DjangoIntegration(), CeleryIntegration(propagate_traces=False)],
        before_send=scrubbed,
        before_send_transaction=scrubbed,
        before_breadcrumb=_before_breadcrumb,
    )


def scrubbed(event: Event, _hint: Hint) -> Event:
    """What may leave this machine of an event: places, types and names, no values."""
    whole = cast("dict[str, Any]", event)
    kept = {name: value for name, value in whole.items() if name in KEPT_OF_EVENT}
    if "request" in whole:
        kept["request"] = _request(whole["request"])
    if "exception" in whole:
        values = whole["exception"].get("values") or []
        kept["exception"] = {"values": [_exception(value) for value in values]}
    if "logentry" in whole:  # the message as written in the source; its arguments are values
        kept["logentry"] = {"message": str(whole["logentry"].get("message", ""))[:MAX_MESSAGE_CHARACTERS]}
    if "message" in whole:
        kept["message"] = str(whole["message"])[:MAX_MESSAGE_CHARACTERS]
    if "breadcrumbs" in whole:
        kept["breadcrumbs"] = {"values": [_only(crumb, KEPT_OF_BREADCRUMB) for crumb in _values(whole["breadcrumbs"])]}
    if "contexts" in whole:
        contexts = _only(whole["contexts"], KEPT_CONTEXTS)
        if "trace" in contexts:
            contexts["trace"] = _only(contexts["trace"], KEPT_OF_TRACE)
        kept["contexts"] = contexts
    if "spans" in whole:
        kept["spans"] = [_only(span, KEPT_OF_SPAN) for span in _values(whole["spans"])]
    return cast("Event", kept)


def _before_breadcrumb(crumb: dict[str, Any], _hint: dict[str, Any]) -> dict[str, Any]:
    return _only(crumb, KEPT_OF_BREADCRUMB)


def _request(request: dict[str, Any]) -> dict[str, Any]:
    told = (request.get("headers") or {}).items()
    headers = {name: value for name, value in told if name.lower() in KEPT_HEADERS and HARMLESS.fullmatch(str(value))}
    return {
        "method": request.get("method"),
        "headers": headers,
    }  # the transaction names the route; a URL names a record


def _exception(value: dict[str, Any]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames") or []
    return {
        "type": value.get("type"),
        "module": value.get("module"),
        "value": value.get("type"),  # messages of exceptions quote what went wrong
        "mechanism": _only(value.get("mechanism") or {}, frozenset({"type", "handled"})),
        "stacktrace": {"frames": [_only(frame, KEPT_OF_FRAME) for frame in frames]},
    }


def _values(sequence: Any) -> list[dict[str, Any]]:
    return list(sequence.get("values") or []) if isinstance(sequence, dict) else list(sequence)


def _only(mapping: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name in names}
