"""Scores of every event of accounts, as serving would have given them at the time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from riskscore.anomalies import ANOMALY_TYPES
from riskscore.encoding import ANOMALY_TOKENS, NO, YES
from training.batches import collate, everything
from training.dataset import Account
from training.metrics import Flags, Scores, threshold_at_fpr
from training.model import Scorer

BRANCHES = 128  # a record's questions at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """The model's answers about E events, in the order of the accounts.

    Attributes:
        logits: [E] log-odds of fraud.
        anomaly_logits: [E, ANOMALY_TYPES].
        frauds: [E] and anomalies: [E] what the books say.
    """

    logits: Scores
    anomaly_logits: Scores
    frauds: Flags
    anomalies: NDArray[np.int64]

    @property
    def named(self) -> NDArray[np.int64]:
        """[E] the likeliest type of anomaly, "none" among them."""
        return np.asarray(self.anomaly_logits.argmax(axis=1))


@torch.inference_mode()
def score_accounts(scorer: Scorer, accounts: Sequence[Account], *, progress: bool) -> Scored:
    """Ask the model about every event of the accounts."""
    scorer.eval()
    logits, anomaly_logits = [], []
    for account in tqdm(accounts, desc="scoring", disable=not progress, mininterval=5.0):
        for _, record in everything(account, branches=BRANCHES):
            fraud, anomaly = scorer(collate([record]))
            logits.append((fraud[:, YES] - fraud[:, NO]).double().numpy())
            anomaly_logits.append(anomaly[:, list(ANOMALY_TOKENS)].double().numpy())
    anomalies = np.concatenate([account.anomalies for account in accounts])
    return Scored(
        logits=np.concatenate(logits),
        anomaly_logits=np.concatenate(anomaly_logits),
        frauds=anomalies > 0,
        anomalies=anomalies,
    )


def anomaly_accuracy(scored: Scored) -> dict[str, float]:
    """How often the type is right: over frauds with "none" allowed, over frauds without, over all events."""
    frauds = scored.frauds
    typed = scored.anomaly_logits[frauds, 1:].argmax(axis=1) + 1
    return {
        "frauds": round(float((scored.named[frauds] == scored.anomalies[frauds]).mean()), 4),
        "frauds_some_type": round(float((typed == scored.anomalies[frauds]).mean()), 4),
        "all_events": round(float((scored.named == scored.anomalies).mean()), 4),
    }


def recall_by_type(scores: Scores, anomalies: NDArray[np.int64]) -> dict[str, float]:
    """Share of each type's events above the score that one honest event in a hundred exceeds."""
    threshold = threshold_at_fpr(scores, anomalies > 0, 0.01)
    return {
        ANOMALY_TYPES[index].value: round(float((scores[anomalies == index] > threshold).mean()), 3)
        for index in range(1, len(ANOMALY_TYPES))
        if (anomalies == index).any()
    }
