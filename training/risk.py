"""Train the risk model that ships: ``python -m training.risk``, a half hour on two cores.

Generates accounts, trains, calibrates on accounts of their own, compares with baselines on accounts that
nothing was fitted on, and writes a sealed checkpoint folder. The same arguments give the same data and
the same steps; the floating-point rounding of a machine's kernels may differ in the last digits.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from riskscore.anomalies import ANOMALY_TYPES
from riskscore.scoring import Calibration
from training import baselines
from training.calibrate import calibrated, fit_platt
from training.card import write_card
from training.dataset import Account, Split, build
from training.evaluate import Scored, anomaly_accuracy, recall_by_type, score_accounts
from training.export import export
from training.metrics import Scores, average_precision, measure
from training.model import Scorer, small_config
from training.trainer import Plan, Trainer

STATE = Path("var/training")
SAVE_STEPS = 25
WATCH_STEPS = 200


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and do the whole run."""
    options = _options(argv)
    started = time.monotonic()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    accounts = build(accounts=options.accounts, seed=options.seed, cache=STATE / "banks", workers=options.threads)
    train, held, test = (tuple(a for a in accounts if a.split is split) for split in Split)
    trainer = _trainer(options, train)
    state = STATE / f"risk-{options.seed}-{options.accounts}.pt"
    if options.resume and state.exists():
        trainer.resume(state)
    watched = held[:25]

    def at_pause(running: Trainer) -> None:
        running.save(state)
        if running.step % WATCH_STEPS:
            return
        seen = score_accounts(running.scorer, watched, progress=False)
        print(f"step {running.step}: AP {average_precision(seen.logits, seen.frauds):.3f} on 25 accounts", flush=True)

    trainer.run(every=SAVE_STEPS, at_pause=at_pause)
    trained_s = time.monotonic() - started
    metrics, calibration = assess(trainer.scorer, train, held, test, seed=options.seed)
    metrics["run"] = {
        "command": f"python -m training.risk --accounts {options.accounts} --seed {options.seed} "
        f"--steps {trainer.plan.steps}",
        "plan": asdict(trainer.plan),
        "threads": options.threads,
        "seconds_to_trained": round(trained_s),
        "seconds_in_all": round(time.monotonic() - started),
        "parameters": sum(parameter.numel() for parameter in trainer.scorer.parameters()),
    }
    export(trainer.scorer, options.out, calibration=calibration, metrics=metrics, card=write_card(metrics))
    print(write_card(metrics))


def assess(
    scorer: Scorer, train: Sequence[Account], held: Sequence[Account], test: Sequence[Account], *, seed: int
) -> tuple[dict[str, Any], Calibration]:
    """Calibrate every model on ``held``, measure it on ``test``: what metrics.json says, and the model's fit."""
    of_held = score_accounts(scorer, held, progress=True)
    of_test = score_accounts(scorer, test, progress=True)
    calibration = fit_platt(of_held.logits, of_held.frauds, version="platt-1")
    logits: dict[str, tuple[Scores, Scores]] = {
        "model": (of_held.logits, of_test.logits),
        "logistic_regression": _pair(baselines.logistic(train, (held, test), seed=seed)),
        "boosted_trees": _pair(baselines.boosted_trees(train, (held, test), seed=seed)),
        "rules": _pair([baselines.rules_of(held), baselines.rules_of(test)]),
    }
    return {
        "test": {name: _measures(of_held, of_test, *pair) for name, pair in logits.items()},
        "anomaly_accuracy": anomaly_accuracy(of_test),
        "recall_by_type_at_1pct_fpr": {
            name: recall_by_type(pair[1], of_test.anomalies) for name, pair in logits.items()
        },
        "events": {
            name: {"accounts": len(part), "events": int(frauds.size), "frauds": int(frauds.sum())}
            for name, part in (("train", train), ("calibration", held), ("test", test))
            for frauds in (baselines.frauds_of(part),)
        },
        "types": [kind.value for kind in ANOMALY_TYPES],
    }, calibration


def _measures(of_held: Scored, of_test: Scored, held: Scores, test: Scores) -> dict[str, float]:
    fitted = fit_platt(held, of_held.frauds, version="")
    ranked = measure(test, of_test.frauds)  # by the raw logit: a calibrated one may tie in its last digits
    honest = measure(calibrated(test, fitted), of_test.frauds)
    return replace(ranked, brier=honest.brier, ece=honest.ece).as_dict()


def _pair(scores: list[Scores]) -> tuple[Scores, Scores]:
    first, second = scores
    return first, second


def _trainer(options: argparse.Namespace, train: Sequence[Account]) -> Trainer:
    scorer = Scorer(small_config())
    scorer.standardise(list(train))
    return Trainer(scorer, train, Plan(steps=options.steps, seed=options.seed))


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.risk", description=__doc__.splitlines()[0])
    parser.add_argument("--accounts", type=int, default=4000, help="accounts to generate, all splits together")
    parser.add_argument("--steps", type=int, default=1600, help="optimiser steps, eight accounts each")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("checkpoints/risk-small"))
    parser.add_argument(
        "--resume", action="store_true", help="go on from where the run of this seed and size was last saved"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
