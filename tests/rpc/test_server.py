"""The server as such: health, certificates, an orderly end."""

import threading
from typing import Any

import grpc
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from grpc_health.v1 import health_pb2, health_pb2_grpc

from apps.rpc import methods
from apps.rpc import server as serving
from apps.rpc.server import Server
from tests.rpc.workers import scoring

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


def health_of(channel: grpc.Channel, service: str = "") -> int:
    """What standard health says."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    return int(stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5).status)


@pytest.mark.parametrize("service", ["", "assay.v1.RiskScoring"])
def test_health_is_open_to_everybody_and_says_serving(channel, service):
    assert health_of(channel, service) == SERVING


def test_health_follows_readiness(server, channel, monkeypatch):
    def silent() -> bool:
        raise DatabaseError

    monkeypatch.setattr(serving, "can_serve", silent)
    server.look()

    assert (health_of(channel), server.is_ready) == (NOT_SERVING, False)


def test_calls_inside_end_well_while_the_server_stops(server, bank):
    call = bank.begin()
    stopping = threading.Timer(0.3, server.stop, kwargs={"grace_s": 5.0})
    stopping.start()

    with scoring():
        answer = call.result()
    stopping.join()

    assert (answer.status, server.is_ready) == ("completed", False)


def test_a_port_in_use_is_told_at_the_start(server):
    with pytest.raises(ImproperlyConfigured, match="in use"):
        Server(methods.registered(), address=f"127.0.0.1:{server.port}", in_flight=1)
