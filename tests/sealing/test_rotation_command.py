"""What operators are told while keys change."""

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from riskscore.models import Event
from tests.riskscore.makers import bank
from tests.sealing.rotation import NEW, OLD, stored

pytestmark = pytest.mark.django_db


def said(capsys, *arguments):
    call_command("rotate_encryption", *arguments)
    return capsys.readouterr().out


def test_the_command_says_what_remains_seals_it_and_says_when_the_old_key_may_go(settings, capsys):
    settings.ENCRYPTION_KEYS = OLD
    stored(bank(), 30)
    settings.ENCRYPTION_KEYS = f"{NEW},{OLD}"

    assert "values remain under older keys than new." in said(capsys, "--status")
    assert "riskscore.event.content: 30 sealed again" in said(capsys)
    assert said(capsys) == "Everything is sealed under new; older keys may be removed.\n"


def test_a_value_that_does_not_open_stops_the_command_and_is_named(settings):
    settings.ENCRYPTION_KEYS = OLD
    stored(bank(), 30)
    settings.ENCRYPTION_KEYS = NEW

    with pytest.raises(CommandError, match=r"riskscore\.account\.reference"):
        call_command("rotate_encryption")


def test_resealing_lets_nothing_else_of_an_event_change():
    stored(bank(), 1)

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL assay.resealing = 'on'")

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Event.objects.update(cents=1)

    assert Event.objects.get().cents != 1
