"""Honest behaviour that looks like fraud, so that no single sign gives fraud away."""

from collections.abc import Callable
from dataclasses import replace

from riskscore.events import Channel, Counterparty, CounterpartyKind, EventKind, NetworkKind, Platform
from training.transactions import devices
from training.transactions.facts import SPENDING, TRAVEL
from training.transactions.lives import HOUR_S, MINUTE_S, Life, purchase
from training.transactions.world import Town

Oddity = Callable[[Life], None]


def odd_things(life: Life) -> None:
    """Let some of the oddities happen to a life, each as often as it does among honest holders."""
    for oddity, chance in ODDITIES:
        if life.rng.random() < chance:
            oddity(life)


def big_purchase(life: Life) -> None:
    """A sofa, a ring, a holiday, a used car: once, far above the usual."""
    rng = life.rng
    for _ in range(rng.randint(1, 3)):
        purchase(life, rng.choice(SPENDING), 0, factor=rng.uniform(6, 40), at=life.some_time())


def large_transfer(life: Life) -> None:
    """A deposit for a flat, a builder's bill: a new payee, often with money moved from savings first."""
    rng, at = life.rng, life.some_time()
    device, payee = life.device_at(at), life.world.payee(rng, life.town.country)
    amount = life.income * rng.uniform(0.4, 4.0)
    channel = Channel.MOBILE if device.browser == "app" else Channel.WEB
    life.add(at, EventKind.LOGIN, channel, device=device, country=life.town.country)
    if rng.random() < 0.5:
        life.add(
            at + rng.uniform(30, 900),
            EventKind.TRANSFER_IN,
            Channel.SYSTEM,
            amount * rng.uniform(0.9, 1.5),
            to=life.payees[0],
        )
    at += rng.uniform(900, 2000)
    for _ in range(rng.choices([1, 2, 3], (75, 18, 7))[0]):
        life.add(at, EventKind.TRANSFER_OUT, channel, amount, country=life.town.country, to=payee, device=device)
        amount, at = amount * rng.uniform(0.3, 1.5), at + rng.uniform(120, 20 * HOUR_S)


def shopping_day(life: Life) -> None:
    """Many shops within hours."""
    rng, at = life.rng, life.some_time()
    kinds = [what for what in SPENDING if not what.is_online]
    for _ in range(rng.randint(4, 12)):
        purchase(life, rng.choice(kinds), 0, factor=rng.uniform(0.5, 3.0), at=at)
        at += rng.uniform(3, 35) * MINUTE_S


def small_series(life: Life) -> None:
    """Rides, games, trial subscriptions: small amounts one after another, several merchants at times."""
    rng, at = life.rng, life.some_time()
    device, mcc = life.device_at(at), rng.choice(["5816", "4111", "5968", "8398"])
    shops = [life.world.shop(rng, life.town.country, mcc) for _ in range(rng.choice([1, 1, 2, 4, 6]))]
    for _ in range(rng.randint(3, 12)):
        shop = rng.choice(shops)
        life.add(
            at,
            EventKind.CARD_PAYMENT,
            Channel.ECOMMERCE,
            rng.uniform(0.5, 9.99),
            country=shop.country,
            to=shop,
            device=device if rng.random() < 0.7 else None,
        )
        at += rng.uniform(20, 900)


def collection(life: Life) -> None:
    """Friends chip in for something, and it is paid on."""
    rng, at = life.rng, life.some_time()
    share = float(rng.choice([10, 20, 25, 50, 100, 300]))
    count = rng.randint(4, 14)
    for _ in range(count):
        sender = rng.choice(life.payees) if rng.random() < 0.4 else life.world.payee(rng, life.town.country)
        life.add(at, EventKind.TRANSFER_IN, Channel.SYSTEM, share * rng.choice([1, 1, 1, 2]), to=sender)
        at += rng.uniform(0.2, 14) * HOUR_S
    device = life.device_at(at)
    payee = life.world.payee(rng, life.town.country)
    life.add(
        at,
        EventKind.TRANSFER_OUT,
        Channel.MOBILE,
        share * count * rng.uniform(0.6, 1.1),
        country=life.town.country,
        to=payee,
        device=device,
    )


def shared_card(life: Life) -> None:
    """A second card of the family is used abroad while the holder stays at home."""
    rng, at, country = life.rng, life.some_time(), devices.draw(life.rng, TRAVEL)
    town = Town(f"{country}-away{rng.randrange(30)}", country, "", "")
    kinds = [what for what in SPENDING if not what.is_online]
    for _ in range(rng.randint(2, 8)):
        what = rng.choice(kinds)
        terminal = life.world.terminal(rng, town, what.mcc)
        life.add(
            at,
            EventKind.CARD_PAYMENT,
            Channel.POS,
            what.mean * life.scale * rng.lognormvariate(0, 0.8),
            country=country,
            to=terminal,
        )
        at += rng.uniform(0.2, 20) * HOUR_S


