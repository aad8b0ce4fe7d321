from datetime import UTC, datetime

import pytest

from clinical.charts import Chart, Document, DocumentKind, Span

NOTE = Document(
    id="n1", kind=DocumentKind.NOTE, text="Black tarry stools. 咳嗽三天。", received_at=datetime(2026, 1, 1, tzinfo=UTC)
)


def test_a_span_quotes_the_words_it_points_at():
    assert Chart(documents=(NOTE,)).quote(Span(document_id="n1", start=20, end=24)) == "咳嗽三天"


def test_a_span_beyond_its_document_is_refused():
    with pytest.raises(ValueError, match="beyond"):
        Chart(documents=(NOTE,)).quote(Span(document_id="n1", start=20, end=99))


def test_two_documents_of_one_chart_never_share_an_id():
    with pytest.raises(ValueError, match="differ"):
        Chart(documents=(NOTE,)).appended(NOTE)


@pytest.mark.parametrize(("start", "end"), [(3, 3), (4, 2), (-1, 2)])
def test_an_empty_or_backward_span_cannot_be_built(start, end):
    with pytest.raises(ValueError, match="at least one character"):
        Span(document_id="n1", start=start, end=end)
