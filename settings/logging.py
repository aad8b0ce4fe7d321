"""Logs as JSON lines that name requests and jobs, and never hold what a record holds.

Our own code logs an event name and identifiers (structlog); third-party code goes through the same
formatter. Of an exception a line says its type and where it was, not its message: messages of
drivers and parsers quote what they choked on.
"""

import logging
import sys
import traceback
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MAX_MESSAGE_CHARACTERS = 500
FRAMES = 12


class WithoutPath(logging.Filter):
    """Django's line about a failed request quotes the path, which names a record; ours has the route."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record and its exception, not its words."""
        record.msg, record.args = "request.failed", ()
        return True


class WithoutError(logging.Filter):
    """Celery's line about a failed task quotes the exception, whose message may quote what it choked on."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record and its exception, not its words."""
        if record.levelno >= logging.WARNING:
            record.msg, record.args = "task.failed", ()
        return True


def without_contents(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Replace an exception by its types and places; cut long messages."""
    exc_info = event.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    if isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    if isinstance(exc_info, tuple) and exc_info[1] is not None:
        event["exception"] = exception_places(exc_info[1])
    event.pop("stack_info", None)
    event["event"] = str(event.get("event", ""))[:MAX_MESSAGE_CHARACTERS]
    return event


def exception_places(error: BaseException) -> list[dict[str, Any]]:
    """The chain of an exception, latest first: type, and innermost frames as ``file:line function``."""
    chain: list[dict[str, Any]] = []
    current: BaseException | None = error
    while current is not None and len(chain) < 5:
        frames = traceback.extract_tb(current.__traceback__)[-FRAMES:]
        places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        chain.append({"type": f"{type(current).__module__}.{type(current).__qualname__}", "frames": places})
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain


SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    without_contents,
)


def configure(level: str) -> dict[str, Any]:
    """Set structlog up, and return Django's ``LOGGING`` for the rest.

    Celery takes over the root logger unless its ``setup_logging`` signal is connected.
    """
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": SHARED,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": formatter},
        "filters": {"without_path": {"()": WithoutPath}, "without_error": {"()": WithoutError}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # A refused request is one line of ours already; Django's would add the path.
            "django.request": {"level": "ERROR", "filters": ["without_path"]},
            "django.security": {"level": "ERROR"},
            "celery.app.trace": {"filters": ["without_error"]},
        },
    }
