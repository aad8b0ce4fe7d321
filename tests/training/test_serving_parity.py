"""What the engine answers is what training computed, for the same account and the same weights."""

import numpy as np
import pytest
import torch

from inference.api import EventPosition, Precision, ScoreRequest
from inference.checkpoints import load_checkpoint
from inference.config import EngineConfig
from inference.engine import EngineCore
from riskscore.encoding import ANOMALY_TOKENS, NO, YES, pack_current, pack_history, pack_profile, questions
from riskscore.features import AccountWindow, CounterpartyWindow, compute, profile
from riskscore.scoring import Calibration
from training.batches import collate, sequence
from training.dataset import Account, Split, from_events
from training.export import export
from training.model import Scorer, small_config
from training.transactions.generator import generate

ASKED = 41  # the event in question, the 42nd of its account


@pytest.fixture(scope="module")
def events():
    return [
        item for item in generate(accounts=2, seed=8, days=60) if item.event.account == "a000000" and not item.is_fraud
    ]


@pytest.fixture(scope="module")
def scorer(events):
    torch.manual_seed(2)
    config = small_config()
    config.num_hidden_layers, config.initializer_range = 2, 0.1
    config.layer_types = ["full_attention"] * 2
    made = Scorer(config)
    made.standardise([account_of(events)])
    return made.eval()


def account_of(events) -> Account:
    return Account(name="a000000", split=Split.TEST, **from_events(events)["a000000"])


def request_of(events) -> ScoreRequest:
    """The request as serving builds it: event by event, packed on arrival."""
    window, counterparties, record = AccountWindow(), CounterpartyWindow(), list[EventPosition]()
    for item in events[:ASKED]:
        record.append(pack_history(item.event, compute(item.event, window, counterparties.stats(item.event))))
        window.append(item.event)
        counterparties.append(item.event)
    new = events[ASKED].event
    current = pack_current(new, compute(new, window, counterparties.stats(new)))
    asked = questions(pack_profile(profile(window)), current)
    return ScoreRequest(id="r", model="risk", namespace="bank", record=tuple(record), questions=asked)


def test_the_engine_gives_the_logits_of_training(events, scorer, tmp_path):
    export(scorer, tmp_path / "c", calibration=Calibration(slope=1.0, intercept=0.0), metrics={}, card="")
    config = EngineConfig(precision=Precision.FP32, threads=1, memory_mb=256, salt_key=bytes(32))
    core = EngineCore([load_checkpoint(tmp_path / "c", name="risk", config=config)], config)
    core.start()
    answers = core.submit(request_of(events)).result(timeout=60)
    core.stop()

    one = collate([sequence(account_of(events), np.arange(ASKED), np.array([ASKED]))])
    fraud, anomaly = (part[0].detach() for part in scorer(one))
    assert answers.answer("fraud").logits == pytest.approx(fraud[[NO, YES]].tolist(), abs=1e-3)
    assert answers.answer("anomaly").logits == pytest.approx(anomaly[list(ANOMALY_TOKENS)].tolist(), abs=1e-3)
    assert answers.answer("fraud-without-amount").logits != answers.answer("fraud").logits
