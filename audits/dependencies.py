"""Known vulnerabilities of everything the lock files name: `make audit-deps`.

Ends with 0 if a service was asked about every package and knows nothing that is not waived; with 1 if it knows
something; with 2 if it could not be asked, which is no answer at all. pip-audit itself takes a package that the
service does not know for a clean one, so that behind a mirror it finds nothing and says so.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKS = [ROOT / "requirements" / f"{name}.txt" for name in ("base", "local", "worker", "dev")]
WAIVERS = ROOT / "requirements" / "waivers.toml"
TIMEOUT_S = 20
CLEAN, VULNERABLE, UNASKED = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a service said.

    Attributes:
        vulnerable: package, version and the vulnerability's ids.
        unasked: packages it said nothing about.
    """

    asked: int
    vulnerable: tuple[tuple[str, str, frozenset[str]], ...]
    unasked: tuple[str, ...]


class Unreachable(Exception):
    """No service of known vulnerabilities answered; the message is its last word."""


def audit(requirements: Path, *, service: str) -> Report:
    """Ask a service about pinned packages. Nothing is installed or resolved. Raises Unreachable."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--no-deps", "--disable-pip"]
    command += ["--vulnerability-service", service, "--format", "json", "--timeout", str(TIMEOUT_S)]
    done = subprocess.run([*command, "--progress-spinner", "off"], capture_output=True, text=True, check=False)
    try:
        told = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        raise Unreachable(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no answer") from None
    return read(told)


def read(dependencies: Sequence[Mapping[str, Any]]) -> Report:
    """pip-audit's answer. A package that was skipped was not asked about."""
    unasked = tuple(told["name"] for told in dependencies if "skip_reason" in told)
    vulnerable = tuple(
        (told["name"], told["version"], frozenset({hole["id"], *hole.get("aliases", ())}))
        for told in dependencies
        for hole in told.get("vulns", ())
    )
    return Report(asked=len(dependencies) - len(unasked), vulnerable=vulnerable, unasked=unasked)


def waived(waivers: Sequence[Mapping[str, Any]], *, today: date) -> set[str]:
    """Ids of vulnerabilities that somebody has looked at, for as long as their waiver lasts.

    >>> waived([{"id": "CVE-1", "until": date(2027, 1, 1), "reason": "not reached"}], today=date(2026, 11, 24))
    {'CVE-1'}
    """
    return {waiver["id"] for waiver in waivers if waiver["until"] >= today and waiver["reason"].strip()}


def open_holes(report: Report, ids: set[str]) -> list[str]:
    """What is known and not waived, a line each."""
    return [
        f"{name} {version}: {', '.join(sorted(hole))}" for name, version, hole in report.vulnerable if not hole & ids
    ]


def main() -> int:
    """Ask about one package first, so that an index without an answer is not asked two hundred times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--service", choices=["pypi", "osv"], default="pypi")
    service = parser.parse_args().service
    pins = sorted({line.split()[0] for lock in LOCKS for line in lock.read_text().splitlines() if "==" in line})
    ids = waived(tomllib.loads(WAIVERS.read_text())["waiver"], today=datetime.now(UTC).date())
    try:
        first = _asked(pins[:1], service)
        report = _asked(pins, service) if first.asked else first
    except Unreachable as error:
        print(f"COULD NOT ASK {service} about vulnerabilities: {error}")
        return UNASKED
    for line in (holes := open_holes(report, ids)):
        print(f"VULNERABLE {line}")
    print(f"{service}: asked about {report.asked} of {len(pins)} packages, {len(holes)} open, {len(ids)} waived")
    if holes:
        return VULNERABLE
    if report.asked < len(pins):
        print(f"COULD NOT ASK about {len(pins) - report.asked} packages, so nothing is known of them")
        return UNASKED
    return CLEAN


def _asked(pins: Sequence[str], service: str) -> Report:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write("\n".join(pins) + "\n")
        requirements.flush()
        return audit(Path(requirements.name), service=service)


if __name__ == "__main__":
    sys.exit(main())
