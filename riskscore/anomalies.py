"""The closed list of anomaly types, with the names other systems of the field use for them."""

from enum import StrEnum


class AnomalyType(StrEnum):
    """What kind of fraud or abuse an event looks like. ``NONE`` is a type: nothing unusual."""

    NONE = "none"
    CARD_TESTING = "card_testing"
    ACCOUNT_TAKEOVER = "account_takeover"
    STOLEN_CARD_SPREE = "stolen_card_spree"
    COMPROMISED_TERMINAL = "compromised_terminal"
    AMOUNT_OUTLIER = "amount_outlier"
    VELOCITY_BURST = "velocity_burst"
    BOT_OR_EMULATOR = "bot_or_emulator"
    DEVICE_SPOOFING = "device_spoofing"
    IMPOSSIBLE_TRAVEL = "impossible_travel"
    MULE_FAN_IN = "mule_fan_in"
    LAUNDERING_CYCLE = "laundering_cycle"
    APP_SCAM = "app_scam"  # authorised push payment


# Order is the order of the label tokens: append only, a checkpoint depends on it.
ANOMALY_TYPES: tuple[AnomalyType, ...] = tuple(AnomalyType)
