"""Values and rows that tests of risk scoring start from; every default may be overridden."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from apps.tenants.models import ApiClient, Institution
from apps.tenants.services import create_client
from riskscore.api.examples import EVENT
from riskscore.events import Channel, Counterparty, CounterpartyKind, DeviceFingerprint, Event, EventKind, Platform
from riskscore.scoring import Calibration
from riskscore.services import Release

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SHOP = Counterparty(kind=CounterpartyKind.MERCHANT, id="shop-1", category="5411", country="DE")
PHONE = DeviceFingerprint(id="fp-1", platform=Platform.ANDROID, browser="chrome", ip_country="DE", has_touch=True)
RELEASE = Release(name="risk", digest="0" * 64, calibration=Calibration(slope=1.0, intercept=0.0, version="cal-1"))


def event(event_id: str = "tx-1", **changes: Any) -> Event:
    """A card payment of 25.00 EUR at noon."""
    values: dict[str, Any] = {
        "id": event_id,
        "account": "acc-1",
        "kind": EventKind.CARD_PAYMENT,
        "channel": Channel.ECOMMERCE,
        "amount": Decimal("25.00"),
        "currency": "EUR",
        "occurred_at": NOW,
        "country": "DE",
        "counterparty": SHOP,
        "device": PHONE,
    }
    return Event(**(values | changes))


def random_events(count: int, *, seed: int, accounts: int = 3, shops: int = 4) -> list[Event]:
    """Events of a few accounts at a few counterparties over weeks, some of them late, in order of arrival."""
    random = Random(seed)
    made = []
    for index in range(count):
        late = timedelta(days=random.choice([0, 0, 0, 3]))
        made.append(
            event(
                f"r-{seed}-{index}",
                account=f"acc-{random.randrange(accounts)}",
                kind=random.choice([*EventKind]),
                amount=Decimal(random.randrange(100_000)) / 100,
                occurred_at=NOW - timedelta(days=60) + timedelta(hours=6 * index) - late,
                counterparty=random.choice([None, *(_shop(number) for number in range(shops))]),
                device=random.choice([None, PHONE, DeviceFingerprint(id="fp-2", ip_country="FR", language="fr")]),
            )
        )
    return made


def _shop(number: int) -> Counterparty:
    return Counterparty(kind=CounterpartyKind.MERCHANT, id=f"shop-{number}", category="5411", country="DE")


def bank(name: str = "First Bank") -> Institution:
    """An institution of kind bank."""
    return Institution.objects.create(name=name, kind=Institution.Kind.BANK)


def client_of(institution: Institution) -> ApiClient:
    """A machine client of an institution."""
    return key_of(institution)[0]


def key_of(institution: Institution) -> tuple[ApiClient, str]:
    """A machine client and its key."""
    return create_client(institution=institution, name="core banking", mode="test", now=NOW)


def payload(**changes: Any) -> dict[str, Any]:
    """A request's body: the example of the OpenAPI page, some minutes ago."""
    return EVENT | {"occurred_at": "2026-11-23T09:41:07Z"} | changes
