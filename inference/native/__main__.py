"""Compile the native kernels ahead of the first start: ``python -m inference.native``; never fails.

``--dir`` is where to, for an image that is built for others to run.
"""

import argparse
import sys
from pathlib import Path

from inference.native.build import Unavailable, default_folder
from inference.native.library import open_library


def main() -> None:
    """Compile and open the library; say in one line what became of it."""
    parser = argparse.ArgumentParser(prog="python -m inference.native", description=__doc__)
    parser.add_argument("--dir", type=Path, default=default_folder())
    folder: Path = parser.parse_args().dir
    try:
        open_library(folder)
    except Unavailable as reason:
        sys.stdout.write(f"no native kernels, the eager path serves: {reason}\n")
    else:
        sys.stdout.write(f"native kernels are ready in {folder}\n")


if __name__ == "__main__":
    main()
