"""A bank's system, and a model that writes."""

from typing import Any

import pytest

from tests.generation.writers import register_writer
from tests.riskscore.makers import bank, key_of
from tests.riskscore.rest import get, post


class Caller:
    """Calls the endpoint as OpenAI's clients do, behind both walls."""

    def __init__(self, key: str) -> None:
        self.key = key

    def chat(self, **changes: Any) -> Any:
        """POST a conversation of one turn."""
        told = {"model": "writer", "messages": [{"role": "user", "content": "What is it?"}], "seed": 7}
        return post(self.key, "/v1/chat/completions", told | changes)

    def complete(self, **changes: Any) -> Any:
        """POST a text to go on from."""
        return post(self.key, "/v1/completions", {"model": "writer", "prompt": "It is", "seed": 7} | changes)

    def models(self) -> Any:
        """GET what generates."""
        return get(self.key, "/v1/models")


@pytest.fixture
def institution(transactional_db):
    register_writer()
    return bank()


@pytest.fixture
def caller(institution) -> Caller:
    return Caller(key_of(institution)[1])
