"""Allow, block and watch lists: what an event can be listed under, and what a match means."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from riskscore.events import Event


class ListAction(StrEnum):
    """What an institution wants done with what it listed."""

    ALLOW = "allow"
    BLOCK = "block"
    WATCH = "watch"


class ListKind(StrEnum):
    """Which part of an event an entry is compared with."""

    ACCOUNT = "account"
    COUNTERPARTY = "counterparty"
    DEVICE = "device"
    COUNTRY = "country"
    IP_COUNTRY = "ip_country"
    COUNTERPARTY_COUNTRY = "counterparty_country"
    COUNTERPARTY_CATEGORY = "counterparty_category"
    CARD_BIN = "card_bin"  # first six digits


@dataclass(frozen=True, slots=True, kw_only=True)
class ListHit:
    """An entry in force that an event matched.

    Attributes:
        entry_id: of the stored entry.
        overridable: whether an allow entry may set aside what this one asks for.
    """

    entry_id: str
    action: ListAction
    kind: ListKind
    overridable: bool = True

    @property
    def name(self) -> str:
        """How rules speak of it: ``block:device``."""
        return f"{self.action}:{self.kind}"


def keys(event: Event) -> Iterator[tuple[ListKind, str]]:
    """Everything of an event that can be listed, kind and value, without what is missing."""
    party, device = event.counterparty, event.device
    found = (
        (ListKind.ACCOUNT, event.account),
        (ListKind.COUNTRY, event.country),
        (ListKind.CARD_BIN, event.card[:6]),
        (ListKind.COUNTERPARTY, party.id if party else ""),
        (ListKind.COUNTERPARTY_COUNTRY, party.country if party else ""),
        (ListKind.COUNTERPARTY_CATEGORY, party.category if party else ""),
        (ListKind.DEVICE, device.id if device else ""),
        (ListKind.IP_COUNTRY, device.ip_country if device else ""),
    )
    return ((kind, value) for kind, value in found if value)
