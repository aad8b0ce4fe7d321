"""The inference engine: knows tensors, nothing of Django."""
