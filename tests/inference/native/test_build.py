"""A library is made once for its sources, by one process at a time, and never blocks a start."""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from inference.native import build
from inference.native.build import Unavailable, find_or_build

TINY = 'extern "C" void assay_nothing() {}\n'


@pytest.fixture
def sources(tmp_path, monkeypatch) -> Path:
    if shutil.which("g++") is None:
        pytest.skip("there is no g++ here")
    folder: Path = tmp_path / "src"
    folder.mkdir()
    (folder / "tiny.cpp").write_text(TINY)
    monkeypatch.setattr(build, "SOURCES", folder)
    return folder


def test_a_library_is_compiled_once(sources, tmp_path):
    first = find_or_build(tmp_path / "built")
    made_at = first.stat().st_mtime_ns

    assert find_or_build(tmp_path / "built") == first
    assert first.stat().st_mtime_ns == made_at


def test_changed_sources_make_another_library(sources, tmp_path):
    first = find_or_build(tmp_path / "built")
    (sources / "tiny.cpp").write_text(TINY + "int more;\n")

    assert find_or_build(tmp_path / "built") != first


def test_processes_that_start_together_agree(sources, tmp_path):
    with ThreadPoolExecutor(max_workers=4) as pool:
        found = list(pool.map(lambda _: find_or_build(tmp_path / "built"), range(4)))

    assert len(set(found)) == 1
    assert [path.name for path in (tmp_path / "built").iterdir() if path.suffix != ".so"] == ["lock"]


def test_without_a_compiler_a_library_made_before_serves(sources, tmp_path, monkeypatch):
    made = find_or_build(tmp_path / "built")
    monkeypatch.setenv("PATH", "")

    assert find_or_build(tmp_path / "built") == made


def test_without_a_compiler_and_a_library_the_reason_is_told(sources, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")

    with pytest.raises(Unavailable, match=r"g\+\+ is not installed"):
        find_or_build(tmp_path / "built")


def test_sources_that_do_not_compile_leave_nothing_behind(sources, tmp_path):
    (sources / "tiny.cpp").write_text("not C++")

    with pytest.raises(Unavailable, match=r"g\+\+ failed"):
        find_or_build(tmp_path / "built")
    assert [path.name for path in (tmp_path / "built").iterdir()] == ["lock"]


def test_a_folder_that_cannot_be_written_is_a_reason(sources, tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(Unavailable, match="cannot be written"):
        find_or_build(tmp_path / "file" / "built")


def test_the_command_never_fails(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "inference.native", "--dir", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": ""},
    )

    assert done.returncode == 0
    assert "the eager path serves" in done.stdout
