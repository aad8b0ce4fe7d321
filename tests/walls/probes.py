"""Every way to name somebody else's record over REST, read off the OpenAPI file.

For each path and method: identifiers of every kind where the path has a place for one; words of the other
institution in every query parameter and in every string of a body; its cursors, and its idempotency keys with its
own bodies. Each probe may have a twin that differs in nothing but in naming what nobody has.
"""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import islice, product
from random import Random
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import yaml

from settings.env import ROOT
from tests.walls.estates import Estate, Sent

METHODS = ("get", "post", "put", "patch", "delete")
Leaf = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One request that names something foreign.

    Attributes:
        twin: whether a request that names something unknown is to be answered alike.
    """

    method: str
    template: str
    path: str
    foreign: tuple[str, ...]
    body: Any = None
    content_type: str = "application/json"
    key: str = ""
    twin: bool = True

    def unknown(self, random: Random) -> "Probe":
        """The same, naming what nobody has."""
        path, text = self.path, json.dumps(self.body)
        others = tuple(_like(word, random) for word in self.foreign)
        for word, other in zip(self.foreign, others, strict=True):
            path, text = path.replace(word, other), text.replace(word, other)
        return replace(self, path=path, body=json.loads(text), foreign=others)


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of everything the OpenAPI file names."""
    document = yaml.safe_load((ROOT / "docs" / "api" / "openapi.yaml").read_text())
    found = [
        (path, method, item[method]) for path, item in document["paths"].items() for method in METHODS if method in item
    ]
    return [
        (method.upper(), path, operation) for path, method, operation in found if path.startswith(("/api/", "/v1/"))
    ]


def probes(attacker: Estate, victim: Estate, *, each: int, most: int, random: Random) -> Iterator[Probe]:
    """All probes of one institution against another.

    Args:
        each: how many rows of every model are named.
        most: how many probes are made at each place of an operation at the most, likely finds first.
    """
    ids = {label: random.sample(pks, min(each, len(pks))) for label, pks in victim.identifiers().items()}
    named = [pk for pks in ids.values() for pk in pks if _is_uuid(pk)]
    words = random.sample(sorted({*victim.words, *named}), len({*victim.words, *named}))
    for method, template, operation in operations():
        yield from islice(_in_path(attacker, victim, method, template, named), most)
        yield from islice(_in_query(attacker, method, template, operation, words[: 4 * each]), most)
        yield from islice(_in_body(attacker, method, template, words, each=2 * each, random=random), most)
    for sent in victim.sent:
        path = _own(attacker, sent.template) or _own(victim, sent.template)
        yield Probe(
            method=sent.method, template=sent.template, path=path, foreign=tuple(victim.words), body=sent.body,
            content_type=sent.content_type, key=sent.key, twin=False,
        )  # fmt: skip


def _in_path(attacker: Estate, victim: Estate, method: str, template: str, named: list[str]) -> Iterator[Probe]:
    """Foreign identifiers at each place of the path, alone and together; those of the right kind first."""
    places = re.findall(r"{(\w+)}", template)
    body = next((sent.body for sent in attacker.sent if sent.method == method and sent.template == template), None)
    patterns = [pattern for pattern in product([True, False], repeat=len(places)) if any(pattern)]
    for pk, pattern in product(["", *named], patterns):
        theirs = {place: pk or victim.own.get(place, named[0]) for place in places}
        chosen = {
            place: theirs[place] if foreign else attacker.own.get(place, theirs[place])
            for place, foreign in zip(places, pattern, strict=True)
        }
        foreign = tuple(sorted(set(chosen.values()) & set(theirs.values())))
        path = template.format(**chosen)
        yield Probe(method=method, template=template, path=path, foreign=foreign, body=body)


def _in_query(
    attacker: Estate, method: str, template: str, operation: dict[str, Any], words: list[str]
) -> Iterator[Probe]:
    """Foreign words as values of each query parameter."""
    path = _own(attacker, template)
    names = [parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"]
    for word, name in product(words, names if path and method == "GET" else ()):
        asked = f"{path}?{urlencode({name: word})}"
        yield Probe(method=method, template=template, path=asked, foreign=(word,))


def _in_body(
    attacker: Estate, method: str, template: str, words: list[str], *, each: int, random: Random
) -> Iterator[Probe]:
    """Foreign words in place of each string of a body that was answered well."""
    path = _own(attacker, template)
    mine = [sent for sent in attacker.sent if sent.method == method and sent.template.partition("?")[0] == template]
    for sent in mine[:1]:
        for leaf in _leaves(sent.body):
            for word in random.sample(words, min(each, len(words))):
                yield _with(sent, path, leaf, word)


def _with(sent: Sent, path: str, leaf: Leaf, word: str) -> Probe:
    query = sent.template.partition("?")[2]
    return Probe(
        method=sent.method, template=sent.template, path=f"{path}?{query}" if query else path, foreign=(word,),
        body=_put(sent.body, leaf, word), content_type=sent.content_type,
    )  # fmt: skip


def _own(owner: Estate, template: str) -> str:
    """The address of something of one's own; empty where one has nothing there."""
    try:
        return template.format(**owner.own)
    except KeyError:
        return ""


def _leaves(body: Any, at: Leaf = ()) -> Iterator[Leaf]:
    """Where strings are in a body. Of a text, the whole is one."""
    if isinstance(body, dict):
        for name, value in body.items():
            yield from _leaves(value, (*at, name))
    elif isinstance(body, list):
        for index, value in enumerate(body):
            yield from _leaves(value, (*at, index))
    elif isinstance(body, str) and at:
        yield at


def _put(body: Any, leaf: Leaf, word: str) -> Any:
    changed = deepcopy(body)
    place = changed
    for step in leaf[:-1]:
        place = place[step]
    place[leaf[-1]] = word
    return changed


def _is_uuid(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) is not None


def _like(word: str, random: Random) -> str:
    if _is_uuid(word):
        return str(UUID(int=random.getrandbits(128), version=4))
    return re.sub("[0-9a-f]{16}$", lambda _: f"{random.getrandbits(64):016x}", word)
