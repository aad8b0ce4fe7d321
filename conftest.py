"""Fixtures every test may use, and what the suite says at its end."""

import pytest
from django.conf import settings
from hypothesis import settings as properties

from settings import embedded
from settings.env import env

properties.register_profile("long", max_examples=4000)  # pytest --hypothesis-profile long


@pytest.fixture(scope="session", autouse=True)
def redis_server() -> None:
    """A real Redis for the whole run: the one REDIS_URL names, or the embedded one."""
    if not env.str("REDIS_URL", default=None):
        embedded.start_redis(settings.STATE_DIR)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped, and for which reasons."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = sorted({str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped})
    terminalreporter.write_line(f"skipped: {len(skipped)}" + "".join(f"\n  because {reason}" for reason in reasons))
