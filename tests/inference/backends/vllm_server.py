"""A server on this machine that answers in the shapes vLLM documents, from a tiny model's own forward pass.

It knows what the adapter relies on: `/v1/models`, `/version`, and `/v1/completions` with `logprob_token_ids`,
`cache_salt`, `priority`, `return_token_ids` and server-sent events.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

BLOCK = 16


class VllmServer:
    """What the server is told, and what it was asked.

    Attributes:
        asked: bodies of every completion, in order.
        open: completions wait for it.
        inside: set when one waits, or has waited.
        status: of every completion; anything but 200 is answered with an error that quotes the prompt.
        with_priorities: whether it was started with ``--scheduling-policy priority``.
        with_labels: whether it is new enough for ``logprob_token_ids``.
    """

    def __init__(self, model: PreTrainedModel, *, key: str = "") -> None:
        self.model, self.key = model, key
        self.asked: list[dict[str, Any]] = []
        self.open, self.inside = threading.Event(), threading.Event()
        self.open.set()
        self.status, self.with_priorities, self.with_labels = 200, True, True
        self._cached: set[tuple[str | None, tuple[int, ...]]] = set()
        self._lock = threading.Lock()

    @torch.inference_mode()
    def logprobs(self, prompt: list[int]) -> Tensor:
        """[V] of the next token."""
        return torch.log_softmax(self.model(torch.tensor([prompt])).logits[0, -1].double(), dim=-1)

    def cached(self, salt: str | None, prompt: list[int]) -> int:
        """Tokens of a prompt that were read under its salt before; now all of them were."""
        prefixes = [(salt, tuple(prompt[:stop])) for stop in range(BLOCK, len(prompt), BLOCK)]
        with self._lock:
            found = sum(prefix in self._cached for prefix in prefixes) * BLOCK
            self._cached.update(prefixes)
        return found

    def refusal(self, body: dict[str, Any]) -> tuple[int, str] | None:
        """Status and message for what it does not accept."""
        if self.status != 200:
            return self.status, f"cannot serve {body['prompt']}"
        if body["model"] != "tiny":
            return 404, "The model does not exist."
        if body.get("priority", 0) and not self.with_priorities:
            return 400, "Got priority but Priority scheduling is not enabled."
        if "logprob_token_ids" in body and not self.with_labels:
            return 400, "extra inputs are not permitted"
        return None

    def complete(self, body: dict[str, Any]) -> dict[str, Any]:
        """One token for every prompt."""
        choices, total, cached = [], 0, 0
        for index, prompt in enumerate(body["prompt"]):
            row = self.logprobs(prompt)
            total, cached = total + len(prompt), cached + self.cached(body["cache_salt"], prompt)
            wanted = [int(row.argmax()), *body.get("logprob_token_ids", ())]
            table = {f"token_id:{token}": float(row[token]) for token in wanted}
            logprobs = {"tokens": [], "token_logprobs": [], "top_logprobs": [table], "text_offset": []}
            choices.append({"index": index, "text": "", "logprobs": logprobs, "finish_reason": "length"})
        usage = {"prompt_tokens": total, "total_tokens": total + len(choices), "completion_tokens": len(choices)}
        return {"choices": choices[::-1], "usage": usage | {"prompt_tokens_details": {"cached_tokens": cached}}}

    def chunks(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Greedy tokens one by one, then the usage."""
        line, stops = list(body["prompt"]), set(body.get("stop_token_ids", ()))
        for count in range(1, body["max_tokens"] + 1):
            row = self.logprobs(line)
            token = int(row.argmax())
            line.append(token)
            stopped = token in stops
            reason = "stop" if stopped else "length" if count == body["max_tokens"] else None
            choice = {"index": 0, "text": "" if stopped else f"<{token}>", "token_ids": [token]}
            choice |= {"finish_reason": reason, "stop_reason": token if stopped else None}
            choice["logprobs"] = {"token_logprobs": [float(row[token])]}
            yield {"choices": [choice]}
            if reason:
                break
        prompt = len(body["prompt"])
        yield {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": len(line) - prompt}}


class Handler(BaseHTTPRequestHandler):
    """HTTP around a `VllmServer`."""

    told: VllmServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        if self.told.key and self.headers["Authorization"] != f"Bearer {self.told.key}":
            return self._answer(401, {"error": "Unauthorized"})
        if self.path == "/v1/models":
            return self._answer(200, {"object": "list", "data": [{"id": "tiny", "max_model_len": 512}]})
        return self._answer(200, {"version": "0.28.0"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.told.asked.append(body)
        if refused := self.told.refusal(body):
            return self._answer(refused[0], {"error": {"message": refused[1], "code": refused[0]}})
        if not self.told.open.is_set():
            self.told.inside.set()
            self.told.open.wait(timeout=30)
        return self._stream(body) if body.get("stream") else self._answer(200, self.told.complete(body))

    def _stream(self, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):
            for chunk in self.told.chunks(body):
                self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
            self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        with suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Location", "/v1/models")
            self.end_headers()
            self.wfile.write(content)


@contextmanager
def listening(told: VllmServer) -> Iterator[str]:
    """The address of the server while it listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Told", (Handler,), {"told": told}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        told.open.set()
        server.shutdown()
        server.server_close()
        thread.join()
