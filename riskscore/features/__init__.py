"""What an event looks like against its account's past and its counterparty's, point in time.

`values` says what is computed, `entries` what is kept of an event, `windows` what is remembered of many, `compute`
how the one follows from the other.
"""

from riskscore.features.compute import compute, incoherences, profile
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
from riskscore.features.windows import AccountWindow, CounterpartyStats, CounterpartyWindow

__all__ = [
    "AccountWindow",
    "AmountFeatures",
    "CounterpartyFeatures",
    "CounterpartyStats",
    "CounterpartyWindow",
    "DeviceFeatures",
    "Features",
    "PlaceFeatures",
    "Profile",
    "TimingFeatures",
    "VelocityFeatures",
    "compute",
    "incoherences",
    "profile",
]
