"""What the gRPC server offers. A domain registers its own when Django starts."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.api.limits.policies import Kind

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from apps.rpc.calls import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method of one service.

    Attributes:
        service: full name, e.g. ``assay.v1.RiskScoring``.
        scopes: what a caller must have been granted, all of them.
        limited_as: the kind of request it counts as.
        answer: gives one response; None for a method that streams.
        stream: gives one response after the other; None for a method that answers once.
        location: REST's address of what a response is about, under which erasure forgets kept answers. A method
            that names one is done once for each ``idempotency-key``, which its calls must then send.

    Raises:
        ValueError: it neither answers nor streams, or both.
    """

    service: str
    name: str
    request: "type[Message]"
    response: "type[Message]"
    scopes: tuple[str, ...]
    limited_as: Kind
    answer: "Callable[[Call, Any], Message] | None" = None
    stream: "Callable[[Call, Any], Iterator[Message]] | None" = None
    location: "Callable[[Any], str] | None" = None

    def __post_init__(self) -> None:
        if (self.answer is None) == (self.stream is None):
            raise ValueError(f"{self.path} is to answer once or to stream")

    @property
    def path(self) -> str:
        """Where HTTP/2 finds it, e.g. ``/assay.v1.RiskScoring/Assess``."""
        return f"/{self.service}/{self.name}"


Loader = Callable[[], Iterable[Method]]

_LOADERS: dict[str, Loader] = {}


def register(name: str, loader: Loader) -> None:
    """Let a domain's methods be served; ``loader`` is called in a gRPC process alone, so that others load no protobuf.

    Raises:
        ValueError: the name already means something else.
    """
    if _LOADERS.setdefault(name, loader) is not loader:
        raise ValueError(f"methods of {name!r} are registered twice")


def registered() -> list[Method]:
    """All methods of all domains, by path."""
    methods = [method for name in sorted(_LOADERS) for method in _LOADERS[name]()]
    return sorted(methods, key=lambda method: method.path)
