"""S4: requests made up from docs/api/openapi.yaml, for a web process as it runs in production.

Granian serves it on a database of its own, connected as the role that row-level security binds. Rates are raised
for it, so that limits do not answer in the place of what they guard.
"""

import copy
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import yaml

from apps.api.limits.policies import Kind
from settings.env import ROOT
from tests.house.installation import database, manage, serving
from tests.security.fuzzing import Found, fuzz

DESCRIPTION: dict[str, Any] = yaml.safe_load((ROOT / "docs/api/openapi.yaml").read_text())
# A line that does not fit is rejected by itself, in an answer of 202, so that no content of these kinds is refused.
for path, kind in (("events", "application/x-ndjson"), ("batches", "application/x-ndjson"), ("batches", "text/csv")):
    DESCRIPTION["paths"][f"/api/v1/{path}"]["post"]["requestBody"]["content"][kind]["schema"] = {}
OPERATIONS = sum(len(methods) for methods in DESCRIPTION["paths"].values())
GENEROUS = ",".join(f"{kind}=10000000" for kind in Kind)
SEED = 20_261_124
CASES = 10_000
FEW = ("examples", "fuzzing")


@pytest.fixture(scope="module")
def served(redis_server: None) -> Iterator[tuple[str, str]]:
    """Address of a bank's installation, and a key that may do everything there."""
    with database("assay_fuzz_test") as url:
        for command in (["prepare"], ["seed_bank", "First Bank"]):
            done = manage(url, *command)
            assert done.returncode == 0, done.stderr[-2000:]
        made = manage(url, "create_api_client", "First Bank", "core banking", "--mode", "test")
        with serving(url, ASSAY_LIMITS=GENEROUS) as address:
            yield address, made.stdout.split()[-1]


class AnythingGoes(BaseHTTPRequestHandler):
    """Takes whatever it is sent, from whoever sends it."""

    def do_GET(self) -> None:
        """Answer 200 with nothing much in it."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_QUERY = do_GET  # noqa: N815

    def log_message(self, *_arguments: Any) -> None:
        """Keep quiet."""


class Falls(AnythingGoes):
    """Answers some of what it is sent with 500."""

    def send_response(self, code: int, message: str | None = None) -> None:
        """500 for every method that brings a body."""
        super().send_response(500 if self.command in {"POST", "PUT"} else code, message)


def found_at(handler: type[BaseHTTPRequestHandler]) -> Found:
    """What is found at a server of this kind."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        return fuzz(DESCRIPTION, f"http://127.0.0.1:{server.server_port}", key="k", cases_an_operation=4, seed=SEED)
    finally:
        server.shutdown()


def kinds(found: Found) -> set[str]:
    """Which checks failed."""
    return {failure.rpartition(": ")[2] for failure in found.failures}


def wrong(description: dict[str, Any]) -> dict[str, Any]:
    """A description whose every answer of 200 or 201 has a member that no answer has."""
    changed = copy.deepcopy(description)
    for schema in changed["components"]["schemas"].values():
        if schema.get("type") == "object":
            schema["required"] = [*schema.get("required", []), "never_there"]
    return changed


def test_a_few_hundred_made_up_requests_find_nothing(served, capsys):
    address, key = served

    found = fuzz(DESCRIPTION, address, key=key, cases_an_operation=8, seed=SEED, phases=FEW)

    with capsys.disabled():
        print(f"\nschema fuzz, small: {found.cases} cases, {dict(found.failures)}")
    assert found.errors == []
    assert found.failures == {}
    assert found.cases >= 200


def test_a_description_that_is_wrong_is_found_out(served):
    address, key = served

    found = fuzz(wrong(DESCRIPTION), address, key=key, cases_an_operation=4, seed=SEED, phases=FEW)

    assert "response_schema_conformance" in kinds(found)


@pytest.mark.security
@pytest.mark.timeout(1800)
def test_ten_thousand_made_up_requests_find_nothing(served, capsys):
    address, key = served

    found = fuzz(DESCRIPTION, address, key=key, cases_an_operation=max(100, CASES // OPERATIONS), seed=SEED)

    with capsys.disabled():
        print(f"\nS4: {found.cases} cases, {found.server_errors} x 5xx, violations {dict(found.failures)}")
        print("\n".join(found.answers[:20]))
    assert found.errors == []
    assert found.server_errors == 0
    assert found.failures == {}
    assert found.cases >= CASES


@pytest.mark.security
@pytest.mark.timeout(600)
def test_the_same_requests_find_a_server_that_takes_anything(capsys):
    found = found_at(AnythingGoes)

    with capsys.disabled():
        print(f"\nS4 control: {found.cases} cases, {found.failures.total()} violations of {len(kinds(found))} kinds")
    assert kinds(found) >= {"ignored_auth", "negative_data_rejection", "response_schema_conformance"}


@pytest.mark.security
@pytest.mark.timeout(600)
def test_the_same_requests_find_a_server_that_falls():
    assert "not_a_server_error" in kinds(found_at(Falls))
