"""What people see is there in Chinese."""

from pathlib import Path

import pytest
from babel.messages import extract, pofile
from babel.messages.catalog import Catalog
from django.utils import translation
from django.utils.translation import gettext

from settings.env import ROOT

FUNCTIONS = ("gettext_lazy", "ngettext_lazy", "pgettext", "pgettext_lazy", "gettext", "ngettext", "_")
KEYWORDS = {name: (1, 2) if name.startswith("n") else None for name in FUNCTIONS}
METHODS = [("**.py", "python"), ("**/templates/**.html", "settings.messages:extract")]
ROOMS = ("settings", "apps", "riskscore", "clinical")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The Chinese catalogue as it is kept."""
    with (ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po").open("rb") as file:
        return pofile.read_po(file, locale="zh_Hans")


def marked_for_translation() -> set[str]:
    """Every message of the source."""
    found = (
        message
        for room in ROOMS
        for _path, _line, message, *_rest in extract.extract_from_dir(ROOT / room, METHODS, keywords=KEYWORDS)
    )
    return {message if isinstance(message, str) else message[0] for message in found}


def test_every_message_has_its_chinese(catalog: Catalog):
    done = {message.id for message in catalog if message.id and message.string and not message.fuzzy}

    marked = marked_for_translation()

    assert len(marked) >= 200
    assert marked - done == set(), "`make messages` collects them"


def test_a_translation_keeps_its_placeholders(catalog: Catalog):
    assert [error for message in catalog for error in message.check(catalog)] == []


def test_the_catalogue_is_compiled_where_the_tests_run():
    assert Path(ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.mo").exists(), "`make test` compiles it"

    with translation.override("zh-hans"):
        assert gettext("The body is empty.") == "请求体为空。"
