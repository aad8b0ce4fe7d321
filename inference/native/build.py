"""From ``src/`` to a shared library, once for each state of the sources and each compiler.

The instructions are named rather than taken from this machine, and a product and a sum are never contracted unless
the source says so: a library gives the same bits on every processor that can load it, and may be built elsewhere.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

SOURCES = Path(__file__).parent / "src"
ROOT = Path(__file__).parents[2]
FOLDER_VARIABLE = "ASSAY_NATIVE_DIR"
FEATURES = ("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vnni", "avx512bf16", "fma", "avx2")
FLAGS = (
    "-std=c++17",
    "-O3",
    "-fPIC",
    "-fopenmp",
    "-fno-exceptions",
    "-fno-rtti",
    "-ffp-contract=off",
    "-fvisibility=hidden",
    *(f"-m{feature}" for feature in FEATURES),
)
TIMEOUT_S = 300.0


class Unavailable(RuntimeError):
    """There are no native kernels here; the message says why."""


def default_folder() -> Path:
    """Where libraries are kept if nobody says otherwise: ``ASSAY_NATIVE_DIR``, or ``var/native``."""
    return Path(os.environ.get(FOLDER_VARIABLE) or ROOT / "var" / "native").resolve()


def find_or_build(folder: Path) -> Path:
    """The library of the present sources, compiled if need be; safe among processes that do the same.

    Without a compiler a library that another one made of these sources will do.

    Raises:
        Unavailable: there is no such library, and none can be made.
    """
    sources = _digest(*FLAGS, *(part for path in _sources() for part in (path.name, path.read_bytes())))
    compiler = shutil.which("g++")
    if compiler is None:
        found = sorted(folder.glob(f"{sources}-*.so"))
        if not found:
            raise Unavailable("g++ is not installed, and no library was compiled before")
        return found[0]
    target = folder / f"{sources}-{_digest(_version(compiler))}.so"
    if not target.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _alone(folder):
                if not target.exists():
                    _compile(compiler, target)
        except OSError as error:
            raise Unavailable(f"{folder} cannot be written: {error.strerror}") from error
    return target


def _sources() -> list[Path]:
    return sorted(path for path in SOURCES.iterdir() if path.suffix in {".cpp", ".h"})


def _digest(*parts: str | bytes) -> str:
    state = sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        state.update(len(content).to_bytes(8, "little") + content)
    return state.hexdigest()[:16]


def _version(compiler: str) -> str:
    return _run([compiler, "--version"])


def _compile(compiler: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="building-") as scratch:
        units = [path for path in _sources() if path.suffix == ".cpp"]
        objects = [Path(scratch) / f"{path.stem}.o" for path in units]
        for unit, made in zip(units, objects, strict=True):
            _run([compiler, *FLAGS, "-c", str(unit), "-o", str(made)])
        # Linked without -fopenmp: the functions of OpenMP are to be those of the library that torch brought along.
        library = Path(scratch) / "library.so"
        _run([compiler, "-shared", "-o", str(library), *map(str, objects)])
        library.replace(target)


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"g++ failed: {error.stderr.strip()[:2000]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"g++ could not run: {error}") from error
    return done.stdout


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: of processes that start together, one compiles and the others wait for it."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
