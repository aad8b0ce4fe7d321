"""The engine's step on a CUDA device: ragged attention, paged decode, graphs, one transfer each way.

Everything here but the kernels themselves runs on a CPU too, where the tests compare it with the plain engine.
"""
