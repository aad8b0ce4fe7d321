"""Reads the whole trail again and says where it is not as it was sealed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from apps.audit.chains import FORM, GENESIS, chain_name, link_bytes, of_chain, scope_of
from apps.audit.keys import AuditKey
from apps.audit.models import AuditEvent, AuditSeal
from apps.audit.sealing import unsealed
from apps.common import scope

CHUNK = 2000  # seals and events in memory at a time
UNSEALED_AFTER = timedelta(minutes=5)  # a sealer passes every few seconds
SEALED_LATE_AFTER = timedelta(hours=1)

Row = tuple[AuditSeal, AuditEvent | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One place where the trail is not as it was sealed.

    Attributes:
        position: in the chain; for what is missing, the first that is.
        event_id: of the event at that position, or "" where nobody can say any more.
    """

    chain: str
    position: int
    event_id: str
    code: str
    text: str


@dataclass(slots=True, kw_only=True)
class ChainReport:
    """What one chain was found to be.

    Attributes:
        warnings: what may be innocent: events not sealed in time, and those sealed long after they happened.
    """

    chain: str
    sealed: int = 0
    findings: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return asdict(self)


def verify_chain(
    institution_id: UUID | None,
    *,
    keys: Mapping[str, AuditKey],
    anchored: Mapping[int, bytes],
    now: datetime,
    progress: Callable[[int], None] = lambda _count: None,
) -> ChainReport:
    """Follow one chain from its first seal to its last, a part at a time.

    Args:
        anchored: digests that were written down elsewhere, by position. Without them a cut tail goes unseen.
        progress: told after every part how many seals were followed.
    """
    report = ChainReport(chain=chain_name(institution_id))
    with scope.entered(scope_of(institution_id)):
        walk = _Walk(report, keys, anchored)
        for part in _parts(institution_id):
            for seal, event in part:
                walk.step(seal, event)
            progress(report.sealed)
        walk.end()
        _warn_of_unsealed(report, institution_id, now)
    return report


class _Walk:
    """From seal to seal. After a flaw it goes on from the digest that is stored, so that each flaw is named once."""

    def __init__(self, report: ChainReport, keys: Mapping[str, AuditKey], anchored: Mapping[int, bytes]) -> None:
        self.report = report
        self.keys = {key_id: key.derived("seal") for key_id, key in keys.items()}
        self.anchored = anchored
        self.expected = 1
        self.previous: bytes | None = GENESIS  # None: what came before is gone
        self.is_late = False

    def step(self, seal: AuditSeal, event: AuditEvent | None) -> None:
        """The next seal, with the event it names."""
        self.report.sealed += 1
        self._place(seal)
        self._digest(seal, event)
        digest = bytes(seal.digest)
        if self.anchored.get(seal.position, digest) != digest:
            self._find(seal, "differs_from_anchor", "another digest was anchored for this position")
        self._lateness(seal, event)
        self.previous, self.expected = digest, seal.position + 1

    def end(self) -> None:
        """Compare where the chain ends with where it was anchored."""
        last = max(self.anchored, default=0)
        if last >= self.expected:
            text = f"the chain was anchored up to position {last}, and ends before {self.expected}"
            self._add(self.expected, "", "tail_cut", text)

    def _place(self, seal: AuditSeal) -> None:
        if seal.position == self.expected:
            return
        if seal.position > self.expected:
            text = f"positions {self.expected} to {seal.position - 1} are gone"
            self._add(self.expected, "", "positions_missing", text)
        else:
            self._find(seal, "out_of_order", f"position {self.expected} was to follow")
        self.previous = self.anchored.get(seal.position - 1)

    def _digest(self, seal: AuditSeal, event: AuditEvent | None) -> None:
        key = self.keys.get(seal.key_id)
        if event is None:
            self._find(seal, "event_missing", "the event that was sealed here is gone")
        elif key is None:
            self._find(seal, "unknown_key", f"it was sealed with a key that is not known here, {seal.key_id[:16]}")
        elif seal.form != FORM:
            self._find(seal, "unknown_form", "it was sealed in a form that is not known here")
        elif self.previous is not None and not key.made(bytes(seal.digest), link_bytes(event, seal, self.previous)):
            self._find(seal, "altered", "the event or its seal is not what was sealed")

    def _lateness(self, seal: AuditSeal, event: AuditEvent | None) -> None:
        if self.is_late or event is None or seal.sealed_at - event.at <= SEALED_LATE_AFTER:
            return
        self.is_late = True
        text = "from here on, an event or more were sealed over an hour after they say they happened"
        self.report.warnings.append(_finding(self.report.chain, seal.position, str(event.pk), "sealed_late", text))

    def _find(self, seal: AuditSeal, code: str, text: str) -> None:
        self._add(seal.position, str(seal.event_id), code, text)

    def _add(self, position: int, event_id: str, code: str, text: str) -> None:
        self.report.findings.append(_finding(self.report.chain, position, event_id, code, text))


def _finding(chain: str, position: int, event_id: str, code: str, text: str) -> Finding:
    return Finding(chain=chain, position=position, event_id=event_id, code=code, text=text)


def _parts(institution_id: UUID | None) -> Iterator[list[Row]]:
    seals = AuditSeal.objects.filter(of_chain(institution_id)).order_by("position", "pk")
    stream: Iterable[AuditSeal] = seals.iterator(chunk_size=CHUNK)
    rows = iter(stream)
    while part := list(islice(rows, CHUNK)):
        events = AuditEvent.objects.in_bulk([seal.event_id for seal in part])
        yield [(seal, events.get(seal.event_id)) for seal in part]


def _warn_of_unsealed(report: ChainReport, institution_id: UUID | None, now: datetime) -> None:
    waiting = unsealed(institution_id).filter(at__lt=now - UNSEALED_AFTER).order_by("at", "pk")
    first = waiting.first()
    if first is not None:
        text = f"{waiting.count()} events older than {UNSEALED_AFTER} have no seal; is a sealer running?"
        report.warnings.append(_finding(report.chain, 0, str(first.pk), "unsealed", text))
