"""What is done to accounts: one function for each type of anomaly that hits a single account.

`AnomalyType.COMPROMISED_TERMINAL` is not here: it belongs to the terminal, see `world` and `lives`.
"""

from collections.abc import Callable

from riskscore.anomalies import AnomalyType as A
from riskscore.events import Channel, Counterparty, CounterpartyKind, DeviceFingerprint, EventKind
from training.transactions import devices
from training.transactions.facts import ATTACK_ORIGINS, SPENDING, TRAVEL
from training.transactions.lives import HOUR_S, MINUTE_S, Life
from training.transactions.world import DAY_S, Town

Attack = Callable[[Life], None]

ATTACKED_SHARE = 0.36  # of accounts; about one event in a hundred is then fraudulent
IN_PERSON = tuple(what for what in SPENDING if not what.is_online)
ONLINE = tuple(what for what in SPENDING if what.is_online)


def strike(life: Life) -> None:
    """Attack the account, or leave it alone, as chance has it."""
    if life.rng.random() < ATTACKED_SHARE:
        life.rng.choices([attack for attack, _ in ATTACKS], [weight for _, weight in ATTACKS])[0](life)


def card_testing(life: Life) -> None:
    """Small payments to see whether a stolen number works, at times followed by a large one."""
    rng, at = life.rng, life.some_time()
    device = _stranger(life) if rng.random() < 0.45 else None
    mcc = rng.choice(["5968", "5816", "8398", "5732"])
    for _ in range(rng.randint(3, 14)):
        shop = life.world.shop(rng, rng.choice([life.town.country, "US"]), mcc if rng.random() < 0.7 else "5968")
        amount = rng.choice([0.5, 1.0, 1.0, 1.99, 2.0, 5.0]) if rng.random() < 0.5 else rng.uniform(0.5, 14)
        life.add(
            at, EventKind.CARD_PAYMENT, Channel.ECOMMERCE, amount,
            country=shop.country, to=shop, device=device, anomaly=A.CARD_TESTING,
        )  # fmt: skip
        at += rng.uniform(10, 600)
    if rng.random() < 0.4:
        shop = life.world.shop(rng, "US", "5732")
        life.add(
            at, EventKind.CARD_PAYMENT, Channel.ECOMMERCE, life.scale * rng.uniform(60, 600),
            country=shop.country, to=shop, device=device, anomaly=A.CARD_TESTING,
        )  # fmt: skip


def account_takeover(life: Life) -> None:
    """A stranger logs in and empties the account to a new payee."""
    rng, at, device = life.rng, life.some_time(), _stranger(life)
    country = life.town.country
    for _ in range(rng.choices([1, 2, 4], (60, 25, 15))[0]):
        life.add(at, EventKind.LOGIN, Channel.WEB, country=country, device=device, anomaly=A.ACCOUNT_TAKEOVER)
        at += rng.uniform(15, 400)
    for _ in range(rng.randint(1, 4)):
        at += rng.uniform(1, 90) * MINUTE_S
        payee, amount = life.world.payee(rng, country), life.income * rng.uniform(0.05, 0.9)
        life.add(
            at, EventKind.TRANSFER_OUT, rng.choice([Channel.WEB, Channel.MOBILE]), _rounded(life, amount),
            country=country, to=payee, device=device, anomaly=A.ACCOUNT_TAKEOVER,
        )  # fmt: skip


def stolen_card_spree(life: Life) -> None:
    """A lost card is used up within hours, in shops whose goods sell well."""
    rng, at = life.rng, life.some_time()
    town = rng.choice([other for other in life.world.towns if other.country == life.town.country])
    for _ in range(rng.randint(3, 10)):
        what = rng.choice(IN_PERSON)
        mcc = what.mcc if rng.random() < 0.6 else rng.choice(["5732", "5944", "5651"])
        terminal = life.world.terminal(rng, town, mcc)
        amount = what.mean * life.scale * rng.lognormvariate(0.5, 0.7)
        life.add(
            at, EventKind.CARD_PAYMENT, Channel.POS, amount,
            country=town.country, to=terminal, anomaly=A.STOLEN_CARD_SPREE,
        )  # fmt: skip
        at += rng.uniform(4, 45) * MINUTE_S


def amount_outlier(life: Life) -> None:
    """One payment far above the account's usual, at a place that could be anyone's."""
    rng, at, what = life.rng, life.some_time(), life.rng.choice(ONLINE)
    shop = life.world.shop(rng, life.town.country, what.mcc)
    amount = what.mean * life.scale * rng.uniform(10, 70)
    life.add(
        at, EventKind.CARD_PAYMENT, Channel.ECOMMERCE, amount, country=shop.country, to=shop,
        device=life.device_at(at) if rng.random() < 0.4 else _stranger(life), anomaly=A.AMOUNT_OUTLIER,
    )  # fmt: skip


