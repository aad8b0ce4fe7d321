"""The reconciler purges as the worker's role, which sees one institution at a time."""

import pytest

from apps.retention.services import purge_all
from apps.tenants.walls import WORKER
from riskscore.models import Account, Event, RiskAssessment
from tests.retention.test_services import LATER, assessed, hold, told
from tests.riskscore.makers import bank
from tests.walls import as_application

pytestmark = pytest.mark.django_db


def test_the_workers_role_purges_every_institution_in_its_own_scope():
    first, second = bank(), bank("Second Bank")
    for institution in (first, second):
        assessed(institution)
        told(institution, "acc-1")
    hold(second)

    with as_application(WORKER):
        purge_all(LATER)

    assert {row.institution_id for row in Event.objects.all()} == {second.pk}
    assert {row.institution_id for row in RiskAssessment.objects.all()} == {second.pk}
    assert Account.objects.count() == 1
