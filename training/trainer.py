"""One training run: seeded, resumable, the same steps for the same arguments."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from training.batches import Batch, Record, collate, sample
from training.dataset import Account
from training.model import Scorer


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run does.

    Attributes:
        accounts_a_step: how many records share a step.
        branches: questions a record has.
        honest_share: of the accounts without fraud, how many an epoch visits.
        forget: share of branches that lose a group of fields.
        anomaly_weight: of the anomaly question's loss beside the fraud question's.
    """

    steps: int
    seed: int
    accounts_a_step: int = 8
    branches: int = 48
    honest_share: float = 0.5
    forget: float = 0.3
    anomaly_weight: float = 0.5
    rate: float = 1.5e-3
    warm_up: int = 60
    decay: float = 0.05

    def rate_at(self, step: int) -> float:
        """Learning rate: a linear rise, then half a cosine to nothing."""
        rise = min(1.0, (step + 1) / self.warm_up)
        return self.rate * rise * 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / self.steps)))


class Trainer:
    """Scorer, optimiser and the step they are at."""

    def __init__(self, scorer: Scorer, accounts: Sequence[Account], plan: Plan) -> None:
        self.scorer, self.plan, self.step = scorer, plan, 0
        self._struck = [account for account in accounts if account.frauds.any()]
        self._spared = [account for account in accounts if not account.frauds.any()]
        self.optimiser = torch.optim.AdamW(_groups(scorer, plan.decay), lr=plan.rate, betas=(0.9, 0.98))

    def run(self, *, every: int, at_pause: Callable[["Trainer"], None]) -> None:
        """Train to the end of the plan, pausing every so many steps."""
        self.scorer.train()
        with tqdm(total=self.plan.steps, initial=self.step, desc="steps", mininterval=5.0) as bar:
            for batch in self._batches(self.step):
                loss = self.learn(batch)
                bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
                bar.update()
                if self.step % every == 0:
                    at_pause(self)
                    self.scorer.train()

    def learn(self, batch: Batch) -> float:
        """One step; returns its loss."""
        fraud, anomaly = self.scorer(batch)
        loss = cross_entropy(fraud, batch.fraud_targets)
        loss = loss + self.plan.anomaly_weight * cross_entropy(anomaly, batch.anomaly_targets)
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.rate_at(self.step)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.scorer.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        return float(loss.detach())

    def save(self, path: Path) -> None:
        """Everything needed to go on from here."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        torch.save(
            {"step": self.step, "scorer": self.scorer.state_dict(), "optimiser": self.optimiser.state_dict()}, part
        )
        part.rename(path)

    def resume(self, path: Path) -> None:
        """Go on where `save` left off."""
        state = torch.load(path, weights_only=True)
        self.scorer.load_state_dict(state["scorer"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]

    def _batches(self, first: int) -> Iterator[Batch]:
        """Batches from a step on; what a step sees depends on the seed and the step alone."""
        size, step, epoch = self.plan.accounts_a_step, 0, 0
        while step < self.plan.steps:
            rng = np.random.default_rng((self.plan.seed, epoch))
            order = self._epoch(rng)
            for start in range(0, len(order) - size + 1, size):
                if step >= self.plan.steps:
                    return
                if step >= first:
                    dice = np.random.default_rng((self.plan.seed, epoch, step))
                    yield collate([self._sample(account, dice) for account in order[start : start + size]])
                step += 1
            epoch += 1

    def _sample(self, account: Account, rng: np.random.Generator) -> Record:
        return sample(account, rng, branches=self.plan.branches, forget=self.plan.forget)

    def _epoch(self, rng: np.random.Generator) -> list[Account]:
        """Every struck account and some spared ones, shuffled, alike lengths side by side to pad less."""
        spared = rng.permutation(len(self._spared))[: int(len(self._spared) * self.plan.honest_share)]
        chosen = [*self._struck, *(self._spared[index] for index in spared)]
        shuffled = [chosen[index] for index in rng.permutation(len(chosen))]
        size, pool = self.plan.accounts_a_step, self.plan.accounts_a_step * 12
        groups: list[list[Account]] = []
        for start in range(0, len(shuffled), pool):
            alike = sorted(shuffled[start : start + pool], key=lambda account: len(account.anomalies))
            groups += [alike[first : first + size] for first in range(0, len(alike), size)]
        full = [group for group in groups if len(group) == size]
        return [account for index in rng.permutation(len(full)) for account in full[index]]


def _groups(scorer: Scorer, decay: float) -> list[dict[str, object]]:
    matrices = [p for p in scorer.parameters() if p.ndim > 1]
    others = [p for p in scorer.parameters() if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
