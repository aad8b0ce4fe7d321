"""A bank, its client and its key; small views behind the real plumbing."""

from datetime import UTC, datetime

import pytest
from rest_framework.test import APIClient

from apps.tenants.models import ApiClient, Institution
from apps.tenants.services import create_client, create_institution

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def bank(db):
    return create_institution(name="First Bank", kind="bank", actor="system", now=NOW)


@pytest.fixture
def bank_client(bank: Institution) -> tuple[ApiClient, str]:
    return create_client(institution=bank, name="core banking", mode="test", now=NOW)


@pytest.fixture
def api(bank_client: tuple[ApiClient, str]) -> APIClient:
    """Calls as the bank's system; answers 500 rather than raising."""
    return APIClient(raise_request_exception=False, HTTP_AUTHORIZATION=f"Bearer {bank_client[1]}")
