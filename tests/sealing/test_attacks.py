"""A few hundred of the attacks; tests/security does them by the thousand."""

import pytest
from cryptography.exceptions import InvalidTag

from apps.common.encryption import SealBroken, keyring
from apps.common.encryption.rotation import sealed_columns
from riskscore.models import Event
from tests.riskscore.makers import bank
from tests.sealing.attacks import flips_opened, moves_opened
from tests.sealing.rotation import NEW, OLD, read, remaining, rotate, stored, under_load
from tests.sealing.weak import open_without_place, open_without_tag


def test_no_flip_and_no_move_is_accepted():
    assert flips_opened(500, seed=1) == 0
    assert moves_opened(200, seed=1) == 0


def test_without_the_place_moved_values_open(monkeypatch):
    with open_without_place(monkeypatch):
        assert moves_opened(200, seed=1) == 200


def test_without_the_tag_flipped_values_open():
    assert flips_opened(200, seed=1, opened=open_without_tag) > 100


@pytest.mark.django_db(transaction=True)
def test_keys_are_changed_under_load_and_the_old_one_can_go(settings):
    institution = bank()
    settings.ENCRYPTION_KEYS = OLD
    stored(institution, 400)

    settings.ENCRYPTION_KEYS = f"{NEW},{OLD}"
    with under_load(institution) as load:
        rotate()

    settings.ENCRYPTION_KEYS = NEW
    assert (load.errors, remaining()) == ([], 0)
    assert load.reads > 0
    assert load.writes > 0
    read(institution)


@pytest.mark.django_db(transaction=True)
def test_an_old_key_taken_away_too_early_opens_nothing(settings):
    institution = bank()
    settings.ENCRYPTION_KEYS = OLD
    stored(institution, 20)

    settings.ENCRYPTION_KEYS = NEW

    with pytest.raises(SealBroken):
        read(institution)
    assert remaining() > 20


def test_the_columns_that_are_sealed_are_known():
    names = {column.name for column in sealed_columns()}

    assert {"riskscore.event.content", "riskscore.account.reference", "api.idempotencyrecord.body"} <= names
    assert Event._meta.get_field("content").row == ("account_id", "sequence")
    assert keyring().current == "test"
    assert issubclass(InvalidTag, Exception)
