"""Fixtures of the tests of risk scoring."""

from collections.abc import Iterator

import pytest

from apps.jobs import waiting


@pytest.fixture(scope="session")
def nobody_listens_at_the_end(django_db_setup: None) -> Iterator[None]:
    """The test database can only be dropped when no connection listens to it."""
    yield
    waiting.stop()
