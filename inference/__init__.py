"""The inference engine: knows tensors, nothing of Django."""

import os

# How often an idle thread of OpenMP looks for work before it sleeps, about 30 us: its runtime reads this once, when
# torch is loaded. Left alone it looks for milliseconds, in the way of whoever it waits for: beside other work on both
# of 2 cores, a forward of 512 positions took 240 ms, and 120 with this (2026-11-25).
os.environ.setdefault("GOMP_SPINCOUNT", "2000")
