"""What callers ask of a model in words, read strictly into values; options that would be dropped are refused."""

import json
import math
import secrets
from decimal import Decimal
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from apps.api.serializers import StrictSerializer, StrictTextField, UnprocessableBody
from apps.generation.asked import MOST_CHARACTERS, MOST_CHOICES, MOST_STOPS, MOST_TOKENS, ROLES, Asked, Message

DEFAULT_TOKENS = 256
SHORTEST_DEADLINE_S, DEFAULT_DEADLINE_S, LONGEST_DEADLINE_S = 0.05, 30.0, 60.0
SEEDS = 2**63


class WholeField(serializers.IntegerField):
    """A whole number, not as text."""

    def to_internal_value(self, data: Any) -> int:
        """The number."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


class ShareField(serializers.FloatField):
    """A number with a fraction, not as text."""

    def to_internal_value(self, data: Any) -> float:
        """The number."""
        if isinstance(data, bool) or not isinstance(data, int | Decimal) or not math.isfinite(data):
            self.fail("invalid")
        return super().to_internal_value(float(data))


class SwitchField(serializers.BooleanField):
    """true or false, and not what might be meant by it."""

    def to_internal_value(self, data: Any) -> bool:
        """The flag."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


def text(**kwargs: Any) -> StrictTextField:
    """Text as told, nothing trimmed."""
    return StrictTextField(trim_whitespace=False, max_length=MOST_CHARACTERS, **kwargs)


def texts(most: int, **kwargs: Any) -> serializers.ListField:
    """Some texts, none of them empty."""
    return serializers.ListField(child=text(), max_length=most, required=False, default=list, **kwargs)


class MessageSerializer(StrictSerializer):
    """One turn of a conversation."""

    role = serializers.ChoiceField(list(ROLES))
    content = text(allow_blank=True)


class SamplingSerializer(StrictSerializer):
    """How a text goes on, whichever door asked for it."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "both": _("A schema or choices can be followed, not both."),
        "schema": _("This is not a JSON Schema."),
    }

    model = text()
    max_tokens = WholeField(min_value=1, max_value=MOST_TOKENS, default=DEFAULT_TOKENS)
    temperature = ShareField(min_value=0.0, max_value=2.0, default=1.0)
    top_p = ShareField(min_value=0.001, max_value=1.0, default=1.0)
    seed = WholeField(min_value=0, max_value=SEEDS - 1, default=None, allow_null=True)
    choices = texts(MOST_CHOICES, help_text=_("The text is one of these."))

    def asked(self) -> Asked:
        """What is asked, as a value. Raises UnprocessableBody with all that is wrong."""
        told = dict(self.checked())
        schema = self.schema_of(told)
        if schema and told["choices"]:
            raise self._refused("choices", "both")
        seed = told["seed"]
        return Asked(
            model=told["model"],
            max_tokens=told["max_tokens"],
            temperature=told["temperature"],
            top_p=told["top_p"],
            seed=secrets.randbelow(SEEDS) if seed is None else seed,
            stop=tuple(told["stop"]),
            json_schema=schema,
            choices=tuple(dict.fromkeys(told["choices"])),
            **self.said(told),
        )

    def schema_of(self, told: dict[str, Any]) -> str:
        """The JSON Schema to follow, as text; "" for none."""
        raise NotImplementedError

    def said(self, told: dict[str, Any]) -> dict[str, Any]:
        """The prompt, or the messages."""
        raise NotImplementedError

    def _refused(self, name: str, code: str) -> UnprocessableBody:
        return UnprocessableBody({name: [ErrorDetail(str(self.error_messages[code]), code)]})


class GenerateSerializer(SamplingSerializer):
    """A text to go on from or a conversation to answer, as gRPC has it."""

    default_error_messages: ClassVar[dict[str, Any]] = {"one": _("Send either a prompt or messages.")}

    prompt = text(default="")
    messages = MessageSerializer(many=True, default=list)
    temperature = ShareField(min_value=0.0, max_value=2.0, default=0.0)
    stop = texts(MOST_STOPS)
    json_schema = text(default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Hold prompt and messages apart."""
        if bool(attrs["prompt"]) == bool(attrs["messages"]):
            raise ValidationError(self.error_messages["one"], code="one")
        return attrs

    def schema_of(self, told: dict[str, Any]) -> str:
        """As it came, if it is one."""
        if told["json_schema"] and not _is_schema(told["json_schema"]):
            raise self._refused("json_schema", "schema")
        return str(told["json_schema"])

    def said(self, told: dict[str, Any]) -> dict[str, Any]:
        """Either of them."""
        return {"prompt": told["prompt"], "messages": conversation(told["messages"])}


