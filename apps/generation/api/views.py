"""The OpenAI-compatible endpoint: a shape that many programs speak, over the same jobs as everything else."""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import uuid4

from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.limits.policies import Kind
from apps.api.views import ApiView
from apps.generation import following
from apps.generation.api import answers, schemas, streams
from apps.generation.api.errors import REFUSALS, handle
from apps.generation.api.serializers import ChatSerializer, CompletionSerializer, OpenAISerializer
from apps.generation.models import Generation
from apps.registry import services as registry

EVENTS = "text/event-stream"
GENERATE = ("inference.generate",)


class EventRenderer(JSONRenderer):
    """Lets a caller ask for events; what is refused before the first of them is JSON all the same."""

    media_type = EVENTS
    charset = None


class OpenAIView(ApiView):
    """Refuses in OpenAI's shape."""

    renderer_classes: "tuple[type[BaseRenderer], ...]" = (JSONRenderer, EventRenderer)

    def get_exception_handler(self) -> Callable[..., Response | None]:
        """OpenAI's."""
        return handle


class WritingView(OpenAIView):
    """Asks for a text, and answers with the whole or with its pieces.

    Attributes:
        asks: how the body is read.
        tells: how a finished text is told.
    """

    required_scopes = {"POST": GENERATE}
    limited_as = {"POST": Kind.GENERATION}

    asks: ClassVar[type[OpenAISerializer]]
    is_chat: ClassVar[bool]

    def write(self, request: Request) -> HttpResponseBase:
        """What ``post`` does, whichever of the two it is."""
        serializer = self.asks(data=request.data)
        asked = serializer.asked()
        told = serializer.validated_data
        common: dict[str, Any] = {"client": self.client, "asked": asked, "clock": timezone.now}
        common["deadline_s"] = told["deadline_ms"] / 1000
        if not told["stream"]:
            generation = following.written(**common)
            return Response(self.tells(generation))
        generation_id = uuid4()
        parts = streams.begun(following.pieces(generation_id=generation_id, **common), party=str(self.institution.pk))
        events = answers.events(
            parts,
            asked=asked,
            id_=f"{'chatcmpl' if self.is_chat else 'cmpl'}-{generation_id}",
            created=int(timezone.now().timestamp()),
            is_chat=self.is_chat,
            with_usage=told["stream_options"].get("include_usage", False),
        )
        return StreamingHttpResponse(events, content_type=EVENTS, headers={"X-Accel-Buffering": "no"})

    def tells(self, generation: Generation) -> dict[str, Any]:
        """The document of a finished text."""
        return answers.chat_document(generation) if self.is_chat else answers.completion_document(generation)


class ChatCompletionsView(WritingView):
    """Conversations."""

    asks = ChatSerializer
    is_chat = True

    @extend_schema(
        operation_id="chat_completions_create",
        tags=["openai"],
        request=ChatSerializer,
        responses={
            (200, "application/json"): schemas.ChatCompletionSerializer,
            (200, EVENTS): OpenApiTypes.STR,
            **REFUSALS,
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Answer a conversation.

        With `stream` as server-sent events that end with `[DONE]`. Members that Assay would not heed are refused.
        """
        return self.write(request)


class CompletionsView(WritingView):
    """Texts."""

    asks = CompletionSerializer
    is_chat = False

    @extend_schema(
        operation_id="completions_create",
        tags=["openai"],
        request=CompletionSerializer,
        responses={
            (200, "application/json"): schemas.TextCompletionSerializer,
            (200, EVENTS): OpenApiTypes.STR,
            **REFUSALS,
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Go on from a text. See chat completions."""
        return self.write(request)


class ModelsView(OpenAIView):
    """Models that generate."""

    required_scopes = {"GET": GENERATE}

    @extend_schema(
        operation_id="models_list", tags=["openai"], responses={200: schemas.WriterListSerializer, **REFUSALS}
    )
    def get(self, _request: Request) -> Response:
        """Every champion that generates text."""
        return Response({"object": "list", "data": [answers.model_document(found) for found in registry.writers()]})
