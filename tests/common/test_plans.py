"""How PostgreSQL is asked: statements are kept, plans are not."""

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db

ASKED = "SELECT count(*) FROM jobs_job WHERE priority > %s"
KEPT = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = %s"


def test_a_statement_is_kept_and_planned_for_what_it_is_asked_about():
    with connection.cursor() as cursor:
        for asked in range(20):
            cursor.execute(ASKED, [asked])
        cursor.execute(KEPT, [ASKED.replace("%s", "$1")])
        generic, custom = cursor.fetchone()

    assert generic == 0
    assert custom >= 10
