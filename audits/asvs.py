"""How each requirement of OWASP ASVS 5.0.0, levels 1 and 2, is met: reads docs/asvs.json, writes docs/asvs.md.

The requirements' numbers and levels are the standard's; their topics are said here in words of our own.
"""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE, PAGE = ROOT / "docs" / "asvs.json", ROOT / "docs" / "asvs.md"
SAID = {
    "tested": "a test shows it",
    "built": "it is so by construction, and this is where",
    "operator": "it lies with the installation's operator, and this page says how",
    "not applicable": "there is nothing here that it could be about",
    "open": "it is not so yet",
}
HEAD = """# OWASP ASVS 5.0.0, levels 1 and 2

Every requirement of both levels, by its number in the
[Application Security Verification Standard 5.0.0](https://github.com/OWASP/ASVS), with what shows that it is met,
or why it is not ours, or that it is open. Written by `python -m audits.asvs` from `docs/asvs.json`; a test holds
that no requirement is missing and that every test and file named here exists. The topics are a few words of our own:
read the requirement itself in the standard, which is by the OWASP Foundation under CC BY-SA 4.0.

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One requirement and what became of it.

    Attributes:
        topic: a few words; the text is the standard's.
        where: tests (`file::test` or `file`), source files or pages.
    """

    id: str
    level: int
    topic: str
    status: str
    where: tuple[str, ...] = ()
    note: str = ""


def read() -> list[Requirement]:
    """All of them, in the standard's order."""
    told = json.loads(SOURCE.read_text())["requirements"]
    return [Requirement(**(each | {"where": tuple(each.get("where", ()))})) for each in told]


def coverage(requirements: Sequence[Requirement], *, level: int) -> tuple[int, int]:
    """How many applicable requirements of a level are met, and how many there are.

    Those that lie with the operator, or that nothing here could be about, are not counted.
    """
    statuses = Counter(each.status for each in requirements if each.level == level)
    met = statuses["tested"] + statuses["built"]
    return met, met + statuses["open"]


def page(requirements: Sequence[Requirement]) -> str:
    """The page that people read."""
    lines = [HEAD, _summary(requirements)]
    for chapter in dict.fromkeys(each.id.split(".")[0] for each in requirements):
        lines.append(f"\n## {chapter}\n\n| | level | about | | where, or why |\n|---|---|---|---|---|\n")
        lines += [_row(each) for each in requirements if each.id.split(".")[0] == chapter]
    return "".join(lines)


def _summary(requirements: Sequence[Requirement]) -> str:
    rows = ["| level | " + " | ".join(SAID) + " | met of applicable |\n", "|---" * (len(SAID) + 2) + "|\n"]
    for level in (1, 2):
        statuses = Counter(each.status for each in requirements if each.level == level)
        met, applicable = coverage(requirements, level=level)
        counts = " | ".join(str(statuses[status]) for status in SAID)
        rows.append(f"| {level} | {counts} | {met} of {applicable}, {100 * met / applicable:.1f} % |\n")
    return "".join(rows) + "\n" + "".join(f"- **{status}**: {meaning}\n" for status, meaning in SAID.items())


def _row(each: Requirement) -> str:
    where = ", ".join(f"`{place}`" for place in each.where)
    told = "; ".join(part for part in (where, each.note) if part)
    return f"| {each.id} | {each.level} | {each.topic} | {each.status} | {told} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(read()))
    sys.stdout.write(_summary(read()))
