"""The demo's client: history and assessments over REST, as a bank's system would send them."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import httpx

from riskscore.anomalies import AnomalyType
from riskscore.events import Event
from settings.demo.story import Account, as_json

CLIENTS = 8
EVENTS_A_REQUEST = 500
WAIT_S = 10  # what a request asks for in Prefer; the default of 1 s would turn slow answers into 202
POLL_S = 0.05
GIVE_UP_S = 60.0


class HistoryRefusedError(RuntimeError):
    """Some of the history was not accepted; the message holds the first refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for one event.

    Attributes:
        planted: what the generator made of the event; the client knows it, Assay does not.
        latency_ms: from sending the request to holding the result.
        document: the assessment as JSON; empty if there was none.
        failure: why there was none, or "".
    """

    planted: AnomalyType
    latency_ms: float
    document: dict[str, Any]
    failure: str = ""


def tell(url: str, key: str, events: Sequence[Event], *, on_progress: Callable[[int], None]) -> int:
    """Send history as NDJSON, in order. Returns how many events were accepted.

    Raises:
        HistoryRefusedError: an event was rejected, or a request failed.
    """
    accepted = 0
    with _client(url, key) as client:
        for start in range(0, len(events), EVENTS_A_REQUEST):
            batch = events[start : start + EVENTS_A_REQUEST]
            body = "\n".join(json.dumps(as_json(event)) for event in batch)
            response = client.post("/api/v1/events", content=body, headers={"Content-Type": "application/x-ndjson"})
            if response.status_code != httpx.codes.ACCEPTED or response.json()["rejected"]:
                raise HistoryRefusedError(response.text[:500])
            accepted += int(response.json()["accepted"])
            on_progress(len(batch))
    return accepted


def assess(
    url: str, key: str, accounts: Sequence[Account], *, clients: int, on_answer: Callable[[], None]
) -> list[Answer]:
    """Have every account's events assessed by so many clients at once; within an account one after the other."""
    waiting: SimpleQueue[Account | None] = SimpleQueue()
    for account in [*accounts, *[None] * clients]:
        waiting.put(account)
    with ThreadPoolExecutor(clients) as pool:
        working = [pool.submit(_work, url, key, waiting, on_answer) for _ in range(clients)]
    return [answer for client in working for answer in client.result()]


def _work(url: str, key: str, waiting: "SimpleQueue[Account | None]", on_answer: Callable[[], None]) -> list[Answer]:
    answers = []
    with _client(url, key) as client:
        for account in iter(waiting.get, None):
            for answer in _life(client, account):
                answers.append(answer)
                on_answer()
    return answers


def _life(client: httpx.Client, account: Account) -> Iterator[Answer]:
    for item in account.assessed:
        started = time.perf_counter()
        try:
            document, failure = _assessed(client, item.event), ""
        except httpx.HTTPStatusError as error:
            document, failure = {}, f"{error.response.status_code} {error.response.text[:300]}"
        except httpx.HTTPError as error:
            document, failure = {}, type(error).__name__
        latency_ms = 1000 * (time.perf_counter() - started)
        yield Answer(planted=item.anomaly, latency_ms=latency_ms, document=document, failure=failure)


def _assessed(client: httpx.Client, event: Event) -> dict[str, Any]:
    """The completed assessment of an event."""
    response = client.post("/api/v1/risk/assessments", json=as_json(event), headers={"Idempotency-Key": event.id})
    response.raise_for_status()
    document: dict[str, Any] = response.json()
    deadline = time.monotonic() + GIVE_UP_S
    while document["status"] == "pending" and time.monotonic() < deadline:
        time.sleep(POLL_S)
        document = client.get(f"/api/v1/risk/assessments/{document['id']}").raise_for_status().json()
    return document


def _client(url: str, key: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}", "Prefer": f"wait={WAIT_S}"}
    return httpx.Client(base_url=url, headers=headers, timeout=GIVE_UP_S, trust_env=False)
