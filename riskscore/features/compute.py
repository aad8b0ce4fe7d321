"""What an event looks like against the account's own past, point in time.

Features are computed once, when the event arrives, from what arrived before it, and never change. They
come in the groups that a reason can name; ablating a group means to forget its values. Amounts are in
the account's currency: a bank that books several converts before it sends. A window of time reaches
back from the event's own ``occurred_at``; negative gaps of late events count as zero. ``None`` means
that there was nothing to compare with.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from riskscore.events import DeviceFingerprint, Event, EventKind, Platform
from riskscore.features.entries import Entry, counterparty_key, direction, place_of
from riskscore.features.places import distance_km, keeps_clock
from riskscore.features.values import (
    AmountFeatures,
    CounterpartyFeatures,
    DeviceFeatures,
    Features,
    PlaceFeatures,
    Profile,
    TimingFeatures,
    VelocityFeatures,
)
from riskscore.features.windows import DAY_S, HOUR_S, AccountWindow, CounterpartyStats

FEWEST_TO_COMPARE = 5  # amounts, before one can be called unusual
NARROWEST_SPREAD = 0.25  # of log amounts, so that a constant history does not divide by zero
SMALL_CENTS = 500  # what testers of stolen cards try
SHORTEST_TRIP_H = 0.5  # clocks of terminals differ; nearer in time no speed is read off


def compute(event: Event, window: AccountWindow, stats: CounterpartyStats | None) -> Features:
    """Features of an event that is about to be appended to its account's window.

    Args:
        window: the account's, without the event.
        stats: of the event's counterparty; None if it has none.
    """
    t = event.occurred_at.timestamp()
    week = window.between(t - 7 * DAY_S, t)
    return Features(
        amount=_amount(event, window, week, t),
        counterparty=_counterparty(event, window, stats, t),
        device=_device(event, window, t),
        velocity=_velocity(event, window, week, t),
        place=_place(event, window, week, t),
        timing=_timing(event, window, week, t),
    )


def profile(window: AccountWindow) -> Profile:
    """The account as the window shows it. An empty window gives zeros and None."""
    count = len(window)
    span_days = _span_days(window)
    placed = sum(window.places.values())
    return Profile(
        events=count,
        span_days=span_days,
        out_mean_log=window.amounts[1].mean,
        out_spread_log=window.amounts[1].spread,
        in_mean_log=window.amounts[-1].mean,
        out_per_day=window.amounts[1].count / max(1.0, span_days),
        devices=len(window.devices),
        counterparties=len(window.counterparties),
        places=len(window.places),
        home_share=window.places[window.home] / placed if placed else None,
        remote_share=sum(map(len, window.devices.values())) / count if count else 0.0,
        night_share=sum(window.hours[hour] for hour in range(5)) / count if count else 0.0,
    )


def _span_days(window: AccountWindow) -> float:
    if not len(window):
        return 0.0
    first, last = window.span
    return (last - first) / DAY_S


def _amount(event: Event, window: AccountWindow, week: Sequence[Entry], t: float) -> AmountFeatures:
    way = direction(event.kind)
    cents = round(event.amount * 100)
    usual = window.amounts[way]
    deviations = None
    if way and usual.count >= FEWEST_TO_COMPARE:
        mean, spread = usual.mean or 0.0, usual.spread or 0.0
        deviations = (math.log1p(cents / 100) - mean) / max(spread, NARROWEST_SPREAD)
    largest = max((entry.cents for entry in window.entries if entry.direction == way), default=0) if way else 0
    latest_in = next((entry.cents for entry in reversed(week) if entry.direction < 0), 0)
    return AmountFeatures(
        value=cents / 100,
        deviations=deviations,
        to_largest=cents / largest if largest else None,
        same_24h=sum(e.cents == cents and e.direction > 0 and e.at > t - DAY_S for e in week),
        to_latest_in=cents / latest_in if latest_in and way > 0 else None,
        is_round=cents > 0 and cents % 5000 == 0,
    )


def _counterparty(
    event: Event, window: AccountWindow, stats: CounterpartyStats | None, t: float
) -> CounterpartyFeatures:
    if event.counterparty is None:
        return CounterpartyFeatures()
    known = stats or CounterpartyStats()
    key, category = counterparty_key(event.counterparty), event.counterparty.category
    seen = window.counterparties.get(key)
    return CounterpartyFeatures(
        is_new=seen is None,
        earlier=len(seen) if seen else 0,
        since_first_days=max(0.0, t - seen[0].at) / DAY_S if seen else None,
        category_is_new=category not in window.categories if category else None,
        sent_before=key in window.senders,
        count_24h=known.count_24h,
        count_7d=known.count_7d,
        count_28d=known.count_28d,
        accounts_24h=known.accounts_24h,
        frauds_28d=known.frauds_28d,
        fraud_share=known.frauds_28d / (known.count_28d + 5),
        amount_to_mean=float(event.amount) / known.mean_amount if known.mean_amount else None,
        age_days=known.age_days,
    )


def _device(event: Event, window: AccountWindow, t: float) -> DeviceFeatures:
    device = event.device
    if device is None:
        return DeviceFeatures()
    seen = window.devices.get(device.id) if device.id else None
    address, offset = device.ip_country, device.utc_offset_minutes
    at_home = keeps_clock(address, offset) if address and offset is not None else None
    return DeviceFeatures(
        is_new=seen is None if device.id else None,
        age_h=max(0.0, t - seen[0].at) / HOUR_S if seen else None,
        language_is_new=device.language not in window.languages if device.language else None,
        ip_is_foreign=address != window.home if address and window.home else None,
        ip_is_elsewhere=address != event.country if address and event.country else None,
        clock_is_off=None if at_home is None else not at_home,
        incoherences=incoherences(device),
        is_emulator=device.is_emulator,
        is_automated=device.is_automated,
        is_rooted=device.is_rooted,
    )


def incoherences(device: DeviceFingerprint) -> int:
    """How many of a device's claims do not go with its platform.

    iPhones and iPads have two to ten cores, always touch, never report memory to a page and are at most
    1376 CSS pixels wide; Safari runs on Apple's systems alone; a Mac has no touch screen; Android
    devices have touch; a browser on a desk is wider than 600 pixels.
    """
    width, cores = _width(device.screen), device.hardware_concurrency
    is_ios, is_android = device.platform is Platform.IOS, device.platform is Platform.ANDROID
    is_mac = device.platform is Platform.MACOS
    is_desk = is_mac or device.platform in (Platform.WINDOWS, Platform.LINUX)
    return sum(
        (
            is_ios and (not device.has_touch or (cores or 2) > 10),
            is_ios and device.browser == "safari" and device.memory_gb is not None,
            is_ios and (width or 0) > 1376,
            is_android and not device.has_touch,
            is_android and (width or 0) > 1700,
            device.browser == "safari" and not (is_ios or is_mac),
            is_mac and device.has_touch,
            is_desk and width is not None and width < 600,
            cores is not None and not 1 <= cores <= 128,
        )
    )


def _width(screen: str) -> int | None:
    width, _, height = screen.partition("x")
    both = width.isascii() and width.isdigit() and height.isascii() and height.isdigit()
    return min(int(width), 100_000) if both and len(width) < 7 else None


def _velocity(event: Event, window: AccountWindow, week: Sequence[Entry], t: float) -> VelocityFeatures:
    day = [entry for entry in week if entry.at > t - DAY_S]
    out_7d = [entry for entry in week if entry.direction > 0]
    out_24h = [entry for entry in day if entry.direction > 0]
    out_1h = [entry for entry in out_24h if entry.at > t - HOUR_S]
    ins = [entry for entry in week if entry.direction < 0]
    in_24h = [entry for entry in ins if entry.at > t - DAY_S]
    daily = max(1.0, window.amounts[1].count / max(1.0, _span_days(window)))
    own = float(event.amount) if direction(event.kind) > 0 else 0.0
    in_sum, out_sum = _sum(in_24h), _sum(out_24h)
    return VelocityFeatures(
        out_count_1h=len(out_1h),
        out_count_24h=len(out_24h),
        out_count_7d=len(out_7d),
        out_sum_1h=_sum(out_1h),
        out_sum_24h=out_sum,
        out_sum_7d=_sum(out_7d),
        in_count_24h=len(in_24h),
        in_count_7d=len(ins),
        in_sum_24h=in_sum,
        logins_24h=sum(entry.kind is EventKind.LOGIN for entry in day),
        reversals_24h=sum(entry.kind is EventKind.REVERSAL for entry in day),
        out_pace=len(out_24h) / daily,
        small_1h=sum(entry.cents <= SMALL_CENTS for entry in out_1h),
        counterparties_24h=len({entry.counterparty for entry in day if entry.counterparty}),
        devices_24h=len({entry.device for entry in day if entry.device}),
        senders_7d=len({entry.counterparty for entry in ins if entry.counterparty}),
        out_to_in_24h=(out_sum + own) / in_sum if in_sum else None,
    )


def _sum(entries: Sequence[Entry]) -> float:
    return sum(entry.cents for entry in entries) / 100


def _place(event: Event, window: AccountWindow, week: Sequence[Entry], t: float) -> PlaceFeatures:
    here, home = place_of(event), window.home
    previous = next((entry for entry in window.latest() if entry.place), None)
    moved = distance_km(previous.place, here) if previous and here else None
    hours = max(abs(t - previous.at) / HOUR_S, SHORTEST_TRIP_H) if previous else SHORTEST_TRIP_H
    return PlaceFeatures(
        country_is_new=here not in window.places if here and home else None,
        is_foreign=here != home if here and home else None,
        from_home_km=distance_km(home, here),
        from_previous_km=moved,
        speed_kmh=None if moved is None else moved / hours,
        countries_24h=len({entry.place for entry in week if entry.at > t - DAY_S and entry.place}),
    )


def _timing(event: Event, window: AccountWindow, week: Sequence[Entry], t: float) -> TimingFeatures:
    hour, count = event.occurred_at.hour, len(window)
    near = sum(window.hours[(hour + shift) % 24] for shift in (-1, 0, 1))
    latest_out = next((entry.at for entry in reversed(week) if entry.direction > 0), None)
    return TimingFeatures(
        hour=hour,
        weekday=event.occurred_at.weekday(),
        gap_s=max(0.0, t - window.entries[-1].at) if count else None,
        out_gap_s=None if latest_out is None else t - latest_out,
        hour_share=near / count if count else None,
        gap_evenness=_evenness(window, t),
    )


def _evenness(window: AccountWindow, t: float) -> float | None:
    if len(window) < 5:
        return None
    times = [*(window.entries[index].at for index in range(-5, 0)), t]
    gaps = [max(0.0, later - earlier) for earlier, later in pairwise(times)]
    mean = sum(gaps) / 5
    return math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / 5) / mean if mean else 0.0
