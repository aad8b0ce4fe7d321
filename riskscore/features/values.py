"""Features as values: what `riskscore.features` computes, in the groups that a reason can name.

``None`` means that there was nothing to compare with. Amounts are in the account's currency.
"""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountFeatures:
    """The amount against earlier ones of the same direction (out, in, neither).

    Attributes:
        value: as the event says.
        deviations: (log(1 + amount) - mean) / spread; None with fewer than five earlier amounts.
        to_largest: amount / largest earlier amount of the window; None without one.
        same_24h: earlier outgoing events of 24 hours with exactly this amount.
        to_latest_in: amount / latest incoming amount of seven days; near one when money passes through.
        is_round: a multiple of fifty.
    """

    value: float
    deviations: float | None
    to_largest: float | None
    same_24h: int
    to_latest_in: float | None
    is_round: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterpartyFeatures:
    """The other side: what the account and what the institution knows of it; None without one.

    Attributes:
        is_new: the account's window has never seen it.
        earlier: how often the account's window has.
        since_first_days: since the account's first event there.
        category_is_new: the account's window has never seen its category.
        sent_before: money also came from it.
        count_24h, count_7d, count_28d, accounts_24h, frauds_28d, age_days: see `CounterpartyStats`.
        fraud_share: (frauds of 28 days) / (events of 28 days + 5).
        amount_to_mean: amount / mean amount there over 28 days.
    """

    is_new: bool | None = None
    earlier: int | None = None
    since_first_days: float | None = None
    category_is_new: bool | None = None
    sent_before: bool | None = None
    count_24h: int | None = None
    count_7d: int | None = None
    count_28d: int | None = None
    accounts_24h: int | None = None
    frauds_28d: int | None = None
    fraud_share: float | None = None
    amount_to_mean: float | None = None
    age_days: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFeatures:
    """The device: known to the account or not, and at one with itself or not; None without one.

    Attributes:
        is_new: the account's window has never seen its fingerprint.
        age_h: hours since the account's first event from it.
        language_is_new: the account's window has never seen its language.
        ip_is_foreign: its address is outside the account's home country.
        ip_is_elsewhere: its address is outside the country the event names.
        clock_is_off: its clock is not one of the address's country.
        incoherences: how many of its claims contradict its platform (cores, touch, browser, screen).
    """

    is_new: bool | None = None
    age_h: float | None = None
    language_is_new: bool | None = None
    ip_is_foreign: bool | None = None
    ip_is_elsewhere: bool | None = None
    clock_is_off: bool | None = None
    incoherences: int | None = None
    is_emulator: bool | None = None
    is_automated: bool | None = None
    is_rooted: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VelocityFeatures:
    """How much happened lately, before this event. Sums in the account's currency.

    Outgoing are card payments, withdrawals and transfers out; incoming are transfers in and deposits.

    Attributes:
        out_pace: outgoing events of 24 hours / (outgoing events of the window a day, at least one).
        small_1h: outgoing events of an hour of at most five units.
        counterparties_24h, devices_24h: different ones among all events of 24 hours.
        senders_7d: different counterparties that sent money in seven days.
        out_to_in_24h: outgoing / incoming sum of 24 hours, this event's own amount included; None
            without incoming.
    """

    out_count_1h: int
    out_count_24h: int
    out_count_7d: int
    out_sum_1h: float
    out_sum_24h: float
    out_sum_7d: float
    in_count_24h: int
    in_count_7d: int
    in_sum_24h: float
    logins_24h: int
    reversals_24h: int
    out_pace: float
    small_1h: int
    counterparties_24h: int
    devices_24h: int
    senders_7d: int
    out_to_in_24h: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceFeatures:
    """Where somebody acted: the terminal's country if present there, else that of the device's address.

    Attributes:
        country_is_new: the account's window has never seen the place.
        is_foreign: outside the home country, the one seen most often.
        from_home_km, from_previous_km: between centres of countries.
        speed_kmh: from the place before to this one, over at least half an hour.
        countries_24h: different places of 24 hours before this event.
    """

    country_is_new: bool | None
    is_foreign: bool | None
    from_home_km: float | None
    from_previous_km: float | None
    speed_kmh: float | None
    countries_24h: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingFeatures:
    """When it happened, UTC.

    Attributes:
        hour: 0-23. weekday: 0 is Monday.
        gap_s: since the event that arrived before, never negative.
        out_gap_s: since the latest outgoing event of seven days.
        hour_share: share of the window's events within an hour of this one's, 0-1.
        gap_evenness: standard deviation / mean of the last five gaps; near zero when a machine acts.
    """

    hour: int
    weekday: int
    gap_s: float | None
    out_gap_s: float | None
    hour_share: float | None
    gap_evenness: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Everything known about an event when it arrived, in the groups a reason can name."""

    amount: AmountFeatures
    counterparty: CounterpartyFeatures
    device: DeviceFeatures
    velocity: VelocityFeatures
    place: PlaceFeatures
    timing: TimingFeatures

    def as_dict(self) -> dict[str, Any]:
        """Nested plain values, ready for JSON: ``{"amount": {"value": 12.5, ...}, ...}``."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Features":
        """The inverse of `as_dict`. Raises TypeError or KeyError for anything else."""
        return cls(
            amount=AmountFeatures(**values["amount"]),
            counterparty=CounterpartyFeatures(**values["counterparty"]),
            device=DeviceFeatures(**values["device"]),
            velocity=VelocityFeatures(**values["velocity"]),
            place=PlaceFeatures(**values["place"]),
            timing=TimingFeatures(**values["timing"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The account as its window shows it; recomputed with every request.

    ``*_log`` are of log(1 + amount). ``out_per_day`` is over the window's span, at least one day.
    ``night_share`` is of events between 0 and 5 UTC, ``remote_share`` of events with a device,
    ``home_share`` of places that are the home country.
    """

    events: int
    span_days: float
    out_mean_log: float | None
    out_spread_log: float | None
    in_mean_log: float | None
    out_per_day: float
    devices: int
    counterparties: int
    places: int
    home_share: float | None
    remote_share: float
    night_share: float
