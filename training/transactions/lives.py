"""One account's honest life, with the oddities that honest lives have."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from riskscore.anomalies import AnomalyType
from riskscore.events import Channel, Counterparty, CounterpartyKind, DeviceFingerprint, EventKind
from training.transactions import devices
from training.transactions.facts import (
    CARD_EVENTS_A_DAY,
    DAY_WEIGHTS,
    HOUR_WEIGHTS,
    ONLINE_HOUR_WEIGHTS,
    SPENDING,
    TRAVEL,
    Age,
    Spending,
)
from training.transactions.world import DAY_S, FRAUD_SHARE_WHILE_BAD, Town, World

HOUR_S = 3600.0
MINUTE_S = 60.0


@dataclass(slots=True, kw_only=True)
class Draft:
    """An event before it has an id: what happened, and what it truly was."""

    at: float
    kind: EventKind
    channel: Channel
    amount: float
    country: str = ""
    counterparty: Counterparty | None = None
    device: DeviceFingerprint | None = None
    anomaly: AnomalyType = AnomalyType.NONE


@dataclass(slots=True, kw_only=True)
class Life:
    """A holder and what they did so far. ``scale`` multiplies what the facts call usual amounts."""

    rng: Random
    world: World
    town: Town
    age: Age
    scale: float
    income: float
    opened: float
    closed: float
    device: DeviceFingerprint
    second: DeviceFingerprint
    payees: list[Counterparty] = field(default_factory=list)
    favourites: list[Counterparty] = field(default_factory=list)
    trips: list[tuple[float, float, str]] = field(default_factory=list)
    phone_changes_at: float = math.inf
    new_phone: DeviceFingerprint | None = None
    uses_vpn: float = 0.0
    is_guarded: bool = False
    drafts: list[Draft] = field(default_factory=list)

    def add(
        self,
        at: float,
        kind: EventKind,
        channel: Channel,
        amount: float = 0.0,
        *,
        country: str = "",
        to: Counterparty | None = None,
        device: DeviceFingerprint | None = None,
        anomaly: AnomalyType = AnomalyType.NONE,
    ) -> None:
        """Write an event down."""
        rounded = round(max(amount, 0.5), 2) if kind is not EventKind.LOGIN else 0.0
        self.drafts.append(
            Draft(
                at=at, kind=kind, channel=channel, amount=rounded, country=country,
                counterparty=to, device=device, anomaly=anomaly,
            )
        )  # fmt: skip

    def device_at(self, at: float) -> DeviceFingerprint:
        """The holder's device of that moment, with the address it has then."""
        rng = self.rng
        device = self.new_phone if self.new_phone and at >= self.phone_changes_at else self.device
        if rng.random() < 0.15:
            device = self.second
        trip = self.trip_at(at)
        if trip:
            return devices.abroad(rng, device, trip)
        if rng.random() < self.uses_vpn:
            return devices.behind_vpn(rng, device, ["US", "NL", "DE", "GB", "CH", self.town.country])
        return devices.guarded(rng, device) if self.is_guarded and rng.random() < 0.5 else device

    def trip_at(self, at: float) -> str:
        """Country the holder travels in, or ""."""
        return next((country for start, end, country in self.trips if start <= at <= end), "")

    def day_time(self, day: int, weights: Sequence[int] = HOUR_WEIGHTS) -> float:
        """A moment of a day of the life."""
        hour = self.rng.choices(range(24), weights)[0]
        return self.opened - self.opened % DAY_S + day * DAY_S + hour * HOUR_S + self.rng.uniform(0, HOUR_S)

    def some_time(self, *, after_days: float = 12.0) -> float:
        """A moment of the life, late enough for a past to exist."""
        earliest = min(self.opened + after_days * DAY_S, self.closed - DAY_S)
        return self.rng.uniform(earliest, self.closed - DAY_S / 2)


def begin(rng: Random, world: World) -> Life:
    """A holder with a town, an age, an income and devices; nothing has happened yet."""
    town, age = rng.choice(world.towns), rng.choices(list(Age), (25, 45, 30))[0]
    late = rng.random() < 0.25
    opened = rng.uniform(world.start, world.end - 20 * DAY_S) if late else world.start
    life = Life(
        rng=rng,
        world=world,
        town=town,
        age=age,
        scale=rng.lognormvariate(0.0, 0.45) * (4.2 if town.currency == "PLN" else 1.0),
        income=rng.lognormvariate(7.7, 0.5) * (4.2 if town.currency == "PLN" else 1.0),
        opened=opened,
        closed=world.end,
        device=devices.own_device(rng, country=town.country, language=town.language),
        second=devices.own_device(rng, country=town.country, language=town.language),
    )
    life.payees = [world.payee(rng, town.country) for _ in range(rng.randint(2, 8))]
    for _ in range(rng.choices([0, 1, 2], (70, 20, 10))[0]):
        start = life.some_time()
        life.trips.append((start, start + rng.uniform(2, 14) * DAY_S, devices.draw(rng, TRAVEL)))
    if rng.random() < 0.25:
        life.phone_changes_at = life.some_time()
        life.new_phone = devices.own_device(rng, country=town.country, language=town.language)
    life.uses_vpn = rng.choice([0.1, 0.4, 0.9]) if rng.random() < 0.08 else 0.0
    life.is_guarded = rng.random() < 0.03
    return life


