"""One setting chooses, and what cannot do the work is refused before any work comes."""

import pytest

from inference.api import CheckpointRefused, Precision
from inference.backends.base import Ability, BackendRefused
from inference.backends.choice import BackendKind, VllmServer, Wanted, open_backend
from inference.config import Parallel
from inference.sealed import digest_of
from tests.checkpoints import config
from tests.inference.backends.vllm_server import VllmServer as Server
from tests.inference.backends.vllm_server import listening
from tests.inference.engine.requests import ask, tokens

RISK = frozenset({Ability.SCORE, Ability.EVENTS, Ability.SALT})


def wanted(path, **changes):
    settings = {"name": "tiny", "path": path, "digest": digest_of(path), "precision": Precision.FP32, "needs": RISK}
    return [Wanted(**settings | changes)]


@pytest.mark.parametrize("kind", [BackendKind.NATIVE, BackendKind.OPENVINO])
def test_what_reads_events_and_keeps_namespaces_apart_serves_risk(checkpoints, kind):
    backend = open_backend(kind, wanted(checkpoints["events"]), config(memory_mb=48))

    assert backend.submit(ask(tokens(3, seed=1))).result(timeout=60).answers
    backend.stop()


def test_a_checkpoint_without_events_is_refused_where_events_are_needed(checkpoints):
    with pytest.raises(BackendRefused, match="native cannot serve tiny: it lacks events"):
        open_backend(BackendKind.NATIVE, wanted(checkpoints["qwen3"]), config(memory_mb=48))


def test_a_vllm_server_is_refused_for_risk(checkpoints, plain):
    with (
        listening(Server(plain.model)) as url,
        pytest.raises(BackendRefused, match="vllm cannot serve tiny: it lacks events"),
    ):
        open_backend(BackendKind.VLLM, wanted(checkpoints["events"]), config(), server=VllmServer(url=url))


def test_a_vllm_server_serves_what_reads_tokens(checkpoints, plain):
    needs = RISK - {Ability.EVENTS}
    with listening(Server(plain.model)) as url:
        models = wanted(checkpoints["events"], needs=needs)
        backend = open_backend(BackendKind.VLLM, models, config(), server=VllmServer(url=url))

        assert backend.submit(ask(tokens(3, seed=1))).result(timeout=60).answers
        backend.stop()


def test_a_vllm_backend_needs_an_address(checkpoints):
    with pytest.raises(BackendRefused, match="ASSAY_VLLM_URL"):
        open_backend(BackendKind.VLLM, wanted(checkpoints["events"]), config())


@pytest.mark.parametrize("kind", [BackendKind.NATIVE, BackendKind.OPENVINO])
def test_another_checkpoint_than_the_registered_is_refused(checkpoints, kind):
    with pytest.raises(CheckpointRefused, match="digest"):
        open_backend(kind, wanted(checkpoints["events"], digest="0" * 64), config(memory_mb=48))


@pytest.mark.parametrize(
    ("kind", "device", "complaint"),
    [(BackendKind.OPENVINO, "cpu", "openvino is not divided"), (BackendKind.NATIVE, "cuda:0", "on a CPU only")],
)
def test_what_cannot_be_divided_is_refused(checkpoints, kind, device, complaint):
    settings = config(device=device, parallel=Parallel(tensor=2))

    with pytest.raises(BackendRefused, match=complaint):
        open_backend(kind, wanted(checkpoints["events"]), settings)


def test_a_backend_that_does_not_exist_is_refused_with_a_hint():
    with pytest.raises(BackendRefused, match="ASSAY_ENGINE_BACKEND to one of native, openvino, vllm"):
        BackendKind.named("triton")
