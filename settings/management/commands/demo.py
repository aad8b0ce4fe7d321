"""Assay at work, on this machine, in one command."""

import json
import logging
import os
import secrets
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from threading import Thread
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from apps.tenants.models import ApiClient, Institution, User
from apps.tenants.services import create_client, create_institution
from settings import stack
from settings.demo import report, story, traffic
from settings.embedded import EmbeddedServerError
from settings.management.commands.up import READY_TIMEOUT_S, stop_on_signals
from settings.supervisor import NotReadyError, Supervisor

BANK, HOSPITAL = "Demo Bank", "Demo Hospital"
ADMIN = "demo"
ACCOUNTS_ALONE = 6  # assessed first, by one client, for latencies without a queue


class StoppedError(RuntimeError):
    """Somebody stopped the demo before its results were there."""


EXPECTED = (EmbeddedServerError, stack.PortTakenError, NotReadyError, StoppedError, traffic.HistoryRefusedError)


class Command(BaseCommand):
    """Starts everything, tells two institutions' story over REST, shows the results, serves until Ctrl-C."""

    help = "Start everything, score a few hundred transactions over REST and show what came of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whether to stay, and the language."""
        parser.add_argument("--exit", action="store_true", help="end after the tables, with code 0 if all went well")
        languages = [code for code, _name in settings.LANGUAGES]
        parser.add_argument("--language", choices=languages, default=_language_of(os.environ.get("LANG", "")))

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the demo in the chosen language."""
        logging.getLogger("httpx").setLevel(logging.WARNING)  # a line a request would bury the progress
        with translation.override(options["language"]):
            console = Console()
            try:
                problems = _Demo(console).run(stays=not options["exit"])
            except (
                EmbeddedServerError,
                stack.PortTakenError,
                NotReadyError,
                StoppedError,
                traffic.HistoryRefusedError,
            ) as error:
                raise CommandError(str(error)) from error
            if problems:
                raise CommandError("\n".join(problems))


class _Demo:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._now = timezone.now()

    def run(self, *, stays: bool) -> list[str]:
        """Everything in order. Returns what went wrong, as sentences."""
        with self._console.status(_("Preparing the database")):
            ports = stack.Ports.free()
            stack.prepare()
            key = _seeded_key(self._now)
        family = stack.supervisor(ports)
        stop_on_signals(family)
        url = f"http://localhost:{ports.web}"
        try:
            with self._console.status(_("Starting web, inference worker and reconciler")):
                family.start()
                family.wait_until_ready(timeout_s=READY_TIMEOUT_S, on_ready=self._is_up)
            with _watched(family, self._console):
                results, example = self._tell(url, key, until=lambda: family.is_stopping)
                report.show(self._console, results)
                self._invite(url, key, example)
                if stays:
                    self._console.print(_("Serving until Ctrl-C. Logs: %(folder)s") % {"folder": family.logs})
                    family.wait_until_stopped()
        finally:
            family.stop()
        return results.problems()

    def _tell(self, url: str, key: str, *, until: Callable[[], bool]) -> tuple[report.Results, dict[str, Any]]:
        run = f"{self._now:%m%d%H%M%S}"
        with self._console.status(_("Making up accounts and their lives")):
            accounts = story.accounts(run=run, now=self._now)
        past = sorted((event for account in accounts for event in account.past), key=lambda event: event.occurred_at)
        with _progress(self._console) as progress:

            def advance(task: TaskID, count: int = 1) -> None:
                if until():
                    raise StoppedError(_("Stopped before the end."))
                progress.advance(task, count)

            telling = progress.add_task(_("History, as NDJSON"), total=len(past))
            traffic.tell(url, key, past, on_progress=partial(advance, telling))
            assessing = progress.add_task(_("Assessments"), total=sum(len(account.assessed) for account in accounts))
            assess = partial(traffic.assess, url, key, on_answer=partial(advance, assessing))
            alone = assess(accounts[-ACCOUNTS_ALONE:], clients=1)
            started = time.perf_counter()
            together = assess(accounts[:-ACCOUNTS_ALONE], clients=traffic.CLIENTS)
        results = report.Results(together=together, wall_s=time.perf_counter() - started, alone=alone)
        return results, _example(accounts, run, self._now)

    def _is_up(self, name: str) -> None:
        self._console.print(_("%(name)s is up") % {"name": name})

    def _invite(self, url: str, key: str, example: dict[str, Any]) -> None:
        places = Table.grid(padding=(0, 3))
        places.add_row(_("REST interface"), f"{url}/api/docs")
        places.add_row(_("Administration"), f"{url}/admin/   {ADMIN} / {_admin_password()}")
        places.add_row(_("API key"), key)
        self._console.print()
        self._console.print(places)
        self._console.print(_("Try it:"))
        curl = (
            f"curl -s {url}/api/v1/risk/assessments -H 'Authorization: Bearer {key}' "
            f"-H 'Content-Type: application/json' -H 'Idempotency-Key: {example['id']}' -d '{json.dumps(example)}'"
        )
        self._console.print(curl, soft_wrap=True, highlight=False, markup=False)


def _seeded_key(now: datetime) -> str:
    """A new key of the demo's bank; bank and hospital are made where they do not exist yet."""
    institutions = {
        name: Institution.objects.filter(name=name).first()
        or create_institution(name=name, kind=kind, actor="command:demo", now=now)
        for name, kind in ((BANK, Institution.Kind.BANK.value), (HOSPITAL, Institution.Kind.HOSPITAL.value))
    }
    mode = ApiClient.Mode.TEST.value
    _client, key = create_client(
        institution=institutions[BANK], name="core banking", mode=mode, now=now, actor="command:demo"
    )
    return key


def _admin_password() -> str:
    """A fresh password of the demo's operator, who sets up a second factor when signing in with it."""
    password = secrets.token_urlsafe(9)
    user, _created = User.objects.get_or_create(username=ADMIN, defaults={"is_staff": True})
    Authenticator.objects.filter(user=user).delete()  # the app that knew the last demo's secret is not at hand
    user.set_password(password)
    user.save(update_fields=["password"])
    return password


def _example(accounts: list[story.Account], run: str, now: datetime) -> dict[str, Any]:
    """One more event for the reader to send: the last assessed one once more, now and ten times as large."""
    event = accounts[0].assessed[-1].event
    return story.as_json(replace(event, id=f"{run}-try", amount=10 * event.amount, occurred_at=now))


def _language_of(locale: str) -> str:
    """The language a shell's LANG asks for.

    >>> _language_of("zh_CN.UTF-8"), _language_of("C.UTF-8")
    ('zh-hans', 'en')
    """
    return "zh-hans" if locale.lower().startswith("zh") else "en"


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


@contextmanager
def _watched(family: Supervisor, console: Console) -> Iterator[None]:
    """Restart what dies while the block runs."""

    def tell(name: str) -> None:
        console.print(f"[yellow]{name}[/] {family.log_of(name)}")

    watcher = Thread(target=family.watch, kwargs={"on_restart": tell}, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        family.request_stop()
        watcher.join()
