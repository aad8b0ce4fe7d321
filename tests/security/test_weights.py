"""S13: nothing in a folder of weights runs, is imported, or is mapped before its sum was compared.

Every attack that carries code would leave a file behind if it ran. Control: torch.load runs the same payload.
"""

import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch

from inference.api import CheckpointRefused
from inference.checkpoints import write_sums
from tests.checkpoints import config, load, make_llama

HUNDRED_GB = 100 * 10**9
PICKLES = ("pytorch_model.bin", "model.pt", "model.pth", "weights.pkl", "model.ckpt", "optimizer.joblib", "model.npy")
OTHERS = ("modeling_tiny.py", "kernel.so", "model.onnx", "model.h5", "model.gguf", "setup.cfg", "tokenizer.model")
CODE_KEYS = {
    "auto_map": {"AutoModelForCausalLM": "modeling_tiny.TinyModel"},
    "custom_pipelines": {"run": {"impl": "pipeline.Run"}},
    "quantization_config": {"quant_method": "custom"},
    "use_kernels": True,
    "_attn_implementation": "somebody/kernel",
}


class Payload:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self):
        return os.mkdir, (str(self.sentinel),)


@pytest.fixture
def sentinel(tmp_path: Path) -> Path:
    """What exists once a payload ran."""
    return tmp_path / "it-ran"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good checkpoint."""
    return make_llama(tmp_path / "checkpoint")


def refused(folder: Path, sentinel: Path, *, seal: bool = True) -> str:
    """Why a checkpoint is refused, sealed anew by the attacker or not; nothing of it ran."""
    if seal:
        write_sums(folder)
    with pytest.raises(CheckpointRefused) as refusal:
        load(folder)
    assert not sentinel.exists()
    return str(refusal.value)


def edited(folder: Path, **changes: object) -> Path:
    """The checkpoint with another config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


def test_control_an_ordinary_loader_runs_the_payload(tmp_path, sentinel):
    torch.save({"weight": Payload(sentinel)}, tmp_path / "model.pt")

    torch.load(tmp_path / "model.pt", weights_only=False)

    assert sentinel.exists()


@pytest.mark.parametrize("name", PICKLES)
@pytest.mark.parametrize("write", [torch.save, lambda payload, path: path.write_bytes(pickle.dumps(payload))])
def test_a_payload_beside_the_weights_never_runs(folder, sentinel, name, write):
    write({"weight": Payload(sentinel)}, folder / name)

    assert refused(folder, sentinel) == f"{name} is of a kind that a checkpoint may not hold"


@pytest.mark.parametrize("name", ["model.safetensors", "model-00002-of-00002.safetensors"])
def test_a_payload_named_as_safetensors_never_runs(folder, sentinel, name):
    (folder / name).write_bytes(pickle.dumps({"weight": Payload(sentinel)}, protocol=0))

    assert name in refused(folder, sentinel)


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_of_an_unknown_kind_is_refused(folder, sentinel, name):
    (folder / name).write_text("import os")

    assert "a kind that a checkpoint may not hold" in refused(folder, sentinel)


@pytest.mark.parametrize("key", CODE_KEYS)
def test_a_configuration_that_asks_for_code_is_refused(folder, sentinel, key):
    (folder / "notes.txt").write_text(f"open({str(sentinel)!r}, 'w')")

    assert refused(edited(folder, **{key: CODE_KEYS[key]}), sentinel) == f"config.json may not set {key}"


def test_code_asked_for_deep_inside_is_refused(folder, sentinel):
    nested = edited(folder, rope_parameters=[{"inner": {"auto_map": {"AutoModel": "modeling.Tiny"}}}])

    assert refused(nested, sentinel) == "config.json may not set auto_map"


@pytest.mark.parametrize("family", ["bert", "../modeling", "qwen3_custom", None, ["llama"]])
def test_a_family_that_is_not_run_here_is_refused(folder, sentinel, family):
    assert "model_type must be one of" in refused(edited(folder, model_type=str(family)), sentinel)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
@pytest.mark.parametrize("place", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_one_flipped_bit_anywhere_is_refused(folder, sentinel, name, place):
    content = bytearray((folder / name).read_bytes())
    content[round(place * (len(content) - 1))] ^= 1
    (folder / name).write_bytes(content)

    assert refused(folder, sentinel, seal=False) == f"{name} is not the file that was sealed"


@pytest.mark.parametrize("announced", [HUNDRED_GB, 2**63, 2**64 - 1, 17 << 20])
def test_a_header_of_a_hundred_gigabytes_is_refused_without_room_for_it(folder, sentinel, announced):
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", announced) + content[8:])

    assert refused(folder, sentinel) == "model.safetensors announces an absurd header"


@pytest.mark.parametrize(
    "header",
    [
        b"[]", b"null", b'{"w": 1}', b'{"w": {"dtype": "F32"}}', b"{" * 9_000, b"\xff\xfe",
        b'{"w": {"dtype": "F32", "shape": [1099511627776], "data_offsets": [0, 4]}}',
        b'{"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4398046511104]}}',
        b'{"w": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}}',
    ],
)  # fmt: skip
def test_a_header_that_lies_is_refused(folder, sentinel, header):
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))

    assert "model.safetensors" in refused(folder, sentinel)


def link_to(target: Path | str) -> Callable[[Path], None]:
    """Replaces config.json by a link."""

    def replace(folder: Path) -> None:
        config_path = folder / "config.json"
        config_path.rename(folder.parent / "config.json")
        config_path.symlink_to(target)

    return replace


WAYS_OUT: dict[str, Callable[[Path], None]] = {
    "absolute": lambda folder: link_to(folder.parent / "config.json")(folder),
    "relative": link_to("../config.json"),
    "dangling": link_to("../none"),
    "folder": lambda folder: (folder / "more").symlink_to(folder.parent),
    "inner": lambda folder: (folder / "inner").mkdir(),
    "pipe": lambda folder: os.mkfifo(folder / "notes.txt"),
}


@pytest.mark.parametrize("way", WAYS_OUT)
def test_what_leads_out_of_the_folder_or_is_no_file_is_refused(folder, sentinel, way):
    WAYS_OUT[way](folder)

    assert "is not a file inside the checkpoint's folder" in refused(folder, sentinel, seal=False)


def test_a_file_more_or_less_is_refused(folder, sentinel):
    (folder / "notes.txt").write_text("unlisted")
    assert refused(folder, sentinel, seal=False) == "listed and present files differ: notes.txt"

    (folder / "notes.txt").unlink()
    (folder / "config.json").unlink()
    assert "differ: config.json" in refused(folder, sentinel, seal=False)


def test_a_checkpoint_sealed_anew_is_not_the_one_that_was_registered(folder, sentinel):
    from inference.checkpoints import digest_of, load_checkpoint

    registered = digest_of(folder)
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    safetensors.torch.save_file({name: value + 1 for name, value in weights.items()}, folder / "model.safetensors")
    write_sums(folder)

    with pytest.raises(CheckpointRefused, match="digest is not the expected one"):
        load_checkpoint(folder, name="tiny", config=config(), expected_digest=registered)
    assert load(folder).ref.digest != registered
