"""Assay and its peers on one checkpoint and the same requests, each in a process of its own."""
