"""The gate: who is let in, who is not, and what they are told."""

import json
import threading
from contextlib import nullcontext

import pytest
from prometheus_client import REGISTRY

from apps.api.limits.door import Door, Reason, Throttle
from apps.api.limits.gate import INSTITUTION, MOST_WAITING, OVERLOADED, ROUTE, Gate
from apps.api.limits.parties import digest_of
from apps.api.limits.turns import AT_ONCE, resting
from tests.limits.makers import Clock, wait_for


class Desk:
    """A WSGI application whose visitors stay until they are let go."""

    def __init__(self, **says: object) -> None:
        self.says = says
        self.open = threading.Event()
        self.staying = 0
        self._lock = threading.Lock()

    def __call__(self, environ, start_response):
        environ.update(self.says)
        if environ.get("HTTP_X_STAY"):
            with self._lock:
                self.staying += 1
            with resting() if environ["HTTP_X_STAY"] == "resting" else nullcontext():
                assert self.open.wait(10)
        start_response("200 OK", [])
        return [b"done"]


def ask(gate: Gate, path: str = "/api/v1/things", *, method: str = "POST", **headers: str):
    """Status, headers and body of one request."""
    told = []
    environ = {"PATH_INFO": path, "REQUEST_METHOD": method}
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    body = b"".join(gate(environ, lambda status, fields: told.append((status, dict(fields)))))
    return int(told[0][0].split()[0]), told[0][1], body


def stay(gate: Gate, desk: Desk, *, times: int, key: str, how: str = "resting") -> list[threading.Thread]:
    """Requests that are inside until the desk opens."""
    told = {"authorization": key, "x_stay": how}
    threads = [threading.Thread(target=ask, args=(gate,), kwargs=told) for _ in range(times)]
    before = desk.staying
    for thread in threads:
        thread.start()
    wait_for(lambda: desk.staying == before + times)
    return threads


@pytest.fixture
def desk() -> Desk:
    return Desk(**{ROUTE: "api/v1/things"})


@pytest.fixture
def gate(desk: Desk):
    gate = Gate(desk, bound=8, clock=Clock())
    yield gate
    desk.open.set()


def test_one_caller_alone_gets_three_quarters_of_the_room(gate, desk):
    stay(gate, desk, times=6, key="Bearer a")

    status, headers, body = ask(gate, authorization="Bearer a")

    assert (status, headers["Retry-After"], headers["Content-Type"]) == (429, "1", "application/problem+json")
    assert (json.loads(body)["code"], json.loads(body)["instance"]) == ("overloaded", "/api/v1/things")
    assert json.loads(body)["request_id"] == headers["X-Request-ID"]


def test_another_institution_still_finds_room(gate, desk):
    desk.says[INSTITUTION] = "b"
    ask(gate, authorization="Bearer b")
    stay(gate, desk, times=6, key="Bearer a")

    assert ask(gate, authorization="Bearer b")[0] == 200


def test_invented_credentials_gain_no_room(gate, desk):
    for number in range(6):
        stay(gate, desk, times=1, key=f"Bearer invented-{number}")

    assert ask(gate, authorization="Bearer invented-7")[0] == 429


def test_keys_of_one_institution_share_its_room(gate, desk):
    desk.says[INSTITUTION] = "a"
    for key in ("Bearer 1", "Bearer 2"):
        ask(gate, authorization=key)
    stay(gate, desk, times=6, key="Bearer 1")

    assert ask(gate, authorization="Bearer 2")[0] == 429


def test_a_full_process_says_503(gate, desk):
    for party in ("a", "b", "c", "d"):
        desk.says[INSTITUTION] = party
        ask(gate, authorization=f"Bearer {party}")
    inside = [stay(gate, desk, times=2, key=f"Bearer {party}") for party in ("a", "b", "c", "d")]

    assert len(inside) == 4
    assert ask(gate, authorization="Bearer a")[0] == 503


@pytest.mark.parametrize("probe", ["/livez", "/readyz", "/metrics"])
def test_probes_pass_a_full_gate(gate, desk, probe):
    stay(gate, desk, times=6, key="Bearer a")

    assert ask(gate, probe, method="GET")[0] == 200


