"""Running database work side by side."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from django.db import connections

from apps.common.errors import DomainError


def race(*works: Callable[[], object]) -> list[object]:
    """Run every work at the same moment in a thread and connection of its own.

    Returns:
        What each returned, or the refusal it met, in the order given.
    """
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        gate.wait(timeout=10)
        try:
            return work()
        except DomainError as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))


def kinds_of(outcomes: Sequence[object]) -> list[str]:
    """Class names of what came out, sorted."""
    return sorted(type(outcome).__name__ for outcome in outcomes)
