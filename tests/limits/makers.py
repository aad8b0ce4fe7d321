"""Clocks and policies."""

import time
from collections.abc import Callable

from apps.api.limits.policies import Kind, read_limits
from apps.api.limits.windows import Policy


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def policy(*, quota: int, key: str = "anyone", window_s: int = 60) -> Policy:
    """So much a minute."""
    return Policy(name=key, key=key, quota=quota, window_s=window_s)


def quotas(**per_minute: int) -> dict[Kind, int]:
    """The quotas in force, those named among them: ``sign_in`` for sign-in."""
    return read_limits({name.replace("_", "-"): str(quota) for name, quota in per_minute.items()})


def wait_for(happens: Callable[[], bool], *, timeout_s: float = 10.0) -> None:
    """Until it has."""
    until = time.monotonic() + timeout_s
    while not happens():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.001)
