"""Fast bodies: a family's decoder layers as few calls into `inference.native`.

A body stands in for the library's blocks where it applies. The unmodified model is its reference in the tests.
"""
