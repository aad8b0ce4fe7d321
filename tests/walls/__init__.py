"""Running a piece of the suite as the application does: by a role that the policies bind.

The suite's own connections are the owner's, whom no policy binds. Within `as_application` whatever this thread
asks is asked by the role, whichever physical connection the pool hands out; other threads stay what they are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db import connection

from apps.common import scope
from apps.common.postgresql import base
from apps.common.scope import Scope
from apps.tenants.walls import APP

OWNER = ""
_role: ContextVar[str] = ContextVar("role", default=OWNER)


@dataclass(frozen=True, slots=True)
class Played(Scope):
    """A scope, and the role that is to be played in it."""

    role: str = OWNER


def _in_force() -> Scope:
    now = scope.current()
    return Played(now.who, now.institution_id, _role.get())


def _telling(wanted: Scope) -> str:
    role = wanted.role if isinstance(wanted, Played) else OWNER
    return f"RESET ROLE; {_told(wanted)}" + (f"; SET ROLE {role}" if role else "")


_told = base.telling
base.telling = _telling
base.in_force = _in_force


@contextmanager
def as_application(role: str = APP) -> Iterator[None]:
    """Be ``assay_app`` or ``assay_worker`` while the block lasts."""
    token = _role.set(role)
    try:
        yield
    finally:
        _role.reset(token)


def rows(query: str, *parameters: Any) -> list[tuple[object, ...]]:
    """What a query answers in the scope and role of this moment."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters or None)
        return list(cursor.fetchall())
