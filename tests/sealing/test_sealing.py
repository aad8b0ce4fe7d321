"""What is sealed opens where it was sealed for, under keys that are given, unchanged; nowhere else."""

from uuid import UUID

import pytest
from django.core.exceptions import ImproperlyConfigured

from apps.common.encryption import Place, SealBroken, keyed_digest, keyring, place, seal, unseal
from apps.common.encryption.keys import parsed

ONE = UUID("00000000-0000-4000-8000-000000000001")
OTHER = UUID("00000000-0000-4000-8000-000000000002")
HERE = place(model="riskscore.event", field="content", institution_id=ONE, row="7")
KEY = "b25seS10aGUtdGVzdHMtdXNlLXRoaXMta2V5LTMyLWI="
NEWER = "QW5vdGhlci1rZXktdGhhdC1vbmx5LXRlc3RzLXVzZTE="


@pytest.mark.parametrize("content", [b"", b"\x00", b"0", b"memo", b"\xff" * 5000])
def test_what_is_sealed_opens_in_its_place(content):
    assert unseal(seal(content, HERE), HERE) == content


def test_the_same_content_never_looks_the_same():
    assert len({seal(b"memo", HERE) for _ in range(1000)}) == 1000


def test_an_envelope_names_its_version_and_its_key():
    token = seal(b"memo", HERE)

    assert token[:6] == b"\x01\x04test"
    assert len(token) == 6 + 12 + 4 + 16


@pytest.mark.parametrize(
    "elsewhere",
    [
        place(model="riskscore.account", field="content", institution_id=ONE, row="7"),
        place(model="riskscore.event", field="reverses", institution_id=ONE, row="7"),
        place(model="riskscore.event", field="content", institution_id=OTHER, row="7"),
        place(model="riskscore.event", field="content", institution_id=None, row="7"),
        place(model="riskscore.event", field="content", institution_id=ONE, row="8"),
        place(model="riskscore.even", field="tcontent", institution_id=ONE, row="7"),
    ],
)
def test_it_does_not_open_elsewhere(elsewhere: Place):
    with pytest.raises(SealBroken):
        unseal(seal(b"memo", HERE), elsewhere)


def test_no_flipped_bit_goes_unnoticed():
    token = seal(b"memo", HERE)
    flipped = [bytes([*token[:at], token[at] ^ 1 << bit, *token[at + 1 :]]) for at in range(38) for bit in range(8)]

    refused = sum(_refused(each) for each in flipped)

    assert refused == 304


@pytest.mark.parametrize("token", [b"", b"\x01", b"\x01\x04", b"\x01\x04test", b"memo", b"\x01\xff" + b"t" * 300])
def test_what_is_no_envelope_is_refused(token):
    assert _refused(token)


def test_every_cut_is_refused():
    token = seal(b"memo", HERE)

    assert all(_refused(token[:length]) for length in range(len(token)))


def test_a_broken_seal_says_nothing_of_what_it_holds():
    with pytest.raises(SealBroken) as refused:
        unseal(seal(b"memo", HERE)[:-1], HERE)

    assert refused.value.code == "seal_broken"
    assert "memo" not in repr(refused.value)
    assert refused.value.__cause__ is None


def test_an_older_key_opens_and_the_newest_seals(settings):
    old = seal(b"memo", HERE)

    settings.ENCRYPTION_KEYS = f"2027:{NEWER},test:{KEY}"

    assert unseal(old, HERE) == b"memo"
    assert seal(b"memo", HERE)[:6] == b"\x01\x042027"


def test_a_key_that_was_removed_opens_nothing(settings):
    old = seal(b"memo", HERE)

    settings.ENCRYPTION_KEYS = f"2027:{NEWER}"

    assert _refused(old)


def test_another_key_of_the_same_name_opens_nothing(settings):
    old = seal(b"memo", HERE)

    settings.ENCRYPTION_KEYS = f"test:{NEWER}"

    assert _refused(old)


def test_keys_may_stand_on_lines_with_remarks():
    assert list(parsed(f"# since autumn\n2027:{NEWER}\n\n2026:{KEY}\n").ciphers) == ["2027", "2026"]
    assert keyring().current == "test"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (KEY, "has no id"),
        (f"Öne:{KEY}", "has no id"),
        ("one:c2hvcnQ=", "5 bytes where 32 are needed"),
        ("one:***", "not base64"),
        (f"one:{KEY},one:{NEWER}", "there twice"),
    ],
)
def test_malformed_keys_are_refused_with_a_hint_and_without_their_text(text, said):
    with pytest.raises(ImproperlyConfigured, match=said) as refused:
        parsed(text)

    assert "openssl rand -base64 32" in str(refused.value)
    assert KEY not in str(refused.value)


def test_digests_are_of_one_institution_and_one_purpose():
    found = keyed_digest(ONE, "account", "ACC-1")

    assert len(found) == 32
    assert found == keyed_digest(ONE, "account", "ACC-1")
    assert len({found, keyed_digest(OTHER, "account", "ACC-1"), keyed_digest(ONE, "device", "ACC-1")}) == 3


def test_a_purpose_and_a_value_do_not_run_into_each_other():
    assert keyed_digest(ONE, "list", "account") != keyed_digest(ONE, "lista", "ccount")


def test_digests_depend_on_the_index_key(settings):
    before = keyed_digest(ONE, "account", "ACC-1")

    settings.INDEX_KEY = NEWER

    assert keyed_digest(ONE, "account", "ACC-1") != before


def _refused(token: bytes) -> bool:
    try:
        unseal(token, HERE)
    except SealBroken:
        return True
    return False
