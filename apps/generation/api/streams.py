"""Streams of one web process: bounded, because each holds a thread after the gate has let its request go."""

from collections.abc import Iterator
from functools import cache

from django.conf import settings
from django.utils.translation import gettext as _

from apps.api.limits.door import Door, Reason
from apps.api.limits.metrics import REFUSED
from apps.common.errors import Overloaded, Unavailable
from apps.generation.models import Generation

RETRY_S = 1.0


@cache
def door() -> Door:
    """This process's."""
    return Door(settings.WEB_STREAMS)


def begun(parts: Iterator[str | Generation], *, party: str) -> Iterator[str | Generation]:
    """The parts, the first of them waited for, so that what is refused at once is refused by its status.

    The stream takes room, shared among institutions, until its end or until nobody reads on.

    Raises:
        Overloaded, Unavailable: there is no room.
    """
    reason = door().enter(party)
    if reason is not None:
        REFUSED.labels(reason=reason, route="stream").inc()
        raise _no_room(reason)
    try:
        first = next(parts)
    except BaseException:
        door().leave(party)
        raise
    return _rest(first, parts, party)


def _rest(first: str | Generation, parts: Iterator[str | Generation], party: str) -> Iterator[str | Generation]:
    try:
        yield first
        yield from parts
    finally:
        door().leave(party)


def _no_room(reason: Reason) -> Overloaded | Unavailable:
    if reason is Reason.FULL:
        full = Unavailable(_("Too many requests are being answered. Try again soon."), code="overloaded")
        full.retry_after_s = RETRY_S
        return full
    return Overloaded(_("Too many of your requests are being answered already."), retry_after_s=RETRY_S)