STOP: dict[str, Any] = {
    "oneOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": MOST_STOPS},
    ]
}


@extend_schema_field(STOP)
class StopField(serializers.Field):  # type: ignore[type-arg]
    """One text, or some of them."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": _("A stop is a text, or up to four of them.")}

    def to_internal_value(self, data: Any) -> list[str]:
        """The texts."""
        stops = [data] if isinstance(data, str) else data
        if not isinstance(stops, list) or len(stops) > MOST_STOPS:
            self.fail("invalid")
        if not all(isinstance(stop, str) and 0 < len(stop) <= MOST_CHARACTERS for stop in stops):
            self.fail("invalid")
        return stops

    def to_representation(self, value: Any) -> Any:
        """As it is."""
        return value


class ResponseFormatField(serializers.DictField):
    """``{"type": "text"}``, or ``{"type": "json_schema", "json_schema": {"name": …, "schema": {…}}}``."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "form": _("A response format is text, or json_schema with a schema; others are not offered."),
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The format, with a schema that is an object where there is one."""
        told: dict[str, Any] = super().to_internal_value(data)
        if told == {"type": "text"}:
            return told
        described = told.get("json_schema")
        known = set(told) == {"type", "json_schema"} and told["type"] == "json_schema" and isinstance(described, dict)
        if not known or not isinstance(described, dict) or set(described) - {"name", "schema", "strict", "description"}:
            self.fail("form")
        if not isinstance(described.get("schema"), dict):
            self.fail("form")
        return told


class StreamOptionsSerializer(StrictSerializer):
    """What a stream says beside the text."""

    include_usage = SwitchField(default=False)


class OpenAISerializer(SamplingSerializer):
    """What the two OpenAI-compatible endpoints share. ``deadline_ms`` and ``choices`` are Assay's own."""

    stop = StopField(default=list)
    n = WholeField(min_value=1, max_value=1, default=1)
    stream = SwitchField(default=False)
    stream_options = StreamOptionsSerializer(default=dict)
    response_format = ResponseFormatField(default=lambda: {"type": "text"})
    user = text(default="", allow_blank=True, help_text=_("Taken for compatibility; kept nowhere."))
    deadline_ms = WholeField(
        min_value=int(1000 * SHORTEST_DEADLINE_S),
        max_value=int(1000 * LONGEST_DEADLINE_S),
        default=int(1000 * DEFAULT_DEADLINE_S),
        help_text=_("After it nothing is written any more."),
    )

    def schema_of(self, told: dict[str, Any]) -> str:
        """Of the response format."""
        described = told["response_format"].get("json_schema")
        return json.dumps(described["schema"], default=str) if described else ""


class ChatSerializer(OpenAISerializer):
    """A conversation to answer."""

    messages = MessageSerializer(many=True, allow_empty=False)
    max_completion_tokens = WholeField(min_value=1, max_value=MOST_TOKENS, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Let the newer name of ``max_tokens`` count."""
        newer = attrs.pop("max_completion_tokens", None)
        return attrs | ({"max_tokens": newer} if newer else {})

    def said(self, told: dict[str, Any]) -> dict[str, Any]:
        """The messages."""
        return {"messages": conversation(told["messages"])}


class CompletionSerializer(OpenAISerializer):
    """A text to go on from."""

    prompt = text()

    def said(self, told: dict[str, Any]) -> dict[str, Any]:
        """The prompt."""
        return {"prompt": told["prompt"]}


def conversation(told: list[dict[str, str]]) -> tuple[Message, ...]:
    """Messages as values."""
    return tuple(Message(role=message["role"], content=message["content"]) for message in told)


def _is_schema(told: str) -> bool:
    try:
        return isinstance(json.loads(told), dict)
    except (ValueError, RecursionError):
        return False
