"""Examples of the OpenAPI page."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample

EVENT: Final[dict[str, Any]] = {
    "id": "tx-000081",
    "account": "acc-1029",
    "kind": "card_payment",
    "channel": "ecommerce",
    "amount": "249.90",
    "currency": "EUR",
    "occurred_at": "2026-11-23T09:41:07Z",
    "country": "DE",
    "card": {"number": "4111 1111 1111 1111"},
    "counterparty": {"kind": "merchant", "id": "m-5512", "category": "5732", "country": "NL"},
    "device": {
        "id": "fp-83b1c2",
        "platform": "android",
        "browser": "chrome",
        "screen": "412x915",
        "language": "de-DE",
        "utc_offset_minutes": 60,
        "ip_country": "DE",
        "network": "mobile",
        "hardware_concurrency": 8,
        "memory_gb": 8,
        "has_touch": True,
    },
}

EVENT_EXAMPLES: Final = [OpenApiExample("A payment", value=EVENT, request_only=True)]
ASSESSMENT_EXAMPLES: Final = [
    OpenApiExample("A payment", value={**EVENT, "deadline_ms": 2000}, request_only=True),
]
