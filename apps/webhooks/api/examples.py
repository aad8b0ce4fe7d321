"""Examples of the OpenAPI page."""

from typing import Final

from drf_spectacular.utils import OpenApiExample

ENDPOINT_EXAMPLES: Final = [
    OpenApiExample(
        "Answers and finished batches",
        value={
            "url": "https://hooks.bank.example/assay",
            "event_types": ["risk.assessment.completed", "batch.completed"],
            "description": "Core banking",
        },
        request_only=True,
    )
]
