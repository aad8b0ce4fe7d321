"""Generation over gRPC."""

from typing import Any

import grpc
import pytest

from apps.generation.rpc import inference_pb2 as messages
from apps.jobs.models import Job
from apps.rpc import methods
from apps.rpc.server import Server
from tests.generation.writers import TEXT, engine, register_writer, writing
from tests.rpc.clients import Bank, refusal, until, violations

GENERATE = "/assay.v1.Inference/Generate"


@pytest.fixture
def bank(transactional_db):
    register_writer()
    server = Server(methods.registered(), address="127.0.0.1:0", in_flight=4)
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield Writer(channel)
    server.stop(grace_s=1.0)


class Writer(Bank):
    """A bank that has texts written."""

    def __init__(self, channel: grpc.Channel) -> None:
        super().__init__(channel)
        self._generate = channel.unary_stream(
            GENERATE,
            request_serializer=messages.GenerateRequest.SerializeToString,
            response_deserializer=messages.GenerateResponse.FromString,
        )

    def generate(self, *, timeout: float | None = 10.0, **told: Any) -> Any:
        """Begin a generation; iterate over what comes."""
        request = messages.GenerateRequest(**{"model": "writer", "prompt": "It is"} | told)
        return self._generate(request, timeout=timeout, metadata=self.metadata())


def test_deltas_come_and_then_how_it_ended(bank):
    with writing():
        parts = list(bank.generate())

    written = parts[-1].written
    assert "".join(part.delta for part in parts[:-1]) == TEXT
    assert (written.finish_reason, written.model.name) == ("stop", "writer")
    assert (written.usage.prompt_tokens, written.usage.completion_tokens) == (5, 5)


def test_sampling_is_greedy_unless_asked_for(bank):
    with writing() as served:
        list(bank.generate(seed=9, stop=["\n"], max_tokens=8))

    asked = served.generated[0]
    assert (asked.sampling.temperature, asked.sampling.seed, asked.stop_texts) == (0.0, 9, ("\n",))


def test_every_field_at_fault_is_named(bank):
    with pytest.raises(grpc.RpcError) as error:
        list(bank.generate(max_tokens=0, top_p=2.0))

    assert refusal(error) == ("INVALID_ARGUMENT", "INVALID")
    assert violations(error) == [("/max_tokens", "MIN_VALUE"), ("/top_p", "MAX_VALUE")]


def test_a_model_that_does_not_generate_is_not_found(bank):
    with pytest.raises(grpc.RpcError) as error:
        list(bank.generate(model="risk"))

    assert refusal(error) == ("NOT_FOUND", "MODEL_NOT_FOUND")


def test_past_the_deadline_of_the_call_the_job_has_expired(bank):
    with pytest.raises(grpc.RpcError) as error:
        list(bank.generate(timeout=0.5))

    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert until(lambda: list(Job.objects.values_list("status", flat=True)) == ["expired"])


def test_a_cancelled_call_cancels_the_job_and_the_engines_request(bank):
    served = engine(delay_s=30.0)
    with writing(served):
        call = bank.generate(timeout=None)
        assert until(lambda: len(served.generated) == 1)

        call.cancel()

        assert until(lambda: list(Job.objects.values_list("status", flat=True)) == ["cancelled"])
        assert until(lambda: served.stats().running == 0)
