"""Every backend does what it declares, and refuses what it does not."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from inference.api import (
    Cancelled,
    DeadlineExceeded,
    EngineStopped,
    GeneratedTokens,
    InvalidRequest,
    TokenPosition,
    UnknownModel,
    WindowExceeded,
)
from inference.backends.base import Ability
from tests.inference.backends.cases import DECLARED, declaring, generation, lacking
from tests.inference.backends.plain import plain_answers, plain_tokens
from tests.inference.engine.requests import ask, events, tokens

RECORD = tokens(70, seed=1)
ASKED = ask(RECORD, tokens(2, seed=2), tokens(5, seed=3), tokens(30, seed=4))
OTHERS = [ask(RECORD[:count], tokens(3, seed=count), id=f"r{count}") for count in range(10, 70, 5)]

every_backend = pytest.mark.parametrize("case", list(DECLARED), indirect=True)


def with_ability(ability):
    return pytest.mark.parametrize("case", declaring(ability), indirect=True)


def without_ability(ability):
    return pytest.mark.parametrize("case", lacking(ability), indirect=True)


def probabilities(result):
    return [share for answer in result.answers for share in (*answer.probabilities, answer.label_mass)]


@pytest.mark.parametrize(("case", "name"), [(name, name) for name in DECLARED], indirect=["case"])
def test_a_backend_declares_what_this_suite_holds_it_to(case, name):
    assert case.backend.abilities("tiny") == DECLARED[name]


@with_ability(Ability.SCORE)
def test_answers_are_those_of_the_plain_model(case, plain):
    result = case.backend.submit(ASKED).result(timeout=60)

    assert probabilities(result) == pytest.approx(plain_answers(plain, ASKED), abs=case.tolerance)
    assert [answer.question_id for answer in result.answers] == ["q0", "q1", "q2"]


@with_ability(Ability.EVENTS)
def test_events_are_answered_as_by_the_plain_model(case, plain):
    request = ask(events(40, seed=1), (*events(2, seed=2), TokenPosition(1)), tokens(1, seed=3))

    result = case.backend.submit(request).result(timeout=60)

    assert probabilities(result) == pytest.approx(plain_answers(plain, request), abs=case.tolerance)


@without_ability(Ability.EVENTS)
def test_events_are_refused_at_the_door(case):
    with pytest.raises(InvalidRequest, match="tokens only"):
        case.backend.submit(ask(events(4, seed=1)))


@every_backend
def test_shares_add_up_and_labels_hold_a_part_of_the_vocabulary(case):
    [answer] = case.backend.submit(ask(RECORD)).result(timeout=60).answers

    assert sum(answer.probabilities) == pytest.approx(1.0)
    assert 0.0 < answer.label_mass < 1.0


@every_backend
def test_a_result_says_who_computed_it_and_what_it_cost(case):
    result = case.backend.submit(ask(RECORD)).result(timeout=60)

    assert result.model == case.backend.served("tiny").ref
    assert result.usage.total == 72
    assert result.usage.total == result.usage.cached + result.usage.shared + result.usage.computed


@every_backend
def test_many_threads_get_their_own_answers(case):
    alone = {request.id: probabilities(case.backend.submit(request).result(timeout=60)) for request in OTHERS}

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda request: case.backend.submit(request).result(timeout=60), OTHERS))

    assert [result.request_id for result in together] == [request.id for request in OTHERS]
    for result in together:
        assert probabilities(result) == pytest.approx(alone[result.request_id], abs=case.tolerance)


@with_ability(Ability.REPRODUCIBLE)
def test_bits_do_not_depend_on_what_else_is_asked(case):
    alone = {request.id: probabilities(case.backend.submit(request).result(timeout=60)) for request in OTHERS}
    case.backend.purge("bank")

    futures = [case.backend.submit(request) for request in OTHERS]

    assert {future.result(timeout=60).request_id: probabilities(future.result()) for future in futures} == alone


@every_backend
def test_an_unknown_model_is_refused_at_the_door(case):
    with pytest.raises(UnknownModel):
        case.backend.submit(ask(RECORD, model="unheard of"))


@every_backend
def test_what_does_not_fit_the_window_is_refused_at_the_door(case):
    with pytest.raises(WindowExceeded):
        case.backend.submit(ask(tokens(511, seed=1)))

    assert case.backend.stats().waiting == 0


@every_backend
def test_an_id_in_flight_is_refused(case):
    case.hold()
    case.backend.submit(ask(RECORD, id="first"))

    with pytest.raises(InvalidRequest, match="in flight"):
        case.backend.submit(ask(RECORD, id="first"))


@every_backend
def test_a_deadline_in_the_past_is_exceeded(case):
    future = case.backend.submit(ask(RECORD, deadline_at=time.monotonic() - 1.0))

    assert isinstance(future.exception(timeout=30), DeadlineExceeded)


@every_backend
def test_a_deadline_that_passes_while_others_compute_is_exceeded(case):
    case.hold()
    first = case.backend.submit(ask(RECORD, id="first"))
    assert case.inside.wait(timeout=30)
    late = case.backend.submit(ask(RECORD, id="late", deadline_at=time.monotonic() + 0.1))
    time.sleep(0.2)

    case.open.set()

    assert isinstance(late.exception(timeout=30), DeadlineExceeded)
    assert first.result(timeout=30).request_id == "first"


@every_backend
def test_a_cancelled_request_raises(case):
    case.hold()
    case.backend.submit(ask(RECORD, id="first"))
    assert case.inside.wait(timeout=30)
    waiting = case.backend.submit(ask(RECORD, id="second"))

    assert case.backend.cancel("second")
    case.open.set()

    assert isinstance(waiting.exception(timeout=30), Cancelled)
    assert not case.backend.cancel("second")


@every_backend
def test_a_draining_backend_finishes_what_it_has_and_takes_no_more(case):
    case.hold()
    future = case.backend.submit(ask(RECORD, id="first"))
    assert case.inside.wait(timeout=30)

    assert not case.backend.drain(timeout_s=0.05)
    with pytest.raises(EngineStopped):
        case.backend.submit(ask(RECORD, id="late"))
    case.open.set()

    assert case.backend.drain(timeout_s=30)
    assert future.result(timeout=30).answers


@with_ability(Ability.SALT)
def test_another_namespace_finds_nothing(case):
    case.backend.submit(ask(RECORD, namespace="bank")).result(timeout=60)

    other = case.backend.submit(ask(RECORD, namespace="hospital")).result(timeout=60)

    assert other.usage.cached == 0


@with_ability(Ability.PURGE)
def test_a_purged_namespace_finds_nothing(case):
    case.backend.submit(ask(RECORD)).result(timeout=60)
    case.backend.purge("bank")

    assert case.backend.submit(ask(RECORD)).result(timeout=60).usage.cached == 0


@without_ability(Ability.GENERATE)
def test_who_does_not_generate_says_so_at_the_door(case):
    with pytest.raises(InvalidRequest, match="scores only"):
        case.backend.generate(generation(RECORD))


@pytest.mark.parametrize("case", ["native", "vllm"], indirect=True)  # INT8 may prefer another of two likely tokens
def test_greedy_tokens_are_those_of_the_plain_model(case, plain):
    result = case.backend.generate(generation(RECORD, max_tokens=5)).result(timeout=60)

    assert result.tokens == plain_tokens(plain, RECORD, 5)
    assert result.usage.generated == 5


@with_ability(Ability.STREAM)
def test_a_streams_pieces_are_the_result(case):
    pieces: list[GeneratedTokens] = []

    result = case.backend.generate(generation(RECORD, max_tokens=5), pieces.append).result(timeout=60)

    assert tuple(token for piece in pieces for token in piece.tokens) == result.tokens
    assert "".join(piece.text for piece in pieces) == result.text
    assert len(pieces) > 1
