"""Scoring and generating on one GPU: Assay in every precision beside transformers. Needs no Django.

`make bench-gpu` on a machine with a GPU; `python -m benchmarks.gpu --tiny` goes through the same motions anywhere.
"""
