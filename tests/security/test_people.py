"""S14: the door under attack, at full size. Each defence is knocked out once, and then the attack succeeds."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.test import Client

from tests.people import attacks
from tests.people.door import bank, inside, person, with_app

pytestmark = [pytest.mark.security, pytest.mark.django_db, pytest.mark.timeout(1800)]

GUESSES, RIGHT = 10_000, 9_000
SIGN_IN, SET_UP, CHALLENGE = "/account/sign-in/", "/account/second-factor/set-up/", "/account/again/code/"


@contextmanager
def without(defences: tuple[Any, ...]) -> Iterator[None]:
    """An installation whose defences are knocked out."""
    with ExitStack() as stack:
        for defence in defences:
            stack.enter_context(defence)
        yield


def browsers() -> dict[str, tuple[Client, tuple[str, ...]]]:
    """Everybody who is not an operator with a second factor, and where they are to be sent."""
    place = bank()
    new, old = person("new", "operator"), person("old", "operator")
    with_app(old)
    return {
        "nobody": (Client(), (SIGN_IN,)),
        "an operator without a factor": (inside(new, proved=False), (SET_UP,)),
        "an operator who owes the code": (inside(old, proved=False), (CHALLENGE,)),
        "an analyst": (inside(person("ana", "analyst", place), proved=False), ("refused",)),
        "a supervisor with a factor": (inside(person("sue", "supervisor", place), proved=True), ("refused",)),
    }


def test_nobody_but_an_operator_with_a_second_factor_is_in_the_administration(admin_client, capsys):
    total, leaks, bare = 0, [], []
    for who, (client, places) in browsers().items():
        found = attacks.crawl(client, "/admin/")
        total += len(found.answers)
        leaks += [(who, *key) for key in found.elsewhere(*places)]
        bare += found.bare()
    operators = attacks.crawl(admin_client, "/admin/")

    with capsys.disabled():
        print(f"\nadministration: {total} requests, {len(leaks)} let in; an operator: {dict(operators.statuses())}")
    assert (leaks, bare, operators.bare(), operators.statuses()[500]) == ([], [], [], 0)
    assert total >= 5 * 2 * 40
    assert operators.statuses()[200] >= 20


@pytest.mark.parametrize("defences", [attacks.NO_SECOND_FACTOR, attacks.NO_MIDDLEWARE], ids=["factor", "middleware"])
def test_without_the_second_factor_a_password_is_enough(defences, capsys):
    client = inside(person("new", "operator"), proved=False)

    with without(defences):
        found = attacks.crawl(client, "/admin/", ("get",))

    inside_pages = found.statuses()[200]
    with capsys.disabled():
        print(f"\ncontrol: {inside_pages} pages of the administration on a password alone")
    assert (inside_pages >= 10) is (defences is attacks.NO_SECOND_FACTOR)


def test_every_page_forbids_scripts_of_its_own(admin_client, capsys):
    pages = [attacks.crawl(client, "/account/", ("get",)) for client in (Client(), admin_client)]

    with capsys.disabled():
        print(f"\npages of the door: {sum(len(page.answers) for page in pages)}, 0 with scripts in them")
    assert [page.bare() for page in pages] == [[], []]
    assert [page.statuses()[500] for page in pages] == [0, 0]


@pytest.mark.parametrize("addresses", [1, 1_000])
def test_guesses_end_before_they_count(addresses, capsys):
    person("ana", "analyst", bank())

    with attacks.counted_looks() as looked:
        opened = attacks.guess(GUESSES, addresses_used=addresses, right_at=RIGHT)

    with capsys.disabled():
        print(f"\n{GUESSES} guesses from {addresses} addresses: {len(looked)} looked at, opened: {opened}")
    assert not opened
    assert len(looked) <= 40  # five in five minutes, for as long as the attack takes


def test_without_the_limit_guessing_succeeds(capsys):
    person("ana", "analyst", bank())

    with without(attacks.NO_LIMIT), attacks.counted_looks() as looked:
        opened = attacks.guess(GUESSES, right_at=RIGHT)

    with capsys.disabled():
        print(f"\ncontrol: {len(looked)} guesses looked at, opened: {opened}")
    assert opened
    assert len(looked) > RIGHT


@pytest.mark.django_db(transaction=True)
def test_a_code_shown_fifty_times_at_once_opens_once(capsys):
    ana = person("ana", "analyst", bank())
    secret = with_app(ana)

    with without((*attacks.NO_LIMIT, attacks.fresh_period())):
        opened = attacks.replay(ana, secret, browsers=50)

    with capsys.disabled():
        print(f"\none code, 50 browsers: {opened} let in")
    assert opened == 1


@pytest.mark.django_db(transaction=True)
def test_without_its_memory_a_code_opens_again(capsys):
    ana = person("ana", "analyst", bank())
    secret = with_app(ana)

    with without((*attacks.NO_LIMIT, *attacks.NO_MEMORY, attacks.fresh_period())):
        opened = attacks.replay(ana, secret, browsers=50)

    with capsys.disabled():
        print(f"\ncontrol: one code, 50 browsers: {opened} let in")
    assert opened > 1
