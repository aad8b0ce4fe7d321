"""The rules an institution starts with, and those the model is compared with.

Amounts are in the account's currency and meant for a retail bank of the euro's or dollar's order
of magnitude; everything else is relative to the account's own past. Written from the typologies of
the field, not fitted to data; a weight says how often such a hit deserves a second look.
"""

from typing import Any, Final

from riskscore.rules.parsing import parse_ruleset


def _rule(
    name: str, when: list[dict[str, Any]], outcome: str, weight: str, anomaly: str, reason: str
) -> dict[str, Any]:
    return {
        "id": name.lower().replace(" ", "_"),
        "name": name,
        "when": {"all": when},
        "effect": {"outcome": outcome},
        "weight": weight,
        "anomaly": anomaly,
        "reason": reason,
    }


def _is(field: str, value: object = True, op: str = "==") -> dict[str, Any]:  # noqa: FBT002 (a JSON value)
    return {"field": field, "op": op, "value": value}


def _least(field: str, value: str) -> dict[str, Any]:
    return _is(field, value, ">=")


OUTGOING: Final = _is("kind", ["card_payment", "cash_withdrawal", "transfer_out"], "in")
REMOTE: Final = _is("channel", ["ecommerce", "mobile", "web"], "in")

DEFAULT_DOCUMENT: Final[dict[str, Any]] = {
    "rules": [
        _rule(
            "Emulated or automated device",
            [{"any": [_is("device.is_emulator"), _is("device.is_automated")]}, _is("kind", "login", "!=")],
            "block_and_review",
            "0.55",
            "bot_or_emulator",
            "The device is an emulator or is driven by a program.",
        ),
        _rule(
            "Incoherent device",
            [_least("device.incoherences", "1"), _is("device.is_new")],
            "review",
            "0.45",
            "device_spoofing",
            "A new device claims things that do not go together.",
        ),
        _rule(
            "Anonymous network on new device",
            [_is("network", ["tor", "vpn", "hosting"], "in"), _is("device.is_new"), OUTGOING],
            "review",
            "0.35",
            "account_takeover",
            "Money leaves through an anonymous network from a device this account has not used.",
        ),
        _rule(
            "Takeover pattern",
            [OUTGOING, REMOTE, _is("device.is_new"), _is("counterparty.is_new"), _least("amount.deviations", "1.5")],
            "block_and_review",
            "0.5",
            "account_takeover",
            "A new device sends an unusual amount to somebody this account has not dealt with.",
        ),
        _rule(
            "Impossible travel",
            [_least("place.speed_kmh", "1000"), _is("place.country_is_new")],
            "block_and_review",
            "0.5",
            "impossible_travel",
            "Nobody could have travelled from the place before to this one in the time between.",
        ),
        _rule(
            "Card testing",
            [_least("velocity.small_1h", "3"), _is("kind", "card_payment")],
            "block_and_review",
            "0.6",
            "card_testing",
            "Several small payments within an hour, as when stolen cards are tried out.",
        ),
        _rule(
            "Velocity burst",
            [OUTGOING, _least("velocity.out_count_1h", "6"), _least("velocity.out_pace", "3")],
            "review",
            "0.4",
            "velocity_burst",
            "Many more outgoing events within an hour than this account is used to.",
        ),
        _rule(
            "Spending spree",
            [
                OUTGOING,
                _least("velocity.out_count_1h", "3"),
                _least("amount.deviations", "2"),
                _is("counterparty.is_new"),
            ],
            "block_and_review",
            "0.5",
            "stolen_card_spree",
            "Unusually large payments to new counterparties follow each other quickly.",
        ),
        _rule(
            "Amount outlier",
            [OUTGOING, _least("amount.deviations", "3.5"), _least("amount.to_largest", "1.5")],
            "review",
            "0.4",
            "amount_outlier",
            "The amount is far above everything this account has sent before.",
        ),
        _rule(
            "Very large amount",
            [OUTGOING, _least("amount", "50000")],
            "review",
            "0.1",
            "none",
            "The amount is above what may pass without a look.",
        ),
        _rule(
            "Compromised counterparty",
            [_least("counterparty.frauds_28d", "3"), _least("counterparty.fraud_share", "0.05")],
            "review",
            "0.45",
            "compromised_terminal",
            "Fraud was reported at this counterparty several times in the last four weeks.",
        ),
        _rule(
            "Money passing through",
            [
                _is("kind", ["transfer_out", "cash_withdrawal"], "in"),
                _least("velocity.senders_7d", "4"),
                _least("velocity.out_to_in_24h", "0.8"),
            ],
            "review",
            "0.5",
            "mule_fan_in",
            "Money from many senders leaves again within a day.",
        ),
        _rule(
            "Circular transfer",
            [
                _is("kind", "transfer_out"),
                _is("counterparty.sent_before"),
                _least("amount.to_latest_in", "0.9"),
                _is("amount.to_latest_in", "1", "<="),
            ],
            "review",
            "0.35",
            "laundering_cycle",
            "Nearly the same amount goes back to where money came from.",
        ),
        _rule(
            "Large transfer to new payee",
            [_is("kind", "transfer_out"), _is("counterparty.is_new"), _least("amount.deviations", "2.5")],
            "review",
            "0.35",
            "app_scam",
            "An unusually large transfer to a payee this account has never paid.",
        ),
    ]
}

DEFAULT_RULESET: Final = parse_ruleset(DEFAULT_DOCUMENT, version="default-2026-11-23")
