"""Contenders answer the same questions alike, and figures become the table that is printed."""

import pytest

from benchmarks.cases import Cases
from benchmarks.contenders import all_of
from benchmarks.scoring import DisagreementError, Figure, check_answers, rows_of
from tests.checkpoints import SCHEMA, config, make_event_qwen3


class Awake:
    def wake(self): ...

    def rest(self): ...


class Contrary(Awake):
    name = "contrary"

    def score(self, cases):
        return [(9.0, -9.0) if index % 2 else (-9.0, 9.0) for index in range(len(cases))]


class Exact(Awake):
    name = "transformers fp32"

    def score(self, cases):
        return [(0.0, 1.0) for _ in cases]


@pytest.fixture
def contenders(tmp_path):
    found = all_of(make_event_qwen3(tmp_path), config(memory_mb=64))
    for contender in found:
        contender.wake()
    yield found
    for contender in found:
        contender.rest()


@pytest.mark.parametrize("shared", [0, 410])
def test_all_contenders_give_nearly_the_same_logits(contenders, shared):
    cases = Cases(SCHEMA, shared=shared, seed=1).take(3)

    logits = {contender.name: sum(contender.score(cases), ()) for contender in contenders}

    exact = logits["transformers fp32"]
    assert logits["Assay fp32"] == pytest.approx(exact, abs=1e-3)
    assert logits["transformers fp32, cache by hand"] == pytest.approx(exact, abs=1e-3)
    assert logits["Assay int8"] == pytest.approx(exact, abs=0.4)
    assert logits["Assay bf16"] == pytest.approx(exact, abs=0.2)


def test_another_label_where_float32_is_clear_stops_the_benchmark():
    with pytest.raises(DisagreementError, match="contrary"):
        check_answers([Exact(), Contrary()], Cases(SCHEMA, shared=0, seed=1).take(2))


def test_rows_show_time_rate_and_ratio():
    figures = [
        Figure(workload="cold", size=size, contender=name, batch_ms=ms * size)
        for size in (1, 8, 32)
        for name, ms in (("Assay int8", 10.0), ("transformers fp32", 40.0))
    ]

    assert rows_of(figures, "cold")[0] == (
        "Assay int8",
        "10.0 ms, 100.0/s, 4.00x",
        "80.0 ms, 100.0/s, 4.00x",
        "320.0 ms, 100.0/s, 4.00x",
    )
