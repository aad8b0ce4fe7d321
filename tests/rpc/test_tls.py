"""TLS at the gRPC door, and clients that must show a certificate."""

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from grpc_health.v1 import health_pb2, health_pb2_grpc

from apps.rpc.management.commands.grpc import tls
from apps.rpc.server import Server, Tls


def certified(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), timezone.now()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()),
    )
    return paths


@pytest.fixture
def served(tmp_path: Path, transactional_db: None) -> Iterator[tuple[Server, Path]]:
    """A server that wants certificates of one client, and the folder of all files."""
    certificate, key = certified(tmp_path, "server")
    client_ca = certified(tmp_path, "client")[0]
    files = Tls(certificate=certificate, key=key, client_ca=client_ca)
    server = Server([], address="127.0.0.1:0", in_flight=1, tls=files)
    server.start()
    yield server, tmp_path
    server.stop(grace_s=1.0)


def health(channel: grpc.Channel) -> int:
    """What standard health says."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    with channel:
        return int(stub.Check(health_pb2.HealthCheckRequest(), timeout=5).status)


def test_a_client_with_its_certificate_is_let_in(served):
    server, folder = served
    root, key, chain = ((folder / name).read_bytes() for name in ("server.pem", "client.key", "client.pem"))
    credentials = grpc.ssl_channel_credentials(root, key, chain)

    assert health(grpc.secure_channel(f"127.0.0.1:{server.port}", credentials)) == 1


def test_a_client_without_one_and_plain_text_are_not(served):
    server, folder = served
    credentials = grpc.ssl_channel_credentials((folder / "server.pem").read_bytes())

    for channel in (
        grpc.secure_channel(f"127.0.0.1:{server.port}", credentials),
        grpc.insecure_channel(f"127.0.0.1:{server.port}"),
    ):
        with pytest.raises(grpc.RpcError) as error:
            health(channel)
        assert error.value.code() is grpc.StatusCode.UNAVAILABLE


def test_half_a_configuration_is_refused(settings):
    settings.GRPC_TLS_CERTIFICATE = "server.pem"

    with pytest.raises(ImproperlyConfigured, match="together"):
        tls()


def test_production_serves_others_over_tls_alone(settings):
    settings.GRPC_TLS_REQUIRED, settings.GRPC_HOST = True, "0.0.0.0"

    with pytest.raises(ImproperlyConfigured, match="plain text"):
        tls()


def test_a_file_that_is_missing_is_named(tmp_path):
    files = Tls(certificate=tmp_path / "no.pem", key=tmp_path / "no.key")

    with pytest.raises(ImproperlyConfigured, match=r"no\.key"):
        files.credentials()
