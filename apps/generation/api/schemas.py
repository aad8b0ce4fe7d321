"""What OpenAI's clients read, for the OpenAPI page; `apps.generation.api.answers` writes it."""

from typing import Any

from rest_framework import serializers

Base = serializers.Serializer[Any]


class CachedTokensSerializer(Base):
    """Where the prompt was read from."""

    cached_tokens = serializers.IntegerField(help_text="Read from the institution's own cache.")


class TokenUsageSerializer(Base):
    """Tokens read and written."""

    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    total_tokens = serializers.IntegerField()
    prompt_tokens_details = CachedTokensSerializer()


class AssistantSerializer(Base):
    """The answer's turn."""

    role = serializers.ChoiceField(["assistant"])
    content = serializers.CharField(allow_blank=True)


class ChatChoiceSerializer(Base):
    """The answer and why it ended."""

    index = serializers.IntegerField()
    message = AssistantSerializer()
    finish_reason = serializers.ChoiceField(["stop", "length"])


class CompletionChoiceSerializer(Base):
    """The text and why it ended."""

    index = serializers.IntegerField()
    text = serializers.CharField(allow_blank=True)
    logprobs = serializers.JSONField(allow_null=True)
    finish_reason = serializers.ChoiceField(["stop", "length"])


class HeadSerializer(Base):
    """What every completion begins with."""

    id = serializers.CharField()
    object = serializers.CharField()
    created = serializers.IntegerField(help_text="Seconds since 1970.")
    model = serializers.CharField()
    system_fingerprint = serializers.CharField(help_text="Of the checkpoint's digest.")


class ChatCompletionSerializer(HeadSerializer):
    """A finished chat completion."""

    choices = ChatChoiceSerializer(many=True)
    usage = TokenUsageSerializer()


class TextCompletionSerializer(HeadSerializer):
    """A finished text completion."""

    choices = CompletionChoiceSerializer(many=True)
    usage = TokenUsageSerializer()


class WriterSerializer(Base):
    """A champion that generates; ``version`` and ``digest`` are Assay's own."""

    id = serializers.CharField()
    object = serializers.ChoiceField(["model"])
    created = serializers.IntegerField()
    owned_by = serializers.CharField()
    version = serializers.CharField()
    digest = serializers.CharField()


class WriterListSerializer(Base):
    """Every champion that generates."""

    object = serializers.ChoiceField(["list"])
    data = WriterSerializer(many=True)  # type: ignore[assignment] # OpenAI's name of it