def test_who_leaves_makes_room(gate, desk):
    threads = stay(gate, desk, times=6, key="Bearer a")
    desk.open.set()
    for thread in threads:
        thread.join()

    assert gate.door.total == 0
    assert ask(gate, authorization="Bearer a")[0] == 200


def test_an_application_that_raises_leaves_the_room(desk):
    gate = Gate(broken, bound=8)

    with pytest.raises(ZeroDivisionError):
        ask(gate)

    assert gate.door.total == 0


def test_what_is_mostly_refused_is_held_back():
    clock, desk = Clock(), Desk(**{OVERLOADED: True, ROUTE: "api/v1/things"})
    gate = Gate(desk, bound=8, clock=clock)
    statuses = [ask(gate, authorization="Bearer a")[0] for _ in range(20)]

    assert statuses.count(200) == 2
    assert ask(gate, authorization="Bearer b")[0] == 200
    assert ask(gate, "/api/v1/others", authorization="Bearer a")[0] == 200
    clock.now_s += 1.5
    assert ask(gate, authorization="Bearer a")[0] == 200


def test_a_sort_that_is_being_refused_finds_no_long_queue_for_a_turn(desk):
    gate = Gate(desk, bound=32, clock=Clock())
    busy = stay(gate, desk, times=AT_ONCE, key="Bearer a", how="computing")
    waiting = [threading.Thread(target=ask, args=(gate,)) for _ in range(MOST_WAITING)]
    for thread in waiting:
        thread.start()
    wait_for(lambda: gate.turns.waiting == MOST_WAITING)

    gate.throttle.refused((digest_of("Bearer refused"), "POST", "/api/v1/things"))
    status, headers, _ = ask(gate, authorization="Bearer refused")
    unrefused = threading.Thread(target=ask, args=(gate,), kwargs={"authorization": "Bearer fine"})
    unrefused.start()
    wait_for(lambda: gate.turns.waiting == MOST_WAITING + 1)
    desk.open.set()
    for thread in (*busy, *waiting, unrefused):
        thread.join(10)

    assert (status, headers["Retry-After"]) == (429, "1")
    assert gate.door.total == 0


def test_a_queue_with_room_for_forty_a_second_gets_them_and_few_more():
    clock = Clock()
    throttle = Throttle(clock=clock)
    passed = accepted = 0
    for moment in range(10 * 400):
        clock.now_s += 1 / 400
        if throttle.passes("post"):
            passed += 1
            accepted += answered(throttle, room=accepted < 40 * moment / 400)

    assert accepted > 390
    assert passed < 1.3 * accepted


def test_once_nothing_is_refused_everything_passes():
    clock = Clock()
    throttle = Throttle(clock=clock)
    for _ in range(10):
        throttle.refused("post")
    clock.now_s += 5.0

    assert all(throttle.passes("post") for _ in range(1000))


def test_refusals_are_counted_by_reason_and_route(gate, desk):
    labels = {"reason": Reason.SHARE, "route": "api/v1/things"}
    ask(gate, authorization="Bearer a")
    stay(gate, desk, times=6, key="Bearer a")
    before = REGISTRY.get_sample_value("assay_requests_refused_total", labels) or 0.0

    ask(gate, authorization="Bearer a")

    assert REGISTRY.get_sample_value("assay_requests_refused_total", labels) == before + 1


def test_a_refusal_speaks_the_callers_language(gate, desk):
    stay(gate, desk, times=6, key="Bearer a")

    status, _, body = ask(gate, authorization="Bearer a", accept_language="zh-CN")

    assert (status, json.loads(body)["code"]) == (429, "overloaded")


def test_a_crowd_is_counted_exactly():
    door = Door(32)
    inside = [party for party in ("a", "b") * 32 if door.enter(party) is None]

    assert (inside.count("a"), inside.count("b"), door.total) == (14, 14, 28)
    for party in inside:
        door.leave(party)
    assert door.total == 0


def broken(_environ: dict[str, object], _start_response: object) -> list[bytes]:
    raise ZeroDivisionError


def answered(throttle: Throttle, *, room: bool) -> bool:
    """One request that passed, where there is room for it or not."""
    if not room:
        throttle.refused("post")
    return room