def velocity_burst(life: Life) -> None:
    """Far too many ordinary payments in minutes, at one or a few merchants."""
    rng, at = life.rng, life.some_time()
    device = life.device_at(at) if rng.random() < 0.6 else None
    what = rng.choice(ONLINE)
    shops = [life.world.shop(rng, life.town.country, what.mcc) for _ in range(rng.randint(1, 3))]
    for _ in range(rng.randint(7, 22)):
        shop = rng.choice(shops)
        amount = what.mean * life.scale * rng.lognormvariate(-0.2, 0.5)
        life.add(
            at, EventKind.CARD_PAYMENT, Channel.ECOMMERCE, amount,
            country=shop.country, to=shop, device=device, anomaly=A.VELOCITY_BURST,
        )  # fmt: skip
        at += rng.expovariate(1 / 120)


def bot_or_emulator(life: Life) -> None:
    """A machine works through logins and payments at an even pace."""
    rng, at = life.rng, life.some_time()
    device = devices.machine(rng, home=life.town.country, language=life.town.language)
    step = rng.choice([5.0, 20.0, 60.0, 240.0])
    for _ in range(rng.randint(4, 14)):
        if rng.random() < 0.55:
            life.add(
                at, EventKind.LOGIN, Channel.WEB, country=life.town.country, device=device, anomaly=A.BOT_OR_EMULATOR
            )
        else:
            what = rng.choice(ONLINE)
            shop = life.world.shop(rng, life.town.country, what.mcc)
            life.add(
                at, EventKind.CARD_PAYMENT, Channel.ECOMMERCE, what.mean * life.scale * rng.lognormvariate(-0.3, 0.6),
                country=shop.country, to=shop, device=device, anomaly=A.BOT_OR_EMULATOR,
            )  # fmt: skip
        at += step * rng.uniform(0.9, 1.1)


def device_spoofing(life: Life) -> None:
    """A device that says it is the holder's kind, and contradicts itself."""
    rng, at = life.rng, life.some_time()
    device = devices.spoof(rng, life.device, origin=devices.draw(rng, ATTACK_ORIGINS))
    life.add(at, EventKind.LOGIN, Channel.WEB, country=life.town.country, device=device, anomaly=A.DEVICE_SPOOFING)
    for _ in range(rng.randint(1, 4)):
        at += rng.uniform(1, 60) * MINUTE_S
        if rng.random() < 0.5:
            payee, amount = life.world.payee(rng, life.town.country), life.income * rng.uniform(0.02, 0.4)
            life.add(
                at, EventKind.TRANSFER_OUT, Channel.WEB, _rounded(life, amount),
                country=life.town.country, to=payee, device=device, anomaly=A.DEVICE_SPOOFING,
            )  # fmt: skip
            continue
        what = rng.choice(ONLINE)
        shop = life.world.shop(rng, life.town.country, what.mcc)
        life.add(
            at, EventKind.CARD_PAYMENT, Channel.ECOMMERCE, what.mean * life.scale * rng.lognormvariate(0.3, 0.7),
            country=shop.country, to=shop, device=device, anomaly=A.DEVICE_SPOOFING,
        )  # fmt: skip


def impossible_travel(life: Life) -> None:
    """A copied card is used far away hours after the holder used the real one at home."""
    rng = life.rng
    present = [draft for draft in life.drafts if draft.channel is Channel.POS and draft.at > life.opened + 8 * DAY_S]
    at = (rng.choice(present).at if present else life.some_time()) + rng.uniform(0.4, 9) * HOUR_S
    country = rng.choice([devices.draw(rng, TRAVEL), devices.draw(rng, ATTACK_ORIGINS)])
    town = Town(f"{country}-away{rng.randrange(30)}", country, "", "")
    for _ in range(rng.randint(1, 5)):
        what = rng.choice(IN_PERSON)
        terminal = life.world.terminal(rng, town, what.mcc)
        life.add(
            at, EventKind.CARD_PAYMENT, Channel.POS, what.mean * life.scale * rng.lognormvariate(0.2, 0.8),
            country=country, to=terminal, anomaly=A.IMPOSSIBLE_TRAVEL,
        )  # fmt: skip
        at += rng.uniform(5, 120) * MINUTE_S


