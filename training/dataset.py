"""Generated events as arrays: features as serving would have computed them, labels, who belongs where.

A *bank* is a few hundred accounts in a world of their own; banks are built side by side in processes and
kept under ``var/`` by a digest of the code that made them.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from riskscore.anomalies import ANOMALY_TYPES, AnomalyType
from riskscore.encoding import SCHEMA, pack_history, pack_profile
from riskscore.features import AccountWindow, CounterpartyWindow, compute, profile
from riskscore.rules.baseline import DEFAULT_RULESET
from riskscore.rules.evaluation import evaluate, rules_score
from riskscore.rules.facts import facts_of
from training.transactions.generator import LabelledEvent, generate

ACCOUNTS_A_BANK = 500
PROFILE_COLUMNS = tuple(i for i, name in enumerate(SCHEMA.numbers) if name.startswith("profile."))
ROLE_COLUMN = next(i for i, field in enumerate(SCHEMA.categories) if field.name == "role")
_ROOT = Path(__file__).parent.parent
_SOURCES = (
    *(f"riskscore/{name}.py" for name in ("events", "anomalies", "encoding")),
    "riskscore/features/*.py",
    "riskscore/rules/*.py",
    "training/dataset.py",
    "training/transactions/*.py",
)

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


class Split(IntEnum):
    """What an account is used for; never two things."""

    TRAIN = 0
    CALIBRATION = 1
    TEST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """All events of one account by arrival. E events, N numbers, C categories, P profile numbers.

    Attributes:
        numbers: [E, N] float32, NaN for missing, as `riskscore.encoding.pack_history` lays them out.
        codes: [E, C] int64, in the role of history.
        profiles: [E, P] float32, the account just before each event.
        anomalies: [E] int64, index into ANOMALY_TYPES of what the bank's books say in the end.
        rules: [E] float32, score of the default ruleset.
    """

    name: str
    split: Split
    numbers: Floats
    codes: Integers
    profiles: Floats
    anomalies: Integers
    rules: Floats

    @property
    def frauds(self) -> NDArray[np.bool_]:
        """[E] whether the event was reported as fraud."""
        return self.anomalies > 0


def split_of(name: str) -> Split:
    """Where an account belongs, by its name alone: 86 % train, 6 % calibration, 8 % test."""
    share = int.from_bytes(sha256(name.encode()).digest()[:4], "big") / 2**32
    if share < 0.86:
        return Split.TRAIN
    return Split.CALIBRATION if share < 0.92 else Split.TEST


def build(*, accounts: int, seed: int, cache: Path, workers: int) -> list[Account]:
    """So many accounts, rounded up to whole banks of at most 500; from the cache where it has them."""
    banks = max(1, -(-accounts // ACCOUNTS_A_BANK))
    sizes = [min(ACCOUNTS_A_BANK, accounts)] * banks
    code = _code_digest()
    paths = [cache / f"bank-{code}-{seed}-{bank}-{size}.npz" for bank, size in enumerate(sizes)]
    missing = [
        (path, seed * 10_000 + bank, size)
        for bank, (path, size) in enumerate(zip(paths, sizes, strict=True))
        if not path.exists()
    ]
    cache.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(max_workers=workers, mp_context=get_context("fork")) as pool:
        made = pool.map(_make_bank, missing)
        list(tqdm(made, total=len(missing), desc="banks", disable=not missing))
    return [account for bank, path in enumerate(paths) for account in _load(path, bank)]


def from_events(events: Sequence[LabelledEvent]) -> dict[str, dict[str, Any]]:
    """Arrays by account reference, keyed as the attributes of `Account`, from events by arrival."""
    windows: dict[str, AccountWindow] = {}
    rows: dict[str, list[_Row]] = {}
    counterparties = CounterpartyWindow()
    for item in events:
        event = item.event
        window = windows.setdefault(event.account, AccountWindow())
        features = compute(event, window, counterparties.stats(event))
        anomaly = item.anomaly if item.is_fraud else AnomalyType.NONE
        row = _Row(
            event=pack_history(event, features).packed,
            profile=pack_profile(profile(window)).packed,
            anomaly=ANOMALY_TYPES.index(anomaly),
            rules=rules_score(evaluate(DEFAULT_RULESET, facts_of(event, features))),
        )
        rows.setdefault(event.account, []).append(row)
        window.append(event)
        counterparties.append(event)
        if item.known_at is not None:
            counterparties.report(event, known_at=item.known_at)
    return {account: _arrays(found) for account, found in rows.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    event: bytes
    profile: bytes
    anomaly: int
    rules: float


def _arrays(rows: list[_Row]) -> dict[str, Any]:
    numbers, codes = unpack([row.event for row in rows])
    profiles, _ = unpack([row.profile for row in rows])
    return {
        "numbers": numbers,
        "codes": codes,
        "profiles": profiles[:, PROFILE_COLUMNS],
        "anomalies": np.array([row.anomaly for row in rows], dtype=np.int64),
        "rules": np.array([row.rules for row in rows], dtype=np.float32),
    }


def unpack(packed: Sequence[bytes]) -> tuple[Floats, Integers]:
    """[T, N] numbers and [T, C] codes of packed events."""
    raw = np.frombuffer(b"".join(packed), dtype="<f4").reshape(len(packed), -1)
    count = len(SCHEMA.numbers)
    return raw[:, :count].astype(np.float32), raw[:, count:].copy().view("<i4").astype(np.int64)


def _make_bank(job: tuple[Path, int, int]) -> None:
    path, seed, size = job
    found = from_events(generate(accounts=size, seed=seed))
    names = sorted(found)
    whole = {key: np.concatenate([found[name][key] for name in names]) for key in found[names[0]]}
    lengths = np.array([len(found[name]["anomalies"]) for name in names])
    part = path.with_suffix(".part.npz")
    arrays: dict[str, Any] = {"names": np.array(names), "lengths": lengths, **whole}
    np.savez(part, **arrays)
    part.rename(path)


def _load(path: Path, bank: int) -> list[Account]:
    accounts = []
    with np.load(path) as stored:
        ends = np.cumsum(stored["lengths"])
        columns = {key: stored[key] for key in ("numbers", "codes", "profiles", "anomalies", "rules")}
        for name, end, length in zip(stored["names"], ends, stored["lengths"], strict=True):
            full = f"b{bank}-{name}"
            rows = {key: column[end - length : end] for key, column in columns.items()}
            accounts.append(Account(name=full, split=split_of(full), **rows))
    return accounts


def _code_digest() -> str:
    running = sha256()
    for pattern in _SOURCES:
        for path in sorted(_ROOT.glob(pattern)):
            running.update(path.read_bytes())
    return running.hexdigest()[:12]
