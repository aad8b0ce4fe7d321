"""Generations as OpenAI's clients read them; `apps.generation.api.schemas` describes the same."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.utils.translation import gettext as _

from apps.api.problems import Problem, log
from apps.generation.api.errors import document, problem_told
from apps.generation.asked import Asked
from apps.generation.models import Generation
from apps.registry.models import ModelVersion

DONE = "data: [DONE]\n\n"


def chat_document(generation: Generation) -> dict[str, Any]:
    """A finished chat completion."""
    message = {"role": "assistant", "content": generation.text}
    choice = {"index": 0, "message": message, "finish_reason": generation.finish_reason}
    return _head(generation, "chat.completion", "chatcmpl") | {"choices": [choice], "usage": usage(generation)}


def completion_document(generation: Generation) -> dict[str, Any]:
    """A finished text completion."""
    choice = {"index": 0, "text": generation.text, "logprobs": None, "finish_reason": generation.finish_reason}
    return _head(generation, "text_completion", "cmpl") | {"choices": [choice], "usage": usage(generation)}


def usage(generation: Generation) -> dict[str, Any]:
    """Tokens read and written."""
    prompt, written = generation.prompt_tokens or 0, generation.completion_tokens or 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
        "prompt_tokens_details": {"cached_tokens": generation.cached_tokens or 0},
    }


def model_document(version: ModelVersion) -> dict[str, Any]:
    """A champion that generates."""
    return {
        "id": version.name,
        "object": "model",
        "created": int(version.created_at.timestamp()),
        "owned_by": "assay",
        "version": version.version,
        "digest": version.digest,
    }


def events(
    parts: Iterable[str | Generation], *, asked: Asked, id_: str, created: int, is_chat: bool, with_usage: bool
) -> Iterator[str]:
    """Server-sent events of a stream: chunks, the end, usage where asked for, and ``[DONE]``; or an error."""
    kind = "chat.completion.chunk" if is_chat else "text_completion"
    head = {"id": id_, "object": kind, "created": created, "model": asked.model}
    if is_chat:
        yield _event(head | {"choices": [_chunk({"role": "assistant", "content": ""}, None)]})
    try:
        for part in parts:
            if isinstance(part, Generation):
                yield _event(head | {"choices": [_part(is_chat, "", part.finish_reason)]})
                if with_usage:
                    yield _event(head | {"choices": [], "usage": usage(part)})
            else:
                yield _event(head | {"choices": [_part(is_chat, part, None)]})
    except Exception as raised:  # noqa: BLE001 - the status went out long ago, so the stream says it
        yield _event(document(_problem(raised)))
    yield DONE


def _problem(raised: Exception) -> Problem:
    problem = problem_told(raised)
    if problem is None:
        log.exception("stream.failed")
        detail = _("An unexpected error was recorded under this request's id.")
        problem = Problem(status=500, code="internal_error", detail=detail)
    return problem


def _part(is_chat: bool, text: str, finish_reason: str | None) -> dict[str, Any]:  # noqa: FBT001
    if is_chat:
        return _chunk({"content": text} if text else {}, finish_reason)
    return {"index": 0, "text": text, "logprobs": None, "finish_reason": finish_reason}


def _chunk(delta: dict[str, str], finish_reason: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason}


def _head(generation: Generation, kind: str, prefix: str) -> dict[str, Any]:
    return {
        "id": f"{prefix}-{generation.pk}",
        "object": kind,
        "created": int(generation.created_at.timestamp()),
        "model": generation.model,
        "system_fingerprint": generation.model_digest[:12],
    }


def _event(told: dict[str, Any]) -> str:
    return f"data: {json.dumps(told, ensure_ascii=False)}\n\n"
