"""A gRPC server in this process, behind the suite's database."""

from collections.abc import Iterator

import grpc
import pytest

from apps.rpc import methods
from apps.rpc.server import Server
from tests.rpc.clients import Bank


@pytest.fixture
def server(transactional_db) -> Iterator[Server]:
    """Everything that is registered, at a free port; four calls at a time."""
    served = Server(methods.registered(), address="127.0.0.1:0", in_flight=4)
    served.start()
    yield served
    served.stop(grace_s=1.0)


@pytest.fixture
def channel(server) -> Iterator[grpc.Channel]:
    """A client's connection to it."""
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as opened:
        yield opened


@pytest.fixture
def bank(channel) -> Bank:
    """A bank's system that calls over it."""
    return Bank(channel)
