"""A run in small: it learns, it goes on where it stopped, and what it writes is what it computed."""

import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen3Config

from riskscore.encoding import ANOMALY_TOKENS, ASK_ANOMALY, ASK_FRAUD, SCHEMA
from riskscore.scoring import Calibration, parse_calibration
from training.batches import Batch, collate, everything, sample, sequence
from training.dataset import PROFILE_COLUMNS, Account, Split, from_events
from training.export import export
from training.model import Scorer, small_config
from training.trainer import Plan, Trainer
from training.transactions.generator import generate


def tiny_config() -> Qwen3Config:
    config = small_config()
    config.hidden_size, config.intermediate_size, config.num_hidden_layers = 64, 64, 2
    config.layer_types = ["full_attention"] * 2
    return config


@pytest.fixture(scope="module")
def accounts():
    made = from_events(generate(accounts=24, seed=3, days=60))
    return [Account(name=name, split=Split.TRAIN, **arrays) for name, arrays in sorted(made.items())]


@pytest.fixture
def scorer(accounts):
    torch.manual_seed(1)
    made = Scorer(tiny_config())
    made.standardise(accounts)
    return made.eval()


def plan(steps: int, seed: int = 4) -> Plan:
    return Plan(steps=steps, seed=seed, accounts_a_step=4, branches=12, warm_up=2, honest_share=1.0, rate=3e-3)


def test_a_few_steps_lower_the_loss(accounts, scorer):
    trainer = Trainer(scorer, accounts, plan(24))
    losses = [trainer.learn(batch) for batch in trainer._batches(0)]

    assert np.mean(losses[-6:]) < 0.3 * np.mean(losses[:2])


def test_a_resumed_run_ends_where_an_unbroken_one_does(accounts, tmp_path):
    weights = []
    for pause in (4, 2):
        torch.manual_seed(9)
        first = Trainer(Scorer(tiny_config()), accounts, plan(4))
        first.run(every=pause, at_pause=lambda running: running.save(tmp_path / f"{running.step}"))
        again = Trainer(Scorer(tiny_config()), accounts, plan(4))
        again.resume(tmp_path / f"{pause}")
        again.run(every=100, at_pause=lambda _: None)
        weights.append(torch.cat([p.detach().flatten() for p in again.scorer.parameters()]))

    torch.testing.assert_close(weights[0], weights[1], rtol=0.0, atol=0.0)


def test_a_branch_is_blind_to_the_other_branches_and_to_what_came_later(accounts, scorer):
    account = max(accounts, key=lambda account: len(account.anomalies))
    kept = np.arange(40)
    alone, together = (collate([sequence(account, kept, asked)]) for asked in (np.array([20]), np.array([7, 20, 33])))

    for answer_alone, answer_together in zip(scorer(alone), scorer(together), strict=True):
        torch.testing.assert_close(answer_together[1], answer_alone[0], rtol=1e-4, atol=1e-5)


def plain_causal_answer(scorer, account, event, token):
    """The answer of the same weights to record, profile, event and question in one plain causal row."""
    one: Batch = collate([sequence(account, np.arange(event), np.array([event]))])
    events = scorer.event_encoder(one.numbers, one.codes)
    question = scorer.decoder.model.embed_tokens(torch.tensor([token]))
    return scorer.decoder(inputs_embeds=torch.cat([events, question])[None]).logits[0, -1]


@pytest.mark.parametrize(("index", "token"), [(0, ASK_FRAUD), (1, ASK_ANOMALY)])
def test_the_tree_mask_gives_what_a_plain_causal_pass_gives(accounts, scorer, index, token):
    account = max(accounts, key=lambda account: len(account.anomalies))
    (asked, record), *_ = everything(account, branches=64)

    answers = scorer(collate([record]))[index]

    for event in (0, 1, 17, 63):
        torch.testing.assert_close(
            answers[event], plain_causal_answer(scorer, account, int(asked[event]), token), rtol=1e-4, atol=1e-5
        )


def test_padding_changes_no_answer(accounts, scorer):
    rng = np.random.default_rng(0)
    long, short = (sample(account, rng, branches=9, forget=0.3) for account in accounts[:2])

    both = scorer(collate([long, short]))[0]

    torch.testing.assert_close(both[: len(long.seen)], scorer(collate([long]))[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(both[len(long.seen) :], scorer(collate([short]))[0], rtol=1e-4, atol=1e-5)


def test_every_event_is_asked_about_once(accounts):
    account = accounts[0]
    asked = np.concatenate([events for events, _ in everything(account, branches=10)])

    assert asked.tolist() == list(range(len(account.anomalies)))


def test_profile_columns_are_the_last_numbers():
    assert tuple(range(59, 71)) == PROFILE_COLUMNS
    assert all(SCHEMA.numbers[column].startswith("profile.") for column in PROFILE_COLUMNS)


@pytest.fixture
def folder(scorer, tmp_path):
    calibration = Calibration(slope=0.5, intercept=-1.0, prior=0.02, version="t")
    export(scorer, tmp_path / "c", calibration=calibration, metrics={"a": 1}, card="# c\n")
    return tmp_path / "c"


def test_an_export_loads_in_plain_transformers_with_the_same_logits(accounts, scorer, folder):
    loaded = AutoModelForCausalLM.from_pretrained(folder).eval()
    batch = collate([sequence(accounts[0], np.arange(30), np.array([29]))])
    inputs = scorer.event_encoder(batch.numbers, batch.codes)[None]

    torch.testing.assert_close(
        loaded(inputs_embeds=inputs).logits, scorer.decoder(inputs_embeds=inputs).logits, rtol=0.0, atol=0.0
    )


def test_an_export_says_what_it_reads_and_how_it_is_calibrated(folder):
    settings = json.loads((folder / "config.json").read_text())

    assert settings["assay"]["window"] == 512
    assert settings["assay"]["event_schema"]["version"] == "risk-1"
    assert settings["assay"]["event_schema"]["numbers"] == list(SCHEMA.numbers)
    assert parse_calibration((folder / "calibration.json").read_text()).slope == 0.5
    assert max(ANOMALY_TOKENS) < settings["vocab_size"] == 64
