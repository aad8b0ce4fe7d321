"""Sequences as the engine reads them: a history once, and many questions that branch off it.

One sequence of training is n events of history and k branches. A branch is the profile, the new event,
the fraud question and the anomaly question; it sees the history before its event and itself, never
another branch, and its questions do not see each other. That is the engine's tree mask, so a logit of
training is a logit of serving.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from riskscore.encoding import (
    ABLATIONS,
    ANOMALY_TOKENS,
    ASK_ANOMALY,
    ASK_FRAUD,
    GROUPS,
    HISTORY_LIMIT,
    NO,
    SCHEMA,
    YES,
    Role,
    history_start,
)
from training.dataset import PROFILE_COLUMNS, ROLE_COLUMN, Account, Floats, Integers

BRANCH = 4  # profile, event, fraud question, anomaly question
_NUMBER_INDEX = {name: index for index, name in enumerate(SCHEMA.numbers)}
_CODE_INDEX = {field.name: index for index, field in enumerate(SCHEMA.categories)}
_FORGOTTEN = {
    group: (
        [_NUMBER_INDEX[name] for name in names if name in _NUMBER_INDEX],
        [_CODE_INDEX[name] for name in names if name in _CODE_INDEX],
    )
    for group, names in ABLATIONS.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record with its questions. n history events, k branches.

    Attributes:
        numbers, codes: [n + 2 k, ...] history, then profile and event of each branch.
        seen: [k] how many history events each branch sees.
        anomalies: [k] labels, 0 for honest.
    """

    numbers: Floats
    codes: Integers
    seen: Integers
    anomalies: Integers

    @property
    def history(self) -> int:
        """n."""
        return len(self.numbers) - 2 * len(self.seen)

    @property
    def length(self) -> int:
        """Positions: n + 4 k."""
        return self.history + BRANCH * len(self.seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Padded sequences. B sequences, L positions, T events in all, Q = 2 x branches questions.

    Attributes:
        numbers, codes: [T, N] float32 and [T, C] int64.
        event_slots: [T] where in the flattened [B * L] positions each event goes.
        tokens: [B, L] token ids of the question positions, elsewhere 0.
        positions: [B, L] position ids.
        mask: [B, 1, L, L] bool, True where a row may look.
        fraud_slots, anomaly_slots: [Q / 2] where the answers are read.
        fraud_targets, anomaly_targets: [Q / 2] token ids of the right answers.
    """

    numbers: Tensor
    codes: Tensor
    event_slots: Tensor
    tokens: Tensor
    positions: Tensor
    mask: Tensor
    fraud_slots: Tensor
    anomaly_slots: Tensor
    fraud_targets: Tensor
    anomaly_targets: Tensor


def sequence(account: Account, kept: Integers, asked: Integers) -> Record:
    """The record of an account made of the ``kept`` events, with a branch for each of the ``asked``.

    Both are ascending indices into the account's events; no more than the history limit may be kept.
    """
    k = len(asked)
    branches = np.full((k, 2, len(SCHEMA.numbers)), np.nan, dtype=np.float32)
    branches[:, 0, PROFILE_COLUMNS] = account.profiles[asked]
    branches[:, 1] = account.numbers[asked]
    codes = np.zeros((k, 2, len(SCHEMA.categories)), dtype=np.int64)
    codes[:, 0, ROLE_COLUMN] = Role.PROFILE
    codes[:, 1] = account.codes[asked]
    codes[:, 1, ROLE_COLUMN] = Role.CURRENT
    return Record(
        numbers=np.concatenate([account.numbers[kept], branches.reshape(2 * k, -1)]),
        codes=np.concatenate([account.codes[kept], codes.reshape(2 * k, -1)]),
        seen=np.searchsorted(kept, asked).astype(np.int64),
        anomalies=account.anomalies[asked],
    )


def sample(account: Account, rng: np.random.Generator, *, branches: int, forget: float) -> Record:
    """A training sequence: every fraud that fits, honest events beside, parts of it forgotten.

    A third of the sequences start somewhere inside the account's past; a third lose one event in ten of
    it; a share ``forget`` of the branches loses one group of the new event's fields, at times two.
    """
    events = len(account.anomalies)
    start = int(rng.integers(0, max(1, events - 40))) if rng.random() < 0.33 else 0
    start = max(start, events - HISTORY_LIMIT)
    window = np.arange(start, events)
    kept = window[rng.random(len(window)) >= 0.1] if rng.random() < 0.33 else window
    frauds = window[account.frauds[window]][: branches // 2]
    honest = window[~account.frauds[window]]
    honest = rng.choice(honest, min(len(honest), branches - len(frauds)), replace=False)
    made = sequence(account, kept, np.sort(np.concatenate([frauds, honest])))
    for branch in np.flatnonzero(rng.random(len(made.seen)) < forget):
        row = made.history + 2 * int(branch) + 1
        for group in rng.choice(GROUPS, 2 if rng.random() < 0.15 else 1, replace=False):
            numbers, codes = _FORGOTTEN[str(group)]
            made.numbers[row, numbers] = np.nan
            made.codes[row, codes] = 0
    return made


def everything(account: Account, *, branches: int) -> Iterator[tuple[Integers, Record]]:
    """Sequences that ask about every event of an account, as serving would, and which events they ask about."""
    events = np.arange(len(account.anomalies))
    starts = np.array([history_start(int(count)) for count in events])
    for start in np.unique(starts):
        group = events[starts == start]
        for first in range(0, len(group), branches):
            asked = group[first : first + branches]
            yield asked, sequence(account, np.arange(start, asked[-1]), asked)


def collate(sequences: Sequence[Record]) -> Batch:
    """Pad sequences to the longest and lay their positions, masks and answers out."""
    longest = max(item.length for item in sequences)
    layouts = [_layout(item, longest) for item in sequences]
    slots = [row * longest + layout.events for row, layout in enumerate(layouts)]
    asks = [row * longest + layout.asks for row, layout in enumerate(layouts)]
    tokens = np.zeros((len(sequences), longest), dtype=np.int64)
    for row, layout in enumerate(layouts):
        tokens[row, layout.asks], tokens[row, layout.asks + 1] = ASK_FRAUD, ASK_ANOMALY
    anomalies = np.concatenate([item.anomalies for item in sequences])
    fraud_slots = torch.from_numpy(np.concatenate(asks))
    return Batch(
        numbers=torch.from_numpy(np.concatenate([item.numbers for item in sequences])),
        codes=torch.from_numpy(np.concatenate([item.codes for item in sequences])),
        event_slots=torch.from_numpy(np.concatenate(slots)),
        tokens=torch.from_numpy(tokens),
        positions=torch.from_numpy(np.stack([layout.positions for layout in layouts])),
        mask=torch.from_numpy(np.stack([layout.mask for layout in layouts]))[:, None],
        fraud_slots=fraud_slots,
        anomaly_slots=fraud_slots + 1,
        fraud_targets=torch.from_numpy(np.where(anomalies > 0, YES, NO)),
        anomaly_targets=torch.from_numpy(np.array(ANOMALY_TOKENS)[anomalies]),
    )


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things of one sequence lie among its L positions."""

    events: Integers
    asks: Integers
    positions: Integers
    mask: NDArray[np.bool_]


def _layout(item: Record, longest: int) -> _Layout:
    n, k = item.history, len(item.seen)
    starts = n + BRANCH * np.arange(k)
    place = np.arange(longest)
    branch = np.where(place < n, -1, (place - n) // BRANCH)
    within = np.where(place < n, 0, (place - n) % BRANCH)
    is_real = place < item.length
    seen = np.where(branch < 0, place + 1, np.append(item.seen, 0)[np.minimum(branch, k)])
    # History rows see themselves and before; branch rows the history before their event.
    mask = (place[None, :] < np.minimum(seen, n)[:, None]) & is_real[:, None]
    same = (branch[:, None] == branch[None, :]) & (branch >= 0)[:, None] & (within[None, :] <= within[:, None])
    blind = (within == 3)[:, None] & (within == 2)[None, :]
    mask |= same & ~blind
    np.fill_diagonal(mask, val=True)  # padding looks at itself, so that no softmax is empty
    positions = np.where(branch < 0, place, seen + np.minimum(within, 2))
    events = np.concatenate([np.arange(n), np.stack([starts, starts + 1], axis=1).reshape(-1)])
    return _Layout(events, starts + 2, np.where(is_real, positions, 0), mask)
