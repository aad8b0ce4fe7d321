"""Attributes that are sealed in their column: they open on their own row, lazily, and never by mistake."""

import pytest
from django.core.checks import run_checks
from django.core.exceptions import FieldError
from django.db import connection, models, transaction
from django.test.utils import isolate_apps

from apps.api.problems import problem_of
from apps.common.encryption import (
    SealBroken,
    Sealed,
    SealedBytesField,
    SealedJSONField,
    SealedTextField,
    checks,
    opened_value,
    sealed_value,
)
from riskscore.digests import listed_digest
from riskscore.models import ListEntry, RiskAssessment
from riskscore.services import request_assessment
from tests.riskscore.makers import NOW, bank, client_of, event

pytestmark = pytest.mark.django_db


def entry(institution, value="fp-1", **changes):
    digest = listed_digest(institution.pk, "device", value)
    told = {"action": "block", "kind": "device", "value": value, "value_digest": digest, "created_at": NOW}
    return ListEntry(institution=institution, **(told | changes))


def column(name="value"):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {name} FROM riskscore_listentry")
        return cursor.fetchone()[0]


def put(token, name="value"):
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE riskscore_listentry SET {name} = %s", [token])


@pytest.mark.parametrize("value", ["", "fp-1", "Zoë 🦊", "x" * 5000])
def test_text_comes_back_as_it_was_and_is_not_in_the_column(value):
    entry(bank(), value=value).save()

    assert ListEntry.objects.get().value == value
    assert bytes(column())[:6] == b"\x01\x04test"
    assert value.encode() not in bytes(column()) or not value


@pytest.mark.parametrize("value", [{}, [], 0, False, "", {"a": [1, None, "ü"]}])
def test_documents_come_back_as_they_were(value):
    assessment, _ = request_assessment(client=client_of(bank()), event=event(), deadline_s=60, now=NOW)
    assessment.evidence = value
    assessment.save()

    assert RiskAssessment.objects.get().evidence == value


def test_nothing_stays_null():
    entry(bank(), note=None).save()

    assert column("note") is None
    assert ListEntry.objects.get().note is None


def test_a_value_is_opened_when_it_is_first_read():
    entry(bank()).save()

    found = ListEntry.objects.get()

    assert isinstance(found.__dict__["value"], Sealed)
    assert found.value == "fp-1"
    assert found.__dict__["value"] == "fp-1"


def test_a_deferred_value_costs_one_query_and_opens(django_assert_num_queries):
    entry(bank()).save()
    found = ListEntry.objects.defer("value").get()

    with django_assert_num_queries(1):
        assert found.value == "fp-1"


def test_an_unsaved_row_holds_its_value_in_the_clear_and_its_own_memory_only():
    one, other = entry(bank()), ListEntry()

    one.value = "changed"

    assert (one.value, other.value) == ("changed", "")


def test_a_row_that_was_changed_opens_again():
    entry(bank()).save()
    found = ListEntry.objects.get()

    found.value = "other"
    found.save(update_fields=["value"])
    found.refresh_from_db()

    assert found.value == "other"


def test_a_row_saved_without_being_read_keeps_its_seal():
    entry(bank()).save()
    before = bytes(column())

    ListEntry.objects.get().save()

    assert bytes(column()) == before


@pytest.mark.parametrize(
    "damage", [lambda t: t[:-1], lambda t: t[:30] + bytes([t[30] ^ 1]) + t[31:], lambda _: b"fp-1"]
)
def test_what_was_damaged_is_never_given(damage):
    entry(bank()).save()

    put(damage(bytes(column())))

    with pytest.raises(SealBroken):
        ListEntry.objects.get().value  # noqa: B018


def test_a_value_moved_between_rows_fields_or_banks_does_not_open():
    one, other = entry(bank()), entry(bank("Second Bank"))
    one.save()
    other.save()

    (token,) = ListEntry.objects.filter(pk=one.pk).values_list("value", flat=True)
    ListEntry.objects.filter(pk=one.pk).update(note=token)
    ListEntry.objects.filter(pk=other.pk).update(value=token)

    assert ListEntry.objects.get(pk=one.pk).value == "fp-1"
    for row, name in ((one, "note"), (other, "value")):
        with pytest.raises(SealBroken):
            getattr(ListEntry.objects.get(pk=row.pk), name)


def test_a_broken_value_is_not_saved_as_if_it_were_whole():
    entry(bank()).save()
    put(b"not sealed")

    with pytest.raises(SealBroken):
        ListEntry.objects.get().save()


def test_raw_values_are_refused_by_update():
    entry(bank()).save()

    with pytest.raises(TypeError, match="sealed values only"), transaction.atomic():
        ListEntry.objects.update(value="in the clear")

    assert ListEntry.objects.get().value == "fp-1"


def test_update_takes_what_was_sealed_for_the_row():
    made = entry(bank())
    made.save()

    told = {"institution_id": made.institution_id, "row": made.pk}
    ListEntry.objects.filter(pk=made.pk).update(value=sealed_value(ListEntry, "value", value="new", **told))

    assert ListEntry.objects.get().value == "new"


def test_lists_of_values_stay_sealed_until_they_are_opened():
    made = entry(bank())
    made.save()

    (token,) = ListEntry.objects.values_list("value", flat=True)

    assert repr(token) == f"<Sealed, {len(token.token)} bytes>"
    told = {"institution_id": made.institution_id, "row": str(made.pk).upper()}
    assert opened_value(ListEntry, "value", value=token, **told) == "fp-1"


@pytest.mark.parametrize("asked", ["value", "value__contains", "value__in", "note__a"])
def test_a_sealed_field_cannot_be_searched(asked):
    with pytest.raises(FieldError, match="keyed digest"):
        ListEntry.objects.filter(**{asked: ["x"]})


def test_only_absence_can_be_asked_for():
    entry(bank(), note="n").save()

    assert ListEntry.objects.filter(note__isnull=False).count() == 1


def test_many_at_once_are_sealed_each_for_itself():
    institution = bank()

    ListEntry.objects.bulk_create(entry(institution, value=f"fp-{number}") for number in range(20))

    assert sorted(each.value for each in ListEntry.objects.all()) == sorted(f"fp-{number}" for number in range(20))


def test_every_sealed_field_of_assay_has_an_institution_and_a_row():
    assert [error for error in run_checks() if str(error.id).startswith("sealing.")] == []


@isolate_apps("riskscore")
def test_a_field_whose_place_comes_too_late_is_found_by_the_check():
    class Orphan(models.Model):
        secret = SealedTextField()

        class Meta:
            app_label = "riskscore"

        def __str__(self):
            return "orphan"

    assert [error.id for error in checks._errors(Orphan._meta.get_field("secret"))] == ["sealing.E001", "sealing.E002"]


def test_a_broken_seal_is_our_fault_and_tells_the_caller_nothing():
    assert problem_of(SealBroken("does not open")) is None


@pytest.mark.parametrize(
    ("field", "value"), [(SealedTextField(), b"x"), (SealedBytesField(), "x"), (SealedJSONField(), float("nan"))]
)
def test_a_field_takes_its_own_kind_of_value(field, value):
    with pytest.raises((TypeError, ValueError)):
        field.encoded(value)


def test_bytes_are_kept_as_they_are():
    field = SealedBytesField()

    assert field.decoded(field.encoded(memoryview(b"\x00\xff"))) == b"\x00\xff"
