"""Entrants answer the same batches alike, stand still while others are timed, and become the table that is printed."""

import sys

import psutil
import pytest
from transformers import Qwen3Config, Qwen3ForCausalLM

from benchmarks.peers import checkpoints, race, report
from benchmarks.peers.handle import EntrantError, Handle, Timed
from benchmarks.peers.race import Standing
from benchmarks.peers.roster import ASSAY, EXACT, GENAI
from benchmarks.peers.work import Answers, Batch, best_label
from benchmarks.peers.workloads import WORKLOADS, Prompts

ENTRY = "benchmarks.peers.entrants.plain:PlainFloat32"


class Scripted:
    """An entrant that answers with labels given beforehand."""

    def __init__(self, *labels, margins=None):
        self.answers = Answers(tokens=[[label] for label in labels], margins=margins)

    def run(self, _batch, **_options):
        return Timed(answers=self.answers, seconds=1.0, peak_mb=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    shape = checkpoints.Shape(
        name="tiny",
        title="tiny",
        model=Qwen3ForCausalLM,
        vocabulary=1024,
        config=Qwen3Config(
            vocab_size=1024,
            hidden_size=128,
            intermediate_size=192,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=64,
            **checkpoints.COMMON,
        ),
    )
    return checkpoints.make(shape, tmp_path_factory.mktemp("models"))


@pytest.fixture
def batch():
    return Batch(task="score", prompts=[[401, 402, 403], [500, 501, 502]], labels=list(checkpoints.LABELS))


def opened(entry, model, tmp_path):
    return Handle(name="one", python=sys.executable, entry=entry, model=model, threads=1, log=tmp_path / "log.txt")


def test_the_engine_and_transformers_prefer_the_same_labels(model, batch, tmp_path):
    with (
        opened(ENTRY, model, tmp_path) as exact,
        opened("benchmarks.peers.entrants.assay:Assay", model, tmp_path) as ours,
    ):
        assert ours.run(batch).answers.tokens == exact.run(batch).answers.tokens


def test_an_entrant_that_is_not_asked_stands_still(model, batch, tmp_path):
    with opened(ENTRY, model, tmp_path) as handle:
        handle.run(batch)

        assert psutil.Process(handle.pid).status() == psutil.STATUS_STOPPED


def test_an_entrant_that_fails_says_why(model, tmp_path):
    impossible = Batch(task="score", prompts=[[5000]], labels=[1, 2])

    with opened(ENTRY, model, tmp_path) as handle, pytest.raises(EntrantError, match="index out of range"):
        handle.run(impossible)


def test_a_label_that_float32_clearly_does_not_prefer_stops_the_race(batch):
    exact = Scripted(300, 301, margins=[9.0, 9.0])

    with pytest.raises(race.DisagreementError, match="contrary"):
        race.check({EXACT: exact, "contrary": Scripted(300, 302)}, batch)


def test_a_label_may_differ_where_float32_is_undecided(batch):
    exact = Scripted(300, 301, margins=[9.0, 0.1])

    assert race.check({EXACT: exact, "other": Scripted(300, 302)}, batch) == {EXACT: 1.0, "other": 0.5}


def test_the_best_label_is_told_with_its_distance_to_the_second():
    assert best_label([0.0, 5.0, 1.0, 3.5], [2, 3]) == (3, 2.5)


def test_prompts_share_as_much_as_the_workload_says_and_no_more():
    first, second = Prompts(WORKLOADS["shared"], seed=1).take(2).prompts

    assert len(first) == len(second) == 512
    assert first[:416] == second[:416]
    assert first[416] != second[416]


def standing(per_s, ratio):
    return Standing(setting="512", per_s=per_s, ratio=ratio, agreement=1.0, computed=None, peak_mb=100)


def test_an_aim_that_was_missed_is_called_missed():
    standings = {ASSAY: standing(40.0, 1.0), GENAI: standing(30.0, 1.33)}

    assert report.verdicts(WORKLOADS["cold"], standings) == [f"Aim 1.5x {GENAI}: 1.33x, missed."]


def test_the_best_peer_is_the_one_that_assay_is_least_ahead_of():
    standings = {ASSAY: standing(40.0, 1.0), "slow": standing(4.0, 10.0), "fast": standing(8.0, 5.0)}

    assert report.verdicts(WORKLOADS["questions"], standings) == ["Aim 4x the best peer: 5.00x, reached."]


def test_results_of_earlier_races_stay_on_the_page(tmp_path):
    report.save(
        WORKLOADS["cold"], {ASSAY: standing(40.0, 1.0), GENAI: standing(20.0, 2.0)}, about="Here.", folder=tmp_path
    )

    text = report.section(tmp_path)

    assert "| OpenVINO GenAI int8 | 512 | 20.0 | 2.00x | 1.5x | 100% | 100 |" in text
    assert "Aim 1.5x OpenVINO GenAI int8: 2.00x, reached." in text
