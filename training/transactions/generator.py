"""Labelled events of many accounts, in the order in which a bank would have received them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from random import Random

from riskscore.anomalies import AnomalyType
from riskscore.events import Channel, Event
from training.transactions.attacks import strike
from training.transactions.lives import HOUR_S, Draft, Life, begin, live
from training.transactions.oddities import odd_things
from training.transactions.world import DAY_S, World

START = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
DAYS = 120
UNREPORTED = 0.04  # frauds that nobody ever notices
LATE_SHARE = 0.015  # of events in person: terminals that were offline


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledEvent:
    """An event as it arrived, what it truly was, and when the bank learned of it.

    Attributes:
        arrived_at: epoch seconds, at or after ``event.occurred_at``.
        anomaly: the truth.
        known_at: epoch seconds when the fraud was reported, after it arrived; None for honest events
            and for frauds that nobody noticed.
    """

    event: Event
    arrived_at: float
    anomaly: AnomalyType
    known_at: float | None

    @property
    def is_fraud(self) -> bool:
        """What the bank's books will say in the end: fraud that somebody reported."""
        return self.known_at is not None


def generate(*, accounts: int, seed: int, days: int = DAYS) -> list[LabelledEvent]:
    """Events of so many accounts by arrival. The same arguments give the same events.

    Account references are ``a000000`` and on; each account's life has a random stream of its own.
    """
    world = World(seed=seed, accounts=accounts, start=START, end=START + days * DAY_S)
    labelled = [event for index in range(accounts) for event in _account(world, seed, index)]
    labelled.sort(key=lambda item: (item.arrived_at, item.event.id))
    return labelled


def digest(events: list[LabelledEvent]) -> str:
    """sha256 over everything generated, hex: equal for equal data."""
    running = sha256()
    for item in events:
        running.update(repr((item.event, item.arrived_at, item.anomaly, item.known_at)).encode())
    return running.hexdigest()


def _account(world: World, seed: int, index: int) -> Iterator[LabelledEvent]:
    life = begin(Random(f"{seed}:{index}"), world)
    live(life)
    odd_things(life)
    strike(life)
    drafts = sorted((draft for draft in life.drafts if draft.at < world.end), key=lambda draft: draft.at)
    for number, draft in enumerate(drafts):
        yield _labelled(life, draft, f"a{index:06d}", number)


def _labelled(life: Life, draft: Draft, account: str, number: int) -> LabelledEvent:
    rng = life.rng
    is_late = draft.channel is Channel.POS and rng.random() < LATE_SHARE
    arrived = draft.at + (rng.uniform(0.5, 48) * HOUR_S if is_late else rng.uniform(0, 2))
    is_reported = draft.anomaly is not AnomalyType.NONE and rng.random() >= UNREPORTED
    return LabelledEvent(
        event=Event(
            id=f"{account}-{number:05d}",
            account=account,
            kind=draft.kind,
            channel=draft.channel,
            amount=Decimal(round(draft.amount * 100)) / 100,
            currency=life.town.currency,
            occurred_at=datetime.fromtimestamp(int(draft.at), tz=UTC),
            country=draft.country,
            counterparty=draft.counterparty,
            device=draft.device,
        ),
        arrived_at=arrived,
        anomaly=draft.anomaly,
        known_at=arrived + rng.lognormvariate(1.0, 0.8) * DAY_S if is_reported else None,
    )
