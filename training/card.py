"""The model card: what a checkpoint is, how well it does and where that ends."""

from typing import Any

_TITLES = {
    "model": "**risk-small**",
    "boosted_trees": "gradient boosted trees, same fields of the one event",
    "logistic_regression": "logistic regression, same fields of the one event",
    "rules": "the default ruleset",
}
_COLUMNS = {
    "auroc": "AUROC",
    "ap": "AP",
    "recall_at_1pct_fpr": "recall at 1 % FPR",
    "brier": "Brier",
    "ece": "ECE",
}


def write_card(metrics: dict[str, Any]) -> str:
    """The card as Markdown, from what metrics.json holds."""
    run, events, accuracy = metrics["run"], metrics["events"], metrics["anomaly_accuracy"]
    return f"""# risk-small

A causal decoder (Qwen3 architecture, {run["parameters"] / 1e6:.1f} million parameters, float32) that reads a bank
account as a sequence of events, one position each, and answers two questions about a new one: is it fraud, and
which kind of anomaly does it look like. One pass, no sampling. Fields, tokens and layout are in
`riskscore/encoding.py`; the event encoder's weights lie in the same file under `event_encoder.`.

## Data
**Made up.** {events["train"]["accounts"]} accounts to train on, {events["calibration"]["accounts"]} to calibrate,
{events["test"]["accounts"]} to test; no account is in two of them. Each lives up to 120 days of spending, salaries,
bills, transfers, trips and new phones, and of honest oddities that look like fraud (`training/transactions`).
{events["test"]["frauds"]} of the {events["test"]["events"]} test events are reported fraud of twelve types; one
fraud in 25 is never reported and counts as honest here, as it would in a bank's books. Features are point in time,
and a label counts only from the day it was known. No real person's data was used.

## Measured on the test accounts
{_table(metrics["test"])}

Every model's probabilities went through Platt scaling on the calibration accounts. The type of anomaly is right
for {accuracy["frauds"]:.1%} of the frauds ("none" counts as wrong), for {accuracy["frauds_some_type"]:.1%} of them
where some type must be named, and for {accuracy["all_events"]:.1%} of all events.

Recall by type at the score that one honest event in a hundred exceeds:
{_types(metrics["recall_by_type_at_1pct_fpr"])}

## Limits
{_behind(metrics["test"])}- The figures say how well the model reads *this generator's* accounts. They are no
  forecast for a bank's own traffic: run it in shadow, measure it on your labels, and calibrate it before it decides.
- Its prior is the generator's share of fraud, about one event in a hundred. Shift it to yours
  (`Calibration.for_prior`) before you read scores as probabilities.
- Countries enter as regions and distances, never by name; language enters only as "new to this account". Fairness
  between groups of people was not measured, since the made-up holders have no such groups.
- Amounts are read in the account's currency and were trained around the euro's, dollar's and zloty's magnitudes.
- Fraud rings across accounts are seen only through the counterparties' figures.
- It is not meant for credit decisions, or to close an account without a person.

## Reproduce
`{run["command"]}` (about {max(1, round(run["seconds_in_all"] / 60))} minutes here on {run["threads"]} shared cores once
the accounts were made, which takes two to four more on free ones);
`metrics.json` holds every figure above, and `SHA256SUMS` seals the folder.
"""


def _table(rows: dict[str, dict[str, float]]) -> str:
    head = "| | " + " | ".join(_COLUMNS.values()) + " |\n" + "|---" * (len(_COLUMNS) + 1) + "|\n"
    body = [f"| {_TITLES[name]} | " + " | ".join(str(rows[name][key]) for key in _COLUMNS) + " |" for name in _TITLES]
    return head + "\n".join(body)


def _behind(rows: dict[str, dict[str, float]]) -> str:
    """Say it where a simpler model does better: who reads the card must not have to find it in the table."""
    own = rows["model"]["ap"]
    better = [name for name in _TITLES if rows[name]["ap"] > own]
    return "".join(
        f"- **{_TITLES[name].capitalize()}, rank better here: AP {rows[name]['ap']} against {own}.** What the decoder\n"
        "  adds is one pass for score, type and ablations, with the account's history kept in the cache.\n"
        for name in better
    )


def _types(recalls: dict[str, dict[str, float]]) -> str:
    head = "| | risk-small | trees | logistic | rules |\n|---|---|---|---|---|\n"
    lines = [
        f"| {kind} | " + " | ".join(f"{recalls[name][kind]:.2f}" for name in _TITLES) + " |"
        for kind in recalls["model"]
    ]
    return head + "\n".join(lines)
