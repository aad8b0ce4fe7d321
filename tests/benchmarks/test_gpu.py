"""The GPU benchmark goes through its motions on a CPU, so that a session on a GPU loses no time."""

import json

import pytest

from benchmarks.gpu.__main__ import main
from benchmarks.gpu.load import drive, figure, prompts


def test_a_tiny_run_measures_every_workload_and_says_who_was_refused(tmp_path, capsys):
    main(["--tiny", "--device", "cpu", "--out", str(tmp_path), "--only", "bf16", "int8", "fp8"])

    figures = json.loads((tmp_path / "gpu.json").read_text())
    names = {one["entrant"] for one in figures}
    assert {"Assay bf16", "Assay int8", "Assay bf16, one at a time", "transformers generate bf16"} <= names
    scored = [f"score, {share} % shared" for share in (0, 50, 75)]
    assert {one["workload"] for one in figures} == {*scored, "generate, 128 to 4"}
    assert all(one["requests_per_s"] > 0 and one["p99_ms"] >= one["p50_ms"] for one in figures)
    assert "Assay fp8: CheckpointRefused: fp8 needs a CUDA device" in capsys.readouterr().out


def test_lines_share_what_they_should():
    lines = prompts(10, 4, 3, vocabulary=1000, seed=1)

    assert {tuple(line[:4]) for line in lines} == {tuple(lines[0][:4])}
    assert len({tuple(line[4:]) for line in lines}) == 3
    assert {len(line) for line in lines} == {10}


def test_a_failing_request_ends_the_run():
    def refuse(line: list[int]) -> None:
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        drive(refuse, [[1], [2]], clients=2)


def test_a_figure_sums_up():
    made = figure("a", "w", 2.0, [10.0, 20.0, 30.0, 40.0], [50.0, 70.0])

    assert (made.requests_per_s, made.p50_ms, made.utilisation) == (2.0, 25.0, 60.0)
