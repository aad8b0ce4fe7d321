"""What is to be written, as a value: free of Django, of torch and of any door."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

MOST_TOKENS, MOST_STOPS, MOST_CHOICES, MOST_CHARACTERS = 4096, 4, 64, 200_000
ROLES = ("system", "user", "assistant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation."""

    role: str
    content: str

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"a message is of {', '.join(ROLES)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A text to go on from, or a conversation to answer, and how.

    Attributes:
        model: name of a champion that generates.
        prompt: a text; "" where it is a conversation.
        messages: a conversation; empty where it is a text.
        seed: of the sampling; always known, so that a second attempt writes what the first did.
        stop: the text ends before one of these.
        json_schema: the text is JSON that this schema, as JSON text, accepts; "" for anything.
        choices: the text is one of these; empty for anything.
    """

    model: str
    prompt: str = ""
    messages: tuple[Message, ...] = ()
    max_tokens: int
    temperature: float
    top_p: float
    seed: int
    stop: tuple[str, ...] = ()
    json_schema: str = ""
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.prompt) == bool(self.messages):
            raise ValueError("either a prompt or messages")
        if self.json_schema and self.choices:
            raise ValueError("a schema or choices, not both")

    def document(self) -> dict[str, Any]:
        """The value as JSON."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Asked":
        """The inverse of `document`."""
        told = dict(document)
        messages = tuple(Message(**message) for message in told.pop("messages"))
        return cls(**told | {"messages": messages, "stop": tuple(told["stop"]), "choices": tuple(told["choices"])})
