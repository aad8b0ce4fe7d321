"""What the model is compared with: the same features of the new event and of the profile, no sequence."""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from riskscore.encoding import SCHEMA
from training.dataset import PROFILE_COLUMNS, Account
from training.metrics import Flags, Scores

Matrix = NDArray[np.float32]
HONEST_SHARE = 0.25  # of the training accounts' honest events, as many as the model sees in an epoch


def frauds_of(accounts: Sequence[Account]) -> Flags:
    """Labels of all events of the accounts, in order."""
    return np.concatenate([account.frauds for account in accounts])


def numbers_of(accounts: Sequence[Account]) -> Matrix:
    """[E, N] numbers of all events, the profile's among them; NaN for missing."""
    rows = np.concatenate([account.numbers for account in accounts])
    rows[:, PROFILE_COLUMNS] = np.concatenate([account.profiles for account in accounts])
    return rows


def logistic(train: Sequence[Account], ask: Sequence[Sequence[Account]], *, seed: int) -> list[Scores]:
    """Log-odds from a logistic regression, for each group of accounts asked about.

    Numbers standardised and clipped, missing ones zero with a flag, categories one-hot.
    """
    rows, codes, frauds = _thinned(train, seed)
    mean, spread = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0) + 0.05
    fitted = LogisticRegression(max_iter=300).fit(_wide(rows, codes, mean, spread), frauds)
    return [fitted.decision_function(_wide(numbers_of(part), _codes(part), mean, spread)) for part in ask]


def boosted_trees(train: Sequence[Account], ask: Sequence[Sequence[Account]], *, seed: int) -> list[Scores]:
    """Log-odds from histogram gradient boosting, for each group of accounts asked about."""
    rows, codes, frauds = _thinned(train, seed)
    model = HistGradientBoostingClassifier(max_iter=250, learning_rate=0.07, max_leaf_nodes=23, random_state=seed)
    fitted = model.fit(np.concatenate([rows, codes], axis=1), frauds)
    return [fitted.decision_function(np.concatenate([numbers_of(part), _codes(part)], axis=1)) for part in ask]


def _codes(accounts: Sequence[Account]) -> Matrix:
    return np.concatenate([account.codes for account in accounts]).astype(np.float32)


def _thinned(accounts: Sequence[Account], seed: int) -> tuple[Matrix, Matrix, Flags]:
    frauds = frauds_of(accounts)
    kept = frauds | (np.random.default_rng(seed).random(len(frauds)) < HONEST_SHARE)
    return numbers_of(accounts)[kept], _codes(accounts)[kept], frauds[kept]


def _wide(rows: Matrix, codes: Matrix, mean: Matrix, spread: Matrix) -> Matrix:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        scaled = np.nan_to_num(((rows - mean) / spread).clip(-6.0, 6.0))
    hot = [
        np.eye(field.size, dtype=np.float32)[codes[:, index].astype(np.int64)]
        for index, field in enumerate(SCHEMA.categories)
    ]
    return np.concatenate([scaled, np.isnan(rows), *hot], axis=1, dtype=np.float32)


def rules_of(accounts: Sequence[Account]) -> Scores:
    """Score of the default ruleset, 0-1, of all events of the accounts."""
    return np.concatenate([account.rules for account in accounts]).astype(np.float64)
