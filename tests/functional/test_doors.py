"""gRPC and OpenAI's interface with everything real: processes, roles of PostgreSQL, Redis, and a checkpoint."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from apps.generation.rpc import inference_pb2 as messages
from inference.checkpoints import write_sums
from settings import roles
from settings.env import ROOT
from tests.chaos.bank import WEB, free_port
from tests.chaos.world import MANAGE, World, wait_for
from tests.inference.engine.writers import make_writer

pytestmark = pytest.mark.timeout(600)

TEMPLATE = "{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}"
PROMPT = "The amount is high."


@dataclass(frozen=True, kw_only=True)
class Site:
    """An installation that is up, and a bank's key to it."""

    world: World
    key: str
    web: int
    rpc: int

    def post(self, path: str, **told: Any) -> str:
        """What the web process answers."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        body = json.dumps({"model": "writer", "seed": 1} | told).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.web}{path}", body, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(answer.read().decode())

    def chat(self, **told: Any) -> Any:
        """A conversation of one turn."""
        return json.loads(self.post("/v1/chat/completions", messages=[{"role": "user", "content": PROMPT}], **told))

    def generate(self, **told: Any) -> list[messages.GenerateResponse]:
        """What the gRPC process streams."""
        metadata = (("authorization", f"Bearer {self.key}"),)
        with grpc.insecure_channel(f"127.0.0.1:{self.rpc}") as channel:
            call = channel.unary_stream(
                "/assay.v1.Inference/Generate",
                request_serializer=messages.GenerateRequest.SerializeToString,
                response_deserializer=messages.GenerateResponse.FromString,
            )
            return list(call(messages.GenerateRequest(model="writer", **told), timeout=60, metadata=metadata))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The installation, with a tiny checkpoint that has words of its own."""
    checkpoints = tmp_path_factory.mktemp("checkpoints")
    folder = make_writer(checkpoints / "writer")
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    write_sums(folder)
    world = World(tmp_path_factory.mktemp("state"))
    world.environment |= {"ASSAY_CHECKPOINTS": str(checkpoints), "DJANGO_SETTINGS_MODULE": "settings.test"}
    try:
        yield started(world, folder)
    finally:
        world.close()


def started(world: World, folder: Path) -> Site:
    """Register the checkpoint, let a bank in, start the processes and wait until they are ready."""
    world.manage("register_model", str(folder), "--name", "writer", "--version", "1", "--alias", "champion")
    world.manage("create_institution", "First Bank", "--kind", "bank")
    asked = ["create_api_client", "First Bank", "core", "--mode", "test"]
    made = subprocess.run(
        [*MANAGE, *asked], env=world.environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    web, rpc, probe, worker = (free_port() for _ in range(4))
    world.worker("inference", ASSAY_WORKER_PORT=str(worker), ASSAY_ENGINE_THREADS="1")
    world.start("web", [*WEB, "--port", str(web)], role=roles.APP)
    ports = {"ASSAY_GRPC_PORT": str(rpc), "ASSAY_GRPC_PROBE_PORT": str(probe)}
    world.start("grpc", [*MANAGE, "grpc"], role=roles.APP, **ports)
    for port in (worker, web, probe):
        wait_for(lambda port=port: is_ready(port), timeout_s=240, what=f"nobody is ready at {port}")  # type: ignore[misc]
    key = next(word for word in made.stdout.split() if word.startswith("ak_test_"))
    return Site(world=world, key=key, web=web, rpc=rpc)


def is_ready(port: int) -> bool:
    """Whether a process says so."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_a_conversation_goes_through_the_checkpoints_own_template(site: Site):
    told = site.chat(temperature=0, max_tokens=12)

    assert told["usage"]["completion_tokens"] <= 12
    assert told["usage"]["prompt_tokens"] >= 4
    assert told["choices"][0]["finish_reason"] in {"stop", "length"}
    assert len(told["system_fingerprint"]) == 12


def test_a_stream_a_whole_answer_and_grpc_write_the_same_text(site: Site):
    asked = {"prompt": PROMPT, "temperature": 0, "max_tokens": 12}

    whole = json.loads(site.post("/v1/completions", **asked))["choices"][0]["text"]
    parts = site.generate(prompt=PROMPT, max_tokens=12)
    lines = site.post("/v1/completions", stream=True, **asked).split("\n\n")

    chunks = [json.loads(line.removeprefix("data: ")) for line in lines if line and "[DONE]" not in line]
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == whole
    assert "".join(part.delta for part in parts) == whole
    assert parts[-1].written.finish_reason in {"stop", "length"}


def test_a_second_turn_finds_the_first_one_read(site: Site):
    text = PROMPT * 8

    first, second = (site.generate(prompt=text, max_tokens=4)[-1].written.usage for _ in range(2))

    assert second.cached_tokens > first.cached_tokens
    assert second.prompt_tokens == first.prompt_tokens


def test_a_closed_list_and_a_schema_hold_at_both_doors(site: Site):
    schema: dict[str, Any] = {"type": "object", "properties": {"risk": {"type": "boolean"}}, "required": ["risk"]}
    schema |= {"additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}

    chosen = site.generate(prompt=PROMPT, choices=["high", "low"])
    described = site.chat(response_format=wanted, temperature=0, max_tokens=64)

    assert "".join(part.delta for part in chosen) in {"high", "low"}
    assert set(json.loads(described["choices"][0]["message"]["content"])) == {"risk"}


def test_the_grpc_process_tells_its_health_and_ends_in_order(site: Site):
    with grpc.insecure_channel(f"127.0.0.1:{site.rpc}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        status = stub.Check(health_pb2.HealthCheckRequest(service="assay.v1.Inference"), timeout=10).status

    grpc_process = site.world._processes[-1]
    grpc_process.terminate()

    assert status == health_pb2.HealthCheckResponse.SERVING
    assert grpc_process.wait(timeout=30) == 0
