"""What a bank tells about an account: events, their counterparties and devices, as typed values."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class EventKind(StrEnum):
    """What happened on the account."""

    CARD_PAYMENT = "card_payment"
    CASH_WITHDRAWAL = "cash_withdrawal"
    TRANSFER_OUT = "transfer_out"
    TRANSFER_IN = "transfer_in"
    DIRECT_DEBIT = "direct_debit"
    DEPOSIT = "deposit"
    LOGIN = "login"
    REVERSAL = "reversal"


class Channel(StrEnum):
    """How the event reached the bank."""

    POS = "pos"
    ATM = "atm"
    ECOMMERCE = "ecommerce"
    MOBILE = "mobile"
    WEB = "web"
    BRANCH = "branch"
    SYSTEM = "system"


class CounterpartyKind(StrEnum):
    """Who is on the other side."""

    MERCHANT = "merchant"
    TERMINAL = "terminal"
    PAYEE = "payee"


class Platform(StrEnum):
    """Operating system family of a device."""

    WINDOWS = "windows"
    MACOS = "macos"
    LINUX = "linux"
    ANDROID = "android"
    IOS = "ios"
    OTHER = "other"


class NetworkKind(StrEnum):
    """Where a device's address belongs."""

    RESIDENTIAL = "residential"
    MOBILE = "mobile"
    CORPORATE = "corporate"
    HOSTING = "hosting"
    VPN = "vpn"
    TOR = "tor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterparty:
    """A merchant, a terminal or a payee.

    Attributes:
        id: the bank's own identifier, stable over time.
        category: ISO 18245 merchant category code, four digits, or "".
        country: ISO 3166-1 alpha-2, or "".
    """

    kind: CounterpartyKind
    id: str
    category: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFingerprint:
    """What the bank's front end saw of the device behind an event.

    Attributes:
        id: the fingerprint's hash, stable for one device; "" if unknown.
        browser: family name in lower case (chrome, safari, ...), or "".
        screen: "1920x1080", CSS pixels, or "".
        language: BCP 47 tag, or "".
        utc_offset_minutes: of the device's clock, or None.
        ip_country: ISO 3166-1 alpha-2 of the address, or "".
        hardware_concurrency: logical processors the browser reports, or None.
        memory_gb: device memory the browser reports, or None.
    """

    id: str = ""
    platform: Platform = Platform.OTHER
    browser: str = ""
    screen: str = ""
    language: str = ""
    utc_offset_minutes: int | None = None
    ip_country: str = ""
    network: NetworkKind = NetworkKind.RESIDENTIAL
    hardware_concurrency: int | None = None
    memory_gb: float | None = None
    has_touch: bool = False
    is_emulator: bool = False
    is_automated: bool = False  # webdriver, headless
    is_rooted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened on one account.

    Attributes:
        id: the bank's own identifier, unique within the institution.
        account: the bank's own reference of the account; never a full card number.
        amount: not negative, in ``currency``; zero for a login.
        currency: ISO 4217.
        occurred_at: aware, UTC.
        country: where it took place, ISO 3166-1 alpha-2, or "".
        card: "411111…1111", first six and last four, or "".
        reverses: id of the event a reversal takes back, or "".
    """

    id: str
    account: str
    kind: EventKind
    channel: Channel
    amount: Decimal
    currency: str
    occurred_at: datetime
    country: str = ""
    card: str = ""
    counterparty: Counterparty | None = None
    device: DeviceFingerprint | None = None
    reverses: str = ""

    def __post_init__(self) -> None:
        if self.amount < 0:
            raise ValueError("an amount is not negative; the kind says which way it went")
        if self.occurred_at.utcoffset() is None:
            raise ValueError("occurred_at needs a time zone")


def masked_card(pan: str) -> str:
    """First six and last four digits, the most PCI DSS 4.0.1 requirement 3.4.1 lets anybody see.

    >>> masked_card("4111 1111 1111 1111")
    '411111…1111'

    Raises:
        ValueError: not 12 to 19 digits.
    """
    digits = pan.replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19):
        raise ValueError("a card number has 12 to 19 digits")
    return f"{digits[:6]}…{digits[-4:]}"
