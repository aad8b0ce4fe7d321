"""vLLM's documented requests and replies, checked where they come in."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

from inference.api import (
    DeadlineExceeded,
    EngineError,
    EngineStopped,
    InvalidRequest,
    QueueFull,
    UnknownModel,
)
from inference.backends.reading import Unreadable

MAX_REPLY_BYTES = 16 << 20
ERRORS: Mapping[int, type[EngineError]] = {
    400: InvalidRequest,
    404: UnknownModel,
    413: InvalidRequest,
    422: InvalidRequest,
    429: QueueFull,
    503: QueueFull,
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A completion's choices by prompt, and what it cost."""

    choices: list[dict[str, Any]]
    prompt_tokens: int
    cached_tokens: int


class Client:
    """One server; safe from any thread. Every call may raise an EngineError, none repeats itself."""

    def __init__(self, url: str, *, key: str, ca_file: str, connect_s: float, timeout_s: float) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._verify: str | bool = ca_file or True
        self._connect_s = connect_s
        self._timeout_s = timeout_s
        self._sessions = threading.local()

    def models(self) -> dict[str, int]:
        """Windows of the served models by name."""
        listed = self._get("/v1/models")
        try:
            return {str(model["id"]): int(model["max_model_len"]) for model in listed["data"]}
        except (KeyError, TypeError, ValueError) as error:
            raise Unreadable("the list of models cannot be read") from error

    def version(self) -> str:
        """The server's version."""
        return str(self._get("/version").get("version", "unknown"))

    def complete(self, asked: Mapping[str, Any], limit_s: float) -> Reply:
        """One completion for every prompt."""
        body = self._read(self._call("POST", "/v1/completions", limit_s, json=dict(asked)), limit_s)
        try:
            choices = sorted(body["choices"], key=lambda choice: int(choice["index"]))
            usage = body["usage"]
            cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
            return Reply(choices, int(usage["prompt_tokens"]), int(cached))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unreadable("the completion cannot be read") from error

    def stream(self, asked: Mapping[str, Any], limit_s: float) -> Iterator[dict[str, Any]]:
        """Chunks of one completion as they come. Leaving the loop closes the connection, which aborts it."""
        ends_at = time.monotonic() + limit_s
        options = {"stream": True, "stream_options": {"include_usage": True}}
        with self._call("POST", "/v1/completions", limit_s, json=dict(asked) | options) as response:
            try:
                for line in response.iter_lines(chunk_size=1):
                    if time.monotonic() > ends_at:
                        raise DeadlineExceeded("the server took too long")
                    if line == b"data: [DONE]":
                        return
                    if line.startswith(b"data: "):
                        yield _chunk(line[6:])
            except requests.RequestException as error:
                raise _lost(error) from None
        raise Unreadable("the stream ended early")

    def _get(self, path: str) -> dict[str, Any]:
        return self._read(self._call("GET", path, self._timeout_s), self._timeout_s)

    def _call(self, method: str, path: str, limit_s: float, **content: Any) -> requests.Response:
        try:
            response = self._session().request(
                method,
                self._url + path,
                timeout=(min(self._connect_s, limit_s), limit_s),
                allow_redirects=False,
                stream=True,
                headers=self._headers,
                verify=self._verify,
                **content,
            )
        except requests.RequestException as error:
            raise _lost(error) from None  # its text names the address, and may quote what was sent
        if response.status_code != 200:
            response.close()
            kind = ERRORS.get(response.status_code, EngineError)
            raise kind(f"the server answered {response.status_code}")
        return response

    def _read(self, response: requests.Response, limit_s: float) -> dict[str, Any]:
        ends_at, content = time.monotonic() + limit_s, bytearray()
        with response:
            try:
                for piece in response.iter_content(1 << 16):
                    content += piece
                    if len(content) > MAX_REPLY_BYTES:
                        raise Unreadable("the reply is too large")
                    if time.monotonic() > ends_at:
                        raise DeadlineExceeded("the server took too long")
                body = json.loads(content)
            except requests.RequestException as error:
                raise _lost(error) from None
            except ValueError:
                raise Unreadable("the reply is not JSON") from None
        if not isinstance(body, dict):
            raise Unreadable("the reply is not an object")
        return body

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._sessions, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False  # a proxy named by the environment would see records
            self._sessions.session = session
        return session


def label_logprobs(reply: Reply, labels: Sequence[Sequence[int]]) -> list[list[float]]:
    """Log-probabilities of each prompt's labels, in order. Raises Unreadable if one is missing."""
    try:
        tables = [choice["logprobs"]["top_logprobs"][0] for choice in reply.choices]
        rows = [
            [float(table[f"token_id:{label}"]) for label in asked] for table, asked in zip(tables, labels, strict=True)
        ]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise Unreadable("a label's log-probability is missing") from error
    return rows


def _chunk(data: bytes) -> dict[str, Any]:
    try:
        chunk = json.loads(data)
    except ValueError:
        raise Unreadable("a piece of the stream is not JSON") from None
    if not isinstance(chunk, dict) or "error" in chunk:
        raise Unreadable("the server broke off")
    return chunk


def _lost(error: requests.RequestException) -> EngineError:
    if isinstance(error, requests.ReadTimeout):
        return DeadlineExceeded("the server took too long")
    return EngineStopped("the server cannot be reached")
