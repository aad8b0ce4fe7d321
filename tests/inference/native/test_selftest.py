"""The kernels serve only where they exist and give the reference's bits, and can be switched off."""

import ctypes
from dataclasses import replace

from inference.native import selftest
from inference.native.selftest import gives_the_references_bits, native_library
from tests.checkpoints import config, load, make_llama


def test_this_machines_kernels_give_the_references_bits(library):
    assert gives_the_references_bits(library, 320)
    assert gives_the_references_bits(library, 1408)


def test_kernels_that_are_switched_off_are_not_looked_for():
    assert native_library(config(native=False)) is None
    assert native_library(config(device="cuda:0")) is None


def test_without_a_library_the_eager_path_serves(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    changed = replace(config(), native_dir=tmp_path / "none")

    assert native_library(changed) is None
    assert load(make_llama(tmp_path / "model"), native=False).body is None


def test_a_library_that_differs_from_its_reference_is_refused(library, monkeypatch, tmp_path):
    monkeypatch.setattr(selftest, "open_library", lambda _: library)
    monkeypatch.setattr(selftest, "gives_the_references_bits", lambda _library, _inputs: False)

    assert native_library(replace(config(), native_dir=tmp_path)) is None


def test_a_checkpoint_names_the_native_kernels(library: ctypes.CDLL, tmp_path):
    assert load(make_llama(tmp_path)).ref.kernels == "native-avx512+paged"
