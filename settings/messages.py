"""What templates say, for the catalogue of translations. Babel reads Python by itself, and asks here for pages."""

import re
from collections.abc import Iterator
from typing import IO

TRANSLATE = re.compile(r"""\{%\s*translate\s+(?:"([^"]+)"|'([^']+)')\s*%\}""")

Found = tuple[int, None, str, list[str]]


def extract(file: IO[bytes], _keywords: object, _tags: object, options: object) -> Iterator[Found]:  # noqa: ARG001 - by name
    """The messages of a template, as Babel's extractors give them. Templates use ``{% translate "…" %}`` alone.

    >>> from io import BytesIO
    >>> list(extract(BytesIO(b'<h1>{% translate "Sign in" %}</h1>'), None, None, options=None))
    [(1, None, 'Sign in', [])]
    """
    for number, line in enumerate(file.read().decode().splitlines(), start=1):
        for found in TRANSLATE.finditer(line):
            yield number, None, found.group(1) or found.group(2), []
