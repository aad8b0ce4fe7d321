"""The generated modules are what their .proto files say."""

import subprocess
import sys
from pathlib import Path

import pytest

from settings.env import ROOT
from tests.architecture.source import kept_files

PROTOS = sorted(path.relative_to(ROOT).as_posix() for path in kept_files() if path.suffix == ".proto")


def test_there_are_descriptions():
    assert "riskscore/rpc/risk_scoring.proto" in PROTOS


@pytest.mark.parametrize("proto", PROTOS)
def test_what_is_kept_is_what_the_compiler_makes(proto: str, tmp_path: Path):
    command = [sys.executable, "-m", "grpc_tools.protoc", "--proto_path=.", f"--python_out={tmp_path}"]

    subprocess.run([*command, f"--pyi_out={tmp_path}", proto], cwd=ROOT, check=True)

    made = proto.replace(".proto", "_pb2.py")
    for name in (made, f"{made}i"):
        assert (ROOT / name).read_text() == (tmp_path / name).read_text(), "`make protos` writes it"
