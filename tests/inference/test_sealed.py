"""A folder holds what was sealed and nothing else, or it is refused; nothing in it is ever unpickled."""

import pickle

import pytest
import torch

from inference.api import CheckpointRefused
from inference.checkpoints import write_sums
from tests.checkpoints import load, make_llama

SENTINEL: list[str] = []


class Bomb:
    """Something that tells when it is unpickled."""

    def __reduce__(self):
        return SENTINEL.append, ("unpickled",)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl", "model.pth", "modeling.py"])
def test_files_that_may_carry_code_are_refused_and_never_opened(tmp_path, name):
    make_llama(tmp_path)
    SENTINEL.clear()
    (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
    write_sums(tmp_path)

    with pytest.raises(CheckpointRefused, match=f"{name} is of a kind"):
        load(tmp_path)

    assert SENTINEL == []


def test_a_pickle_named_as_safetensors_is_refused_and_never_unpickled(tmp_path):
    make_llama(tmp_path)
    SENTINEL.clear()
    torch.save({"x": Bomb()}, tmp_path / "model.safetensors")
    write_sums(tmp_path)

    with pytest.raises(CheckpointRefused, match="absurd header"):
        load(tmp_path)

    assert SENTINEL == []


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "SHA256SUMS"])
def test_a_missing_file_is_refused(tmp_path, name):
    make_llama(tmp_path)
    (tmp_path / name).unlink()

    with pytest.raises(CheckpointRefused, match=name):
        load(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_one_flipped_bit_is_refused(tmp_path, name):
    make_llama(tmp_path)
    content = bytearray((tmp_path / name).read_bytes())
    content[-9] ^= 1
    (tmp_path / name).write_bytes(content)

    with pytest.raises(CheckpointRefused, match=f"{name} is not the file that was sealed"):
        load(tmp_path)


def test_a_file_that_is_not_listed_is_refused(tmp_path):
    make_llama(tmp_path)
    (tmp_path / "notes.txt").write_text("x")

    with pytest.raises(CheckpointRefused, match=r"differ: notes\.txt"):
        load(tmp_path)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    inside = make_llama(tmp_path / "checkpoint")
    (inside / "model.safetensors").rename(tmp_path / "model.safetensors")
    (inside / "model.safetensors").symlink_to(tmp_path / "model.safetensors")

    with pytest.raises(CheckpointRefused, match="not a file inside"):
        load(inside)


@pytest.mark.parametrize("line", ["nonsense", f"{'0' * 64}  ../secret", f"{'0' * 64}  config.json"])
def test_sums_that_cannot_be_read_are_refused(tmp_path, line):
    make_llama(tmp_path)
    with (tmp_path / "SHA256SUMS").open("a") as file:
        file.write(line + "\n")

    with pytest.raises(CheckpointRefused, match="cannot be read"):
        load(tmp_path)
