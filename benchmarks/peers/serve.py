"""The entrant's side of the pipe: ``python -m benchmarks.peers.serve CLASS MODEL THREADS``.

Requests and replies are lines of JSON. What libraries print goes to standard error. The clock runs here, so
that the pipe costs nobody anything.
"""

import json
import os
import sys
import time
from dataclasses import asdict
from importlib import import_module
from resource import RUSAGE_SELF, getrusage
from typing import Any

from benchmarks.peers.work import Batch, Entrant


def main(path: str, model: str, threads: str) -> None:
    """Answer until standard input ends."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    module, _, name = path.partition(":")
    entrant: Entrant = getattr(import_module(module), name)(model, int(threads))
    _tell(replies, {"ready": True})
    for line in sys.stdin:
        _tell(replies, handle(entrant, json.loads(line)))


def handle(entrant: Entrant, request: dict[str, Any]) -> dict[str, Any]:
    """Do what one line asks; a failure is told, not raised, since other settings may do better."""
    try:
        if request["do"] == "settings":
            return {"settings": entrant.settings(request["task"])}
        if request["do"] == "use":
            entrant.use(request["setting"])
            return {}
        batch = Batch(**request["batch"])
        started = time.perf_counter()
        answers = entrant.answer(batch)
        seconds = time.perf_counter() - started
    except Exception as error:  # noqa: BLE001 - the pipe's outermost edge
        return {"error": f"{type(error).__name__}: {error}"[:500]}
    return {"seconds": seconds, "answers": asdict(answers), "peak_mb": getrusage(RUSAGE_SELF).ru_maxrss // 1024}


def _tell(replies: Any, reply: dict[str, Any]) -> None:
    replies.write(json.dumps(reply) + "\n")
    replies.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
