"""Whose turn it is among the namespaces of one priority: start-time fair queuing over computed positions.

A namespace's tag is the virtual time up to which it was served; who has the lowest is served next. Virtual time
follows the tags of those served, and who comes back from a rest starts there: idleness earns no credit.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from itertools import groupby

from inference.engine.work import Work

Party = tuple[int, bytes]  # priority and salt


class Shares:
    """What each namespace has had, within each priority. Used by one thread."""

    def __init__(self) -> None:
        self._tags: dict[Party, int] = {}
        self._now: dict[int, int] = {}

    def order(self, works: Iterable[Work]) -> Iterator[Work]:
        """Sort requests that come most urgent first: by priority, then in turns, then by urgency.

        What is charged between two of them counts for the turns that follow.
        """
        self._tags = {party: tag for party, tag in self._tags.items() if tag > self._now.get(party[0], 0)}
        for _, alike in groupby(works, key=lambda work: work.urgency[0]):
            yield from self._turns(alike)

    def charge(self, work: Work, positions: int) -> None:
        """Count positions computed for a request's namespace."""
        priority = work.urgency[0]
        start = self._start(work)
        self._now[priority] = max(self._now.get(priority, 0), start)
        self._tags[priority, work.salt] = start + positions

    def _turns(self, works: Iterable[Work]) -> Iterator[Work]:
        lines: dict[bytes, deque[Work]] = {}
        for work in works:
            lines.setdefault(work.salt, deque()).append(work)
        turns = [(self._start(line[0]), line[0].urgency, line) for line in lines.values()]
        heapify(turns)
        while turns:
            _, _, line = heappop(turns)
            work = line.popleft()
            yield work
            if line:
                heappush(turns, (self._start(work), line[0].urgency, line))

    def _start(self, work: Work) -> int:
        priority = work.urgency[0]
        return max(self._tags.get((priority, work.salt), 0), self._now.get(priority, 0))
