"""One engine in several processes: rank 0 plans, the others follow."""

from inference.distributed.leader import Leader
from inference.distributed.spawn import Crew

__all__ = ["Crew", "Leader"]
