"""How long which class of record is kept, what a legal hold keeps longer, and erasure.

A room that stores records registers their class when Django starts; this room knows when, and never what.
"""

from apps.retention.classes import Erasure, Purge, RecordClass, register, registered

__all__ = ["Erasure", "Purge", "RecordClass", "register", "registered"]
