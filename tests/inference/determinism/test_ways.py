"""A verification finds every bit the same, or names the first request whose bits are not."""

import subprocess
import sys
from dataclasses import replace
from itertools import islice

import pytest

from inference.determinism import Finding, differences, draw_requests
from inference.determinism.__main__ import conclude, main, verdict
from tests.checkpoints import SCHEMA, config, load, make_event_qwen3, make_qwen3

SAME = Finding(way="warm cache", compared=8, differing=0, largest=0.0, first=None, preemptions=0)
BROKEN = replace(SAME, way="2 threads", differing=3, largest=0.25, first="0004", preemptions=2)


@pytest.fixture(scope="module")
def tokens_only(tmp_path_factory):
    return make_qwen3(tmp_path_factory.mktemp("one") / "tiny", num_hidden_layers=1, max_position_embeddings=160)


@pytest.fixture(scope="module")
def events_too(tmp_path_factory):
    return make_event_qwen3(tmp_path_factory.mktemp("two") / "tiny", num_hidden_layers=1)


def test_a_token_checkpoint_keeps_its_bits_and_requests_began_again(tokens_only, capsys):
    status = main([str(tokens_only), "--requests", "8", "--memory-mb", "16"])

    out = capsys.readouterr().out
    assert status == 0, out
    assert "begun again, every bit the same" in out
    assert "Same bits in" in out


def test_an_event_checkpoint_does_too(events_too, capsys):
    assert main([str(events_too), "--requests", "3", "--memory-mb", "48"]) == 0


def test_a_model_that_depends_on_its_company_is_found_out(tokens_only):
    def load_swayed(wanted):
        loaded = load(tokens_only, wanted.precision)
        head = loaded.model.get_output_embeddings()
        head.register_forward_hook(lambda _module, _args, out: out + out.mean())
        return loaded

    requests = draw_requests(model="tiny", vocabulary=64, schema=None, window=160, count=6, seed=2)
    warm, batches, *_ = islice(differences(load_swayed, requests, config(memory_mb=16)), 2)

    assert warm.differing == 0
    assert batches.differing > 0
    assert batches.first in {request.id for request in requests}


def test_the_verdict_names_the_first_request_that_differs(capsys):
    assert verdict(BROKEN) == ("2 threads: 3 of 8 answers, 2 begun again DIFFER, by up to 0.25; first request 0004")
    assert conclude([SAME, BROKEN]) == 1
    assert capsys.readouterr().out == "Bits differ in 1 of 2 ways; first request 0004 (2 threads).\n"


def test_the_same_seed_draws_the_same_requests():
    drawn = [draw_requests(model="m", vocabulary=64, schema=SCHEMA, window=256, count=9, seed=5) for _ in range(2)]

    assert repr(drawn[0]) == repr(drawn[1])
    assert max(len(request.record) for request in drawn[0]) <= 256 - 25


def test_a_window_too_narrow_is_refused():
    with pytest.raises(ValueError, match="64 positions"):
        draw_requests(model="m", vocabulary=64, schema=None, window=32, count=1, seed=1)


def test_a_folder_that_is_no_checkpoint_is_refused_with_2(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert capsys.readouterr().err


def test_it_runs_as_a_program(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "inference.determinism", str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 2
