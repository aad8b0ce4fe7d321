"""Everything that changes what is stored about batches, one verb each."""

from apps.batches.services.receiving import (
    JOB_KIND,
    Received,
    Upload,
    discard,
    discard_abandoned,
    open_batch,
    receive,
)
from apps.batches.services.running import give_up, work_on

__all__ = [
    "JOB_KIND",
    "Received",
    "Upload",
    "discard",
    "discard_abandoned",
    "give_up",
    "open_batch",
    "receive",
    "work_on",
]
