"""Fixtures of the suite that concern the database as a whole."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client

from apps.api import locks
from apps.jobs import waiting
from apps.tenants.models import User
from tests.people.door import inside


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """Let pytest-django empty the audit trail between transactional tests; its own test enables the trigger again."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER audit_event_table_stays")
        cursor.execute("ALTER TABLE audit_auditseal DISABLE TRIGGER audit_seal_table_stays")
    yield
    locks.close()  # the test database can only be dropped when nobody is connected to it
    waiting.stop()


@pytest.fixture
def admin_client(db: None) -> Client:
    """An operator's browser, after password and second factor."""
    operator = User.objects.create_user("admin", is_staff=True)
    return inside(operator, proved=True)
