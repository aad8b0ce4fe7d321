"""Whose rows the work at hand may touch. PostgreSQL asks it again: see the policies of row-level security.

Bound where a caller becomes known (a request that proved who it is, a job that was claimed) and carried
by a context variable, so that no query needs to be told. Nobody is the default, and nobody sees no rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Who(StrEnum):
    """On whose behalf work is done."""

    NOBODY = "nobody"
    INSTITUTION = "institution"
    OPERATOR = "operator"  # of the installation: institutions, clients, jobs and the trail, never a record
    SIGNING_IN = "signing-in"  # a person or a machine that has yet to prove who it is: credentials alone


@dataclass(frozen=True, slots=True)
class Scope:
    """What PostgreSQL is told before the next query.

    Attributes:
        institution_id: whose rows; None unless ``who`` is an institution.
    """

    who: Who
    institution_id: UUID | None = None


NOBODY = Scope(Who.NOBODY)
OPERATOR = Scope(Who.OPERATOR)
SIGNING_IN = Scope(Who.SIGNING_IN)

_scope: ContextVar[Scope] = ContextVar("scope", default=NOBODY)


def current() -> Scope:
    """The scope in force here."""
    return _scope.get()


def of(institution_id: UUID) -> Scope:
    """The scope of one institution's rows."""
    return Scope(Who.INSTITUTION, institution_id)


def enter(scope: Scope) -> None:
    """Put a scope in force until the edge that began this piece of work ends it. For edges alone."""
    _scope.set(scope)


@contextmanager
def entered(scope: Scope) -> Iterator[None]:
    """A scope for the length of a block; the one before it comes back, whatever happens."""
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)
