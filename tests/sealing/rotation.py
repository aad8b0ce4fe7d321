"""A bank whose events are read and written while everything is sealed again."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection

from apps.common.encryption.rotation import Column, seal_again, sealed_columns
from apps.tenants.models import Institution
from riskscore.features.entries import Names
from riskscore.models import Account, Event
from riskscore.querysets import account_windows
from riskscore.services import ingest_events
from tests.riskscore.makers import NOW, event, random_events

OLD = "old:b25seS10aGUtdGVzdHMtdXNlLXRoaXMta2V5LTMyLWI="
NEW = "new:QW5vdGhlci1rZXktdGhhdC1vbmx5LXRlc3RzLXVzZTE="


@dataclass
class Load:
    """What readers and writers met."""

    reads: int = 0
    writes: int = 0
    errors: list[str] = field(default_factory=list)


def stored(institution: Institution, count: int) -> None:
    """So many events of a few accounts."""
    for start in range(0, count, 2000):
        events = random_events(min(2000, count - start), seed=start, accounts=20)
        ingest_events(institution_id=institution.pk, events=dict(enumerate(events)), now=NOW)


def remaining() -> int:
    """Values under another key than the current, in all columns."""
    return sum(column.remaining() for column in sealed_columns())


def rotate(*, passes: int = 5) -> None:
    """What the command does."""
    columns: tuple[Column, ...] = sealed_columns()
    for _ in range(passes):
        for column in columns:
            seal_again(column)
        if not remaining():
            return


def read(institution: Institution) -> None:
    """Open the latest of every account."""
    before = dict(Account.objects.filter(institution=institution).values_list("pk", "event_count"))
    account_windows(institution.pk, before, Names())
    for row in Event.objects.filter(institution=institution).select_related("account").order_by("?")[:20]:
        assert row.external_id
        assert row.account.reference


def written(institution: Institution) -> Callable[[], None]:
    """Tells one new event each time."""
    numbers = iter(range(10**9))

    def write() -> None:
        number = next(numbers)
        told = event(f"late-{number}", account=f"acc-{number % 20}")
        ingest_events(institution_id=institution.pk, events={1: told}, now=NOW)

    return write


@contextmanager
def under_load(institution: Institution) -> Iterator[Load]:
    """Two readers and a writer for the length of a block."""
    load, over = Load(), threading.Event()

    def repeat(act: Callable[[], None], name: str) -> None:
        try:
            while not over.is_set():
                act()
                setattr(load, name, getattr(load, name) + 1)
                time.sleep(0.005)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
            load.errors.append(type(error).__name__)
        finally:
            connection.close()

    threads = [
        *(threading.Thread(target=repeat, args=(lambda: read(institution), "reads")) for _ in range(2)),
        threading.Thread(target=repeat, args=(written(institution), "writes")),
    ]
    for thread in threads:
        thread.start()
    yield load
    over.set()
    for thread in threads:
        thread.join()
