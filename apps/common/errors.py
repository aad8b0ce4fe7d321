"""Kinds of domain error. The API turns a kind into a status; the domain never knows of HTTP."""


class DomainError(Exception):
    """Something a caller did or met that the domain refuses, in words fit to show them.

    Attributes:
        code: stable, machine-readable name of the refusal.
        pointer: JSON pointer to the field at fault, or "" for the whole.
        retry_after_s: when trying again may help, or None if it will not.
    """

    code = "error"
    retry_after_s: float | None = None

    def __init__(self, detail: str, *, code: str | None = None, pointer: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.pointer = pointer


class InvalidInput(DomainError):
    """The request says something that cannot be so."""

    code = "invalid"


class NotFound(DomainError):
    """There is no such thing, or it belongs to somebody else: the two look the same."""

    code = "not_found"


class Conflict(DomainError):
    """The thing is not in a state that allows this."""

    code = "conflict"


class Overloaded(DomainError):
    """More work than can be done in time; try again after ``retry_after_s``."""

    code = "overloaded"

    def __init__(self, detail: str, *, retry_after_s: float) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Unavailable(DomainError):
    """Something Assay depends on does not answer now."""

    code = "unavailable"
    retry_after_s = 5.0
