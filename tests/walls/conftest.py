"""Two banks with something to tell apart."""

import pytest

from apps.tenants.models import Institution


@pytest.fixture
def first(db) -> Institution:
    return Institution.objects.create(name="First Bank", kind=Institution.Kind.BANK)


@pytest.fixture
def second(db) -> Institution:
    return Institution.objects.create(name="Second Bank", kind=Institution.Kind.BANK)
