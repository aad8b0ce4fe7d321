"""What all accounts share: towns with their terminals, shops of the web, and terminals gone bad."""

from dataclasses import dataclass
from random import Random

from riskscore.events import Counterparty, CounterpartyKind
from training.transactions.devices import draw
from training.transactions.facts import HOMES, SPENDING

DAY_S = 86400.0
ACCOUNTS_A_TOWN = 40
BAD_TERMINALS_A_TOWN = 0.5  # per 120 days
FRAUD_SHARE_WHILE_BAD = 0.5


@dataclass(frozen=True, slots=True)
class Town:
    """Where people shop in person."""

    name: str
    country: str
    currency: str
    language: str


@dataclass(frozen=True, slots=True)
class BadTerminal:
    """A terminal in the hands of thieves from ``start`` to ``end``, epoch seconds."""

    start: float
    end: float


class World:
    """Counterparties by name, drawn with a long tail, and which terminals are bad and when.

    Two worlds of one seed are equal.
    """

    def __init__(self, *, seed: int, accounts: int, start: float, end: float) -> None:
        rng = Random(f"{seed}:world")
        self.start, self.end = start, end
        self.towns = tuple(self._town(rng, index) for index in range(max(2, accounts // ACCOUNTS_A_TOWN)))
        self.bad: dict[str, BadTerminal] = {}
        for town in self.towns:
            count = (rng.random() < BAD_TERMINALS_A_TOWN) + (rng.random() < BAD_TERMINALS_A_TOWN / 3)
            for _ in range(int(count)):
                mcc = rng.choice([spending.mcc for spending in SPENDING if not spending.is_online])
                begin = rng.uniform(start + 5 * DAY_S, end - 5 * DAY_S)
                terminal = self.terminal(rng, town, mcc)
                self.bad[terminal.id] = BadTerminal(begin, begin + rng.uniform(7, 28) * DAY_S)

    @staticmethod
    def _town(rng: Random, index: int) -> Town:
        country, _, currency, language = draw(rng, [(home, home[1]) for home in HOMES])
        return Town(f"{country}{index}", country, currency, language)

    @staticmethod
    def terminal(rng: Random, town: Town, mcc: str) -> Counterparty:
        """A terminal of the town, the first ones far more often than the last."""
        number = min(int(rng.paretovariate(1.1)), 6)
        return Counterparty(
            kind=CounterpartyKind.TERMINAL, id=f"t-{town.name}-{mcc}-{number}", category=mcc, country=town.country
        )

    @staticmethod
    def shop(rng: Random, country: str, mcc: str) -> Counterparty:
        """A shop of the web: mostly of the country, one in five from somewhere else."""
        seat = country if rng.random() < 0.8 else rng.choice(["US", "IE", "LU", "CN", "NL", "GB"])
        number = min(int(rng.paretovariate(0.6)), 400)
        return Counterparty(kind=CounterpartyKind.MERCHANT, id=f"w-{seat}-{mcc}-{number}", category=mcc, country=seat)

    @staticmethod
    def payee(rng: Random, country: str) -> Counterparty:
        """A person or a firm with an account somewhere, met for the first time."""
        return Counterparty(kind=CounterpartyKind.PAYEE, id=f"p-{rng.getrandbits(48):012x}", country=country)

    def is_bad(self, counterparty: Counterparty | None, at: float) -> bool:
        """Whether the terminal was in the hands of thieves at the time."""
        bad = self.bad.get(counterparty.id) if counterparty else None
        return bad is not None and bad.start <= at <= bad.end
