"""What an access token looks like."""

import secrets
from typing import Any

PREFIX = "at_"
BYTES = 32


def generate(_request: Any = None) -> str:
    """256 random bits behind a prefix that secret scanners can know. What it allows is in its row alone."""
    return PREFIX + secrets.token_urlsafe(BYTES)