def live(life: Life) -> None:
    """The everyday: spending, bills, salary, transfers, logins."""
    rng = life.rng
    low, high = CARD_EVENTS_A_DAY[life.age]
    rate = rng.uniform(low, high)
    days = int((life.closed - life.opened) / DAY_S)
    weights, mean_weight = DAY_WEIGHTS[life.age], sum(DAY_WEIGHTS[life.age]) / 7
    bills = [
        (rng.randrange(28), life.world.payee(rng, life.town.country), rng.uniform(10, 160))
        for _ in range(rng.randint(1, 5))
    ]
    employer = life.world.payee(rng, life.town.country)
    payday = rng.randrange(28)
    for day in range(days):
        weekday = int((life.opened // DAY_S + day + 3) % 7)
        for _ in range(_poisson(rng, rate * weights[weekday] / mean_weight)):
            spend(life, day)
        if rng.random() < 0.3:
            at = life.day_time(day, ONLINE_HOUR_WEIGHTS)
            life.add(
                at, EventKind.LOGIN, _app(life.device_at(at)), device=life.device_at(at), country=life.town.country
            )
        if rng.random() < 0.06:
            transfer(life, day)
        if rng.random() < 0.03:
            withdraw(life, day)
        if rng.random() < 0.05:
            at = life.day_time(day)
            life.add(
                at, EventKind.TRANSFER_IN, Channel.SYSTEM, rng.lognormvariate(3.6, 0.9), to=rng.choice(life.payees)
            )
        for due, firm, amount in bills:
            if day % 28 == due:
                life.add(
                    life.day_time(day, [1] * 6 + [0] * 18), EventKind.DIRECT_DEBIT, Channel.SYSTEM, amount, to=firm
                )
        if day % 28 == payday:
            life.add(
                life.day_time(day, [1] * 8 + [0] * 16),
                EventKind.TRANSFER_IN,
                Channel.SYSTEM,
                life.income * rng.uniform(0.97, 1.03),
                to=employer,
            )


def spend(life: Life, day: int, *, factor: float = 1.0) -> None:
    """One purchase of the kinds, at the places and for the amounts usual for the holder."""
    rng = life.rng
    weights = [spending.weights[list(Age).index(life.age)] for spending in SPENDING]
    purchase(life, rng.choices(SPENDING, weights)[0], day, factor=factor)


def purchase(life: Life, what: Spending, day: int, *, factor: float = 1.0, at: float | None = None) -> None:
    """One purchase of one category, at the holder's device or in the town they are in."""
    rng = life.rng
    if at is None:
        at = life.day_time(day, ONLINE_HOUR_WEIGHTS if what.is_online else HOUR_WEIGHTS)
    amount = what.mean * life.scale * factor * rng.lognormvariate(-(what.spread**2) / 2, what.spread)
    if rng.random() < 0.15:
        amount = float(math.ceil(amount))
    if what.is_online:
        shop = _familiar(life, life.world.shop(rng, life.town.country, what.mcc))
        device = life.device_at(at) if rng.random() < 0.9 else None
        life.add(at, EventKind.CARD_PAYMENT, Channel.ECOMMERCE, amount, country=shop.country, to=shop, device=device)
        return
    trip = life.trip_at(at)
    town = Town(f"{trip}-away{rng.randrange(30)}", trip, "", "") if trip else life.town
    if not trip and rng.random() < 0.08:
        town = rng.choice([other for other in life.world.towns if other.country == life.town.country])
    terminal = life.world.terminal(rng, town, what.mcc)
    is_bad = life.world.is_bad(terminal, at) and rng.random() < FRAUD_SHARE_WHILE_BAD
    life.add(
        at, EventKind.CARD_PAYMENT, Channel.POS, amount * (rng.uniform(1.0, 2.5) if is_bad else 1.0),
        country=town.country, to=terminal,
        anomaly=AnomalyType.COMPROMISED_TERMINAL if is_bad else AnomalyType.NONE,
    )  # fmt: skip


def transfer(life: Life, day: int) -> None:
    """Money to somebody, known mostly."""
    rng, at = life.rng, life.day_time(day, ONLINE_HOUR_WEIGHTS)
    is_new = rng.random() < 0.15
    payee = life.world.payee(rng, life.town.country) if is_new else rng.choice(life.payees)
    device = life.device_at(at)
    if rng.random() < 0.5:
        life.add(at - rng.uniform(20, 200), EventKind.LOGIN, _app(device), device=device, country=life.town.country)
    amount = (
        rng.choice([20, 25, 30, 50, 100, 150, 200, 250, 500]) if rng.random() < 0.5 else rng.lognormvariate(4.3, 1.0)
    )
    life.add(
        at,
        EventKind.TRANSFER_OUT,
        _app(device),
        amount * life.scale if amount % 5 else float(amount),
        country=life.town.country,
        to=payee,
        device=device,
    )
    if is_new and rng.random() < 0.6:
        life.payees.append(payee)


def withdraw(life: Life, day: int) -> None:
    """Cash from a machine nearby."""
    rng, at = life.rng, life.day_time(day)
    country = life.trip_at(at) or life.town.country
    machine = Counterparty(
        kind=CounterpartyKind.TERMINAL,
        id=f"a-{life.town.name}-{country}-{rng.randrange(5)}",
        category="6011",
        country=country,
    )
    life.add(
        at,
        EventKind.CASH_WITHDRAWAL,
        Channel.ATM,
        float(rng.choice([20, 30, 40, 50, 60, 80, 100, 100, 150, 200, 300])),
        country=country,
        to=machine,
    )


def _familiar(life: Life, shop: Counterparty) -> Counterparty:
    known = [other for other in life.favourites if other.category == shop.category]
    if known and life.rng.random() < 0.6:
        return life.rng.choice(known)
    life.favourites.append(shop)
    return shop


def _app(device: DeviceFingerprint) -> Channel:
    return Channel.MOBILE if device.browser == "app" else Channel.WEB


def _poisson(rng: Random, rate: float) -> int:
    limit, product, count = math.exp(-rate), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count
