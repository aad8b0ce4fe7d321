"""The report says what a precision costs, in figures worked out by hand."""

import math

import pytest

from inference.api import Answer, Precision, Question, ScoreRequest, TokenPosition
from inference.quantization.report import auroc, compare, measure
from tests.checkpoints import config, make_qwen3


def answer(*logits: float, question_id: str = "fraud") -> Answer:
    total = sum(math.exp(logit) for logit in logits)
    shares = tuple(math.exp(logit) / total for logit in logits)
    return Answer(question_id=question_id, logits=logits, probabilities=shares, label_mass=1.0)


def request(seed: int) -> ScoreRequest:
    record = tuple(TokenPosition((seed * 7 + place * 5) % 64) for place in range(40))
    question = Question(id="fraud", positions=(TokenPosition(1),), labels=(3, 4))
    return ScoreRequest(id=str(seed), model="tiny", namespace="", record=record, questions=(question,))


def test_differences_are_of_the_labels_logits():
    report = compare([(answer(0.0, 1.0),), (answer(2.0, 0.0),)], [(answer(0.0, 0.5),), (answer(2.0, -0.25),)])

    assert report.answers == 2
    assert report.max_delta == 0.5
    assert report.mean_delta == 0.1875
    assert report.top1_agreement == 1.0
    assert (report.auroc_exact, report.auroc_delta) == (None, None)


def test_a_likeliest_label_that_changed_lowers_the_agreement():
    report = compare([(answer(0.0, 0.1),), (answer(1.0, 0.0),)], [(answer(0.1, 0.0),), (answer(1.0, 0.0),)])

    assert report.top1_agreement == 0.5


def test_the_change_of_auroc_is_measured_against_the_truth():
    exact = [(answer(0.0, 3.0),), (answer(0.0, 1.0),), (answer(0.0, 2.0),), (answer(0.0, 0.0),)]
    other = [(answer(0.0, 3.0),), (answer(0.0, 2.5),), (answer(0.0, 2.0),), (answer(0.0, 0.0),)]

    report = compare(exact, other, truth=[True, False, True, False])

    assert report.auroc_exact == 1.0
    assert report.auroc_delta == -0.25


def test_answers_to_other_questions_are_refused():
    with pytest.raises(ValueError, match="different questions"):
        compare([(answer(0.0, 1.0),)], [(answer(0.0, 1.0, question_id="anomaly"),)])


def test_ties_count_half():
    assert auroc([1.0, 1.0], [True, False]) == 0.5


def test_one_sided_truth_has_no_auroc():
    with pytest.raises(ValueError, match="both true and false"):
        auroc([1.0, 2.0], [True, True])


@pytest.mark.parametrize(
    ("precision", "allowed"), [(Precision.FP32, 0.0), (Precision.BF16, 0.1), (Precision.INT8, 0.4)]
)
def test_a_checkpoint_is_compared_with_itself_at_float32(tmp_path, precision, allowed):
    make_qwen3(tmp_path)

    report = measure(tmp_path, [request(seed) for seed in range(4)], config=config(precision))

    assert report.answers == 4
    assert report.max_delta <= allowed
