"""Whose room a request takes, known before the caller has proved who they are."""

from hashlib import blake2b

from apps.api.limits.door import MOST_KNOWN

STRANGERS, VISITORS = "strangers", "visitors"


class Parties:
    """Institutions by the digest of a credential that opened before.

    A credential that has not proved itself yet shares one party with all others of its sort, so that inventing
    credentials gains no room.
    """

    def __init__(self) -> None:
        self._institutions: dict[str, str] = {}

    def of(self, credential: str) -> str:
        """The party of a credential's digest; that of visitors where none was sent."""
        return self._institutions.get(credential, STRANGERS) if credential else VISITORS

    def learn(self, credential: str, institution_id: str) -> None:
        """Remember what a credential opened."""
        if credential:
            remember(self._institutions, credential, institution_id)


def digest_of(credential: str) -> str:
    """What is remembered of a credential; "" where none was sent."""
    return blake2b(credential.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest() if credential else ""


def remember(known: dict[str, str], key: str, value: str) -> None:
    """Add to what is known; all of it is learnt again once there is too much."""
    if known.get(key) != value:
        if len(known) >= MOST_KNOWN:
            known.clear()  # learnt again within a request of each
        known[key] = value
