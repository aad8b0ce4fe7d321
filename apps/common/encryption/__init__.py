"""Contents at rest: sealed under a key that names itself, bound to the place they were written to.

AES-256-GCM with a random nonce. What is authenticated beside the contents is where they belong:
institution, model, field and row. A value that was moved, edited or cut opens nowhere. Look-ups go by
keyed digests, because what is sealed twice never looks the same.
"""

from apps.common.encryption.digests import keyed_digest
from apps.common.encryption.fields import (
    SealedBytesField,
    SealedField,
    SealedJSONField,
    SealedTextField,
)
from apps.common.encryption.keys import Keyring, keyring
from apps.common.encryption.sealing import Place, SealBroken, Sealed, place, seal, unseal
from apps.common.encryption.values import opened_value, opened_values, sealed_value

__all__ = [
    "Keyring",
    "Place",
    "SealBroken",
    "Sealed",
    "SealedBytesField",
    "SealedField",
    "SealedJSONField",
    "SealedTextField",
    "keyed_digest",
    "keyring",
    "opened_value",
    "opened_values",
    "place",
    "seal",
    "sealed_value",
    "unseal",
]
