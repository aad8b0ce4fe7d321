"""Kernels of our own in C++, compiled where they run; see docs/adr/0021.

`build` turns ``src/`` into a library, `library` opens it, and modules beside them each bind one source file's
functions. Without a compiler, or on a processor without the instructions, the eager path serves instead.
"""
