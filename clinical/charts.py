"""A chart: an append-only sequence of documents, and spans that point at their exact words."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DocumentKind(StrEnum):
    """What a document of a chart is."""

    NOTE = "note"
    LABORATORY = "laboratory"
    IMAGING = "imaging"
    DISCHARGE = "discharge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One text of a chart, never changed after it was received."""

    id: str
    kind: DocumentKind
    text: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Characters ``start`` up to but not including ``end`` of one document; never empty."""

    document_id: str
    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError("a span covers at least one character, from left to right")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What a hospital sent about one patient, oldest document first."""

    documents: tuple[Document, ...]

    def __post_init__(self) -> None:
        if len({document.id for document in self.documents}) != len(self.documents):
            raise ValueError("document ids must differ within a chart")

    def appended(self, document: Document) -> "Chart":
        """The chart with one more document at its end; what was there keeps its place."""
        return Chart(documents=(*self.documents, document))

    def quote(self, span: Span) -> str:
        """The words a span points at.

        Raises:
            KeyError: no such document.
            ValueError: the span ends beyond the text.
        """
        text = next((document.text for document in self.documents if document.id == span.document_id), None)
        if text is None:
            raise KeyError(span.document_id)
        if span.end > len(text):
            raise ValueError("the span ends beyond its document")
        return text[span.start : span.end]
