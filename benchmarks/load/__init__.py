"""REST end to end: single calls, an open loop of arrivals, and batches, all processes on this machine."""
