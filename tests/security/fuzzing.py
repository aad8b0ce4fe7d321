"""Requests made up from an OpenAPI description, for a server that runs."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

PHASES = ("examples", "coverage", "fuzzing", "stateful")

# Not asked: whether everything the schema allows is accepted. A card number's check digit, a clock that runs
# ahead or a rule's facts are told in words, not in JSON Schema.
UNASKED = {"positive_data_acceptance": {"enabled": False}}
# A text beyond its longest may make a body beyond its largest: 413 refuses it too, which the tool does not know.
REFUSALS = ["400", "401", "403", "404", "405", "406", "409", "411", "413", "415", "422", "428", "429"]
CHECKS = UNASKED | {"negative_data_rejection": {"expected-statuses": REFUSALS}}


@schemathesis.serializer("application/x-ndjson", "text/csv")
def as_lines(_context: Any, value: Any) -> bytes:
    """One value as one line of a batch; text and bytes as they are."""
    if isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else json.dumps(value)).encode("utf-8", "replace")


@dataclass(kw_only=True)
class Found:
    """What a run found.

    Attributes:
        cases: requests that were answered.
        operations: the operations they went to.
        statuses: how often each status was answered.
        failures: what was wrong, once per operation and kind.
        answers: those that were wrong: check, method, address, status and the answer's beginning.
        errors: what kept the tool itself from working.
    """

    cases: int = 0
    operations: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    answers: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def server_errors(self) -> int:
        """Answers of 5xx."""
        return sum(count for status, count in self.statuses.items() if status >= 500)


def fuzz(
    description: dict[str, Any],
    url: str,
    *,
    key: str,
    cases_an_operation: int,
    seed: int,
    phases: tuple[str, ...] = PHASES,
) -> Found:
    """Send valid, invalid and unauthorized requests to every operation, and check every answer."""
    config = SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "base-url": url,
            "headers": {"Authorization": f"Bearer {key}", "Prefer": "wait=0"},
            "continue-on-failure": True,
            "checks": CHECKS,
            "generation": {"max-examples": cases_an_operation, "database": "none", "no-shrink": True},
            "phases": {name: {"enabled": name in phases} for name in PHASES},
        }
    )
    found = Found()
    for event in from_schema(schemathesis.openapi.from_dict(description, config=config)).execute():
        _count(event, found)
    return found


def _count(event: object, found: Found) -> None:
    if isinstance(event, events.NonFatalError):
        found.errors.append(f"{event.label}: {event.value!r}"[:500])
    elif isinstance(event, events.FatalError):
        found.errors.append(repr(event.exception))
    elif isinstance(event, events.ScenarioFinished):
        found.operations.add(event.recorder.label)
        for interaction in event.recorder.interactions.values():
            found.cases += 1
            found.statuses[interaction.response.status_code if interaction.response else 0] += 1
        for case, checks in event.recorder.checks.items():
            for check in checks:
                if check.status == Status.FAILURE and check.failure_info is not None:
                    found.failures[f"{event.recorder.label}: {check.name}"] += 1
                    found.answers.append(f"{check.name}: {_told(event.recorder.interactions.get(case))}")


def _told(interaction: Any) -> str:
    if interaction is None or interaction.response is None:
        return "no answer"
    asked, answer = interaction.request, interaction.response
    return f"{asked.method} {asked.uri[:200]} {answer.status_code} {answer.content[:300]!r}"
