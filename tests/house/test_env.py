"""Settings that are read from the environment in a form of their own."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from inference.config import DENSE, SparsePattern
from settings.env import sparse_pattern


def test_without_a_pattern_all_of_a_record_is_read(monkeypatch):
    monkeypatch.delenv("ASSAY_ENGINE_SPARSE", raising=False)

    assert sparse_pattern() == DENSE


def test_a_pattern_counts_tiles(monkeypatch):
    monkeypatch.setenv("ASSAY_ENGINE_SPARSE", "1,4,8")

    assert sparse_pattern() == SparsePattern(sink=1, recent=4, stride=8)


@pytest.mark.parametrize("text", ["1,4", "1,4,8,2", "some", "1,0,8", "-1,4,8"])
def test_a_malformed_pattern_stops_the_process(monkeypatch, text):
    monkeypatch.setenv("ASSAY_ENGINE_SPARSE", text)

    with pytest.raises(ImproperlyConfigured, match="sink,recent,stride"):
        sparse_pattern()
