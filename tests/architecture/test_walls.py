"""The walls between the rooms stand."""

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from settings.env import ROOT
from tests.architecture.source import ROOMS, modules

URLS = """
import sys
import django
django.setup()
from django.urls import get_resolver
assert get_resolver().url_patterns
import settings.celery, settings.wsgi
print(sorted({name.partition(".")[0] for name in sys.modules} & {"torch", "transformers", "sklearn", "numpy"}))
"""
WEB_ROOMS = ("settings", "apps", "riskscore", "clinical")


def test_no_address_loads_torch(tmp_path: Path):
    environment = {
        "PATH": "/usr/bin",
        "DJANGO_SETTINGS_MODULE": "settings.test",
        "DATABASE_URL": settings.DATABASE_URL,
        "REDIS_URL": settings.REDIS_URL,
        "ASSAY_STATE_DIR": str(tmp_path),
    }

    fresh = subprocess.run(
        [sys.executable, "-c", URLS], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert (fresh.returncode, fresh.stdout.strip()) == (0, "[]"), fresh.stderr


def test_imports_go_down_and_never_back():
    linted = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert linted.returncode == 0, linted.stdout
    assert "0 broken" in linted.stdout


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_public_says_what_it_does(room: str):
    bare = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in modules()
        if path.startswith(f"{room}/")
        for node in [*tree.body, *_methods(tree)]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if not node.name.startswith("_") and not ast.get_docstring(node)
    ]

    assert bare == []


def test_no_file_of_ours_is_longer_than_the_wall():
    lengths = {path: len((ROOT / path).read_text().splitlines()) for path, _tree in modules()}

    assert {path: length for path, length in lengths.items() if length > 400} == {}


def test_what_is_imported_is_named_in_the_requirements():
    named = {canonicalize_name(requirement.name) for requirement in _requirements("base", "local", "worker", "dev")}
    providers = importlib.metadata.packages_distributions()
    ours = {*ROOMS, "tests", "conftest"}
    roots = {name for _path, tree in modules() for name in _imported(tree)} - ours - set(sys.stdlib_module_names)

    missing = {root for root in roots if not {canonicalize_name(d) for d in providers.get(root, [])} & named}

    # The first two come with celery[redis], triton with a CUDA build of torch, in the versions those work with.
    assert missing - {"kombu", "redis", "triton"} == set()


# Shown in a terminal, and run where requirements/local.txt is installed.
NOT_OF_THE_WEB = ("settings/demo/", "settings/management/", "apps/jobs/top/")


def test_the_web_process_imports_only_what_its_image_has():
    base = {canonicalize_name(requirement.name) for requirement in _requirements("base")}
    providers = importlib.metadata.packages_distributions()
    at_import = {
        name
        for path, tree in modules()
        if path.startswith(WEB_ROOMS) and not path.startswith(NOT_OF_THE_WEB)
        for name in _imported(ast.Module(body=_run_at_import(tree), type_ignores=[]))
    }
    foreign = at_import - {*ROOMS} - set(sys.stdlib_module_names) - {"kombu", "redis"}

    assert {root for root in foreign if not {canonicalize_name(d) for d in providers[root]} & base} == set()


@pytest.mark.parametrize("name", ["base", "local", "worker", "dev"])
def test_every_dependency_is_pinned_and_has_its_reason(name: str):
    asked = [line for line in (ROOT / "requirements" / f"{name}.in").read_text().splitlines() if line[0] not in "#-"]
    locked = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()

    assert [line for line in asked if "  # " not in line] == []
    assert [line for line in locked if line and not re.match(r"[a-z0-9._-]+==[a-z0-9.]+\s+# via |\s*#|$", line)] == []


def _methods(tree: ast.Module) -> list[ast.stmt]:
    """Methods of a module's public classes."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    return [inner for outer in classes for inner in outer.body if not isinstance(inner, ast.ClassDef)]


def _requirements(*names: str) -> list[Requirement]:
    lines = [line for name in names for line in (ROOT / "requirements" / f"{name}.in").read_text().splitlines()]
    return [Requirement(line.partition("#")[0]) for line in lines if line[:1] not in ("#", "-", "")]


def _imported(tree: ast.Module) -> set[str]:
    """Top-level packages that a tree imports, at whatever depth."""
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    froms = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return {name.partition(".")[0] for name in plain | froms}


def _run_at_import(tree: ast.Module) -> list[ast.stmt]:
    """The module's imports outside functions and type checking."""
    return [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
