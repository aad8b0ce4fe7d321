"""The same seals with a defence taken out, to show that the attacks are real."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from apps.common.encryption import Place, SealBroken
from apps.common.encryption.keys import _key
from apps.common.encryption.sealing import NONCE_BYTES, TAG_BYTES, header_of

TEST_KEY = "b25seS10aGUtdGVzdHMtdXNlLXRoaXMta2V5LTMyLWI="


@contextmanager
def open_without_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Seal and open with nothing authenticated beside the contents."""
    with monkeypatch.context() as patched:
        patched.setattr(Place, "encoded", lambda _place: b"")
        yield


def open_without_tag(token: bytes, _place: Place) -> bytes:
    """Decrypt as GCM does, in counter mode, and never look at the tag."""
    header = header_of("test")
    if token[: len(header)] != header:
        raise SealBroken("another key")
    nonce, content = token[len(header) : len(header) + NONCE_BYTES], token[len(header) + NONCE_BYTES : -TAG_BYTES]
    counter = nonce + (2).to_bytes(4)
    return Cipher(AES(_key("test", TEST_KEY)), CTR(counter)).decryptor().update(content)