def mule_fan_in(life: Life) -> None:
    """Strangers send money, and it leaves again at once."""
    rng, at, total = life.rng, life.some_time(), 0.0
    for _ in range(rng.randint(3, 12)):
        amount = _rounded(life, life.income * rng.uniform(0.04, 0.6))
        total += amount
        sender = life.world.payee(rng, rng.choice([life.town.country, "GB", "DE"]))
        life.add(at, EventKind.TRANSFER_IN, Channel.SYSTEM, amount, to=sender, anomaly=A.MULE_FAN_IN)
        at += rng.uniform(0.1, 9) * HOUR_S
    parts = rng.randint(1, 3)
    for _ in range(parts):
        at += rng.uniform(0.05, 3) * HOUR_S
        payee = life.world.payee(rng, life.town.country)
        life.add(
            at, EventKind.TRANSFER_OUT, Channel.MOBILE, total * rng.uniform(0.75, 0.98) / parts,
            country=life.town.country, to=payee, device=life.device_at(at), anomaly=A.MULE_FAN_IN,
        )  # fmt: skip


def laundering_cycle(life: Life) -> None:
    """The same money comes round and round between a few accounts, a little less each time."""
    rng, at = life.rng, life.some_time()
    ring = [life.world.payee(rng, life.town.country) for _ in range(rng.randint(2, 3))]
    amount = float(rng.choice([500, 1000, 2000, 3000, 5000])) * rng.choice([1.0, 1.0, 0.95])
    for turn in range(rng.randint(2, 5)):
        source, sink = ring[turn % len(ring)], ring[(turn + 1) % len(ring)]
        life.add(at, EventKind.TRANSFER_IN, Channel.SYSTEM, amount, to=source, anomaly=A.LAUNDERING_CYCLE)
        at += rng.uniform(0.2, 14) * HOUR_S
        amount *= rng.uniform(0.94, 1.0)
        life.add(
            at, EventKind.TRANSFER_OUT, Channel.MOBILE, amount,
            country=life.town.country, to=sink, device=life.device_at(at), anomaly=A.LAUNDERING_CYCLE,
        )  # fmt: skip
        at += rng.uniform(1, 40) * HOUR_S


def app_scam(life: Life) -> None:
    """The holder is talked into sending money themselves: own device, own place, new payee, more each time."""
    rng, at, payee = life.rng, life.some_time(), life.world.payee(life.rng, life.town.country)
    device = life.device_at(at)
    channel = Channel.MOBILE if device.browser == "app" else Channel.WEB
    life.add(at, EventKind.LOGIN, channel, country=life.town.country, device=device)
    amount = life.income * rng.uniform(0.15, 1.2)
    for _ in range(rng.randint(1, 4)):
        if rng.random() < 0.5:
            at += rng.uniform(60, 900)
            life.add(at, EventKind.TRANSFER_IN, Channel.SYSTEM, amount * rng.uniform(0.9, 1.3), to=life.payees[0])
        at += rng.uniform(1, 40) * MINUTE_S
        life.add(
            at, EventKind.TRANSFER_OUT, channel, _rounded(life, amount),
            country=life.town.country, to=payee, device=device, anomaly=A.APP_SCAM,
        )  # fmt: skip
        amount *= rng.uniform(0.8, 2.2)
        payee = payee if rng.random() < 0.7 else life.world.payee(rng, life.town.country)


def cash_out(life: Life) -> None:
    """The end of a stolen card with its number: withdrawals until the machine refuses."""
    rng, at = life.rng, life.some_time()
    town = rng.choice([other for other in life.world.towns if other.country == life.town.country])
    for _ in range(rng.randint(2, 6)):
        machine = Counterparty(
            kind=CounterpartyKind.TERMINAL,
            id=f"a-{town.name}-x{rng.randrange(9)}",
            category="6011",
            country=town.country,
        )
        life.add(
            at, EventKind.CASH_WITHDRAWAL, Channel.ATM, float(rng.choice([200, 250, 300, 400, 500])),
            country=town.country, to=machine, anomaly=A.STOLEN_CARD_SPREE,
        )  # fmt: skip
        at += rng.uniform(1, 40) * MINUTE_S


def _stranger(life: Life) -> DeviceFingerprint:
    origin = devices.draw(life.rng, ATTACK_ORIGINS)
    return devices.stranger(life.rng, origin=origin, home=life.town.country, victim=life.device)


def _rounded(life: Life, amount: float) -> float:
    return float(max(20, round(amount / 50) * 50)) if life.rng.random() < 0.5 else amount


ATTACKS: tuple[tuple[Attack, float], ...] = (
    (card_testing, 1.0),
    (account_takeover, 1.3),
    (stolen_card_spree, 0.8),
    (cash_out, 0.4),
    (amount_outlier, 1.6),
    (velocity_burst, 0.7),
    (bot_or_emulator, 0.8),
    (device_spoofing, 1.2),
    (impossible_travel, 1.2),
    (mule_fan_in, 0.8),
    (laundering_cycle, 0.9),
    (app_scam, 1.4),
)