def tinkering(life: Life) -> None:
    """A developer, or bookkeeping software that logs in by itself, evenly."""
    rng, at = life.rng, life.some_time()
    is_software = rng.random() < 0.5
    platform = "linux" if is_software else "android"
    device = devices.own_device(rng, country=life.town.country, language=life.town.language, platform=platform)
    network = NetworkKind.HOSTING if is_software else NetworkKind.RESIDENTIAL
    device = replace(device, is_automated=is_software, network=network)
    device = replace(device, is_emulator=device.platform is Platform.ANDROID, is_rooted=not is_software)
    step = rng.choice([300.0, HOUR_S, 24 * HOUR_S])
    for _ in range(rng.randint(4, 16)):
        life.add(at, EventKind.LOGIN, Channel.WEB, device=device, country=life.town.country)
        if rng.random() < 0.3:
            life.add(
                at + 30,
                EventKind.TRANSFER_OUT,
                Channel.WEB,
                rng.lognormvariate(4.2, 0.8),
                country=life.town.country,
                to=rng.choice(life.payees),
                device=device,
            )
        at += step * rng.uniform(0.98, 1.02)


def back_and_forth(life: Life) -> None:
    """Flatmates, a small firm: money comes and goes between the same people, often in round sums."""
    rng, friend = life.rng, life.payees[0]
    for _ in range(rng.randint(2, 6)):
        at, amount = life.some_time(), float(rng.choice([50, 100, 200, 400, 1000])) * rng.choice([1.0, 1.0, 1.07])
        life.add(at, EventKind.TRANSFER_IN, Channel.SYSTEM, amount, to=friend)
        at += rng.uniform(0.5, 60) * HOUR_S
        payee = friend if rng.random() < 0.5 else rng.choice(life.payees)
        life.add(
            at,
            EventKind.TRANSFER_OUT,
            Channel.MOBILE,
            amount * rng.uniform(0.8, 1.0),
            country=life.town.country,
            to=payee,
            device=life.device_at(at),
        )


def borrowed_device(life: Life) -> None:
    """A login and a payment from somebody else's computer, at home or on the way."""
    rng, at = life.rng, life.some_time()
    country = life.trip_at(at) or (life.town.country if rng.random() < 0.7 else devices.draw(rng, TRAVEL))
    device = devices.own_device(rng, country=country, language=rng.choice([life.town.language, "en-US"]))
    life.add(at, EventKind.LOGIN, Channel.WEB, device=device, country=life.town.country)
    for _ in range(rng.randint(0, 2)):
        at += rng.uniform(40, 1500)
        payee = rng.choice(life.payees) if rng.random() < 0.5 else life.world.payee(rng, life.town.country)
        life.add(
            at,
            EventKind.TRANSFER_OUT,
            Channel.WEB,
            life.income * rng.uniform(0.02, 0.6),
            country=life.town.country,
            to=payee,
            device=device,
        )


def refunds(life: Life) -> None:
    """Some purchases are taken back days later."""
    bought = [draft for draft in life.drafts if draft.kind is EventKind.CARD_PAYMENT]
    for draft in life.rng.sample(bought, min(len(bought), life.rng.randint(1, 4))):
        at = draft.at + life.rng.uniform(0.01, 12) * 24 * HOUR_S
        if at < life.closed:
            life.add(at, EventKind.REVERSAL, Channel.SYSTEM, draft.amount, to=draft.counterparty)


def cash_day(life: Life) -> None:
    """Cash for a market or a wedding: two or three withdrawals in a row."""
    rng, at = life.rng, life.some_time()
    for _ in range(rng.randint(2, 3)):
        machine = Counterparty(
            kind=CounterpartyKind.TERMINAL,
            id=f"a-{life.town.name}-x{rng.randrange(9)}",
            category="6011",
            country=life.town.country,
        )
        life.add(
            at,
            EventKind.CASH_WITHDRAWAL,
            Channel.ATM,
            float(rng.choice([200, 300, 400, 500])),
            country=life.town.country,
            to=machine,
        )
        at += rng.uniform(2, 40) * MINUTE_S


ODDITIES: tuple[tuple[Oddity, float], ...] = (
    (big_purchase, 0.5),
    (large_transfer, 0.22),
    (shopping_day, 0.3),
    (small_series, 0.35),
    (collection, 0.12),
    (shared_card, 0.06),
    (tinkering, 0.04),
    (back_and_forth, 0.2),
    (borrowed_device, 0.2),
    (refunds, 0.5),
    (cash_day, 0.1),
)
