"""More than can be done: a load that does not wait, and what is measured of it."""
