"""The audit trail, for operators: seal it, anchor it, verify it, take a copy of it."""

import json
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from apps.audit import anchors
from apps.audit.anchors import Anchored, AnchorRefused
from apps.audit.chains import chain_ids, chain_name
from apps.audit.documents import event_document, selected
from apps.audit.fhir import audit_event
from apps.audit.keys import known_keys
from apps.audit.models import AuditEvent
from apps.audit.sealing import seal_all
from apps.audit.services import Subject, record
from apps.audit.verification import ChainReport, verify_chain

PROGRESS_EVERY = 50_000


class Command(BaseCommand):
    """``manage.py audit seal | anchor | verify | export``. Runs as the owner of the tables."""

    help = "Seal, anchor, verify or export the audit trail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One verb, with its own options."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("seal", help="seal whatever has no seal yet")
        anchor = verbs.add_parser("anchor", help="write down how far each chain goes")
        anchor.add_argument("--to", type=Path, help="file or folder; ASSAY_AUDIT_ANCHORS unless said")
        verify = verbs.add_parser("verify", help="look for events that are not as they were sealed")
        verify.add_argument("--institution", help="id or name of one; all of them and the installation unless said")
        verify.add_argument("--anchors", type=Path, action="append", help="file or folder of anchors, kept elsewhere")
        verify.add_argument("--json", action="store_true", help="the findings as JSON")
        export = verbs.add_parser("export", help="write events to stdout, one a line, oldest first")
        export.add_argument("--format", choices=["jsonl", "fhir"], default="jsonl")
        export.add_argument("--institution", help="id or name of one")
        export.add_argument("--since", type=_moment, help="including this moment, e.g. 2026-11-24T00:00Z")
        export.add_argument("--until", type=_moment, help="excluding this moment")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do what the verb says."""
        {"seal": self._seal, "anchor": self._anchor, "verify": self._verify, "export": self._export}[options["verb"]](
            options
        )

    def _seal(self, _options: dict[str, Any]) -> None:
        self.stdout.write(f"{seal_all(now=timezone.now())} events sealed")

    def _anchor(self, options: dict[str, Any]) -> None:
        path = anchors.append(anchors.anchor_line(now=timezone.now()), options["to"] or settings.AUDIT_ANCHORS)
        self.stderr.write(f"anchored in {path}")

    def _verify(self, options: dict[str, Any]) -> None:
        one = _institution_id(options["institution"])
        try:
            anchored = self._anchored(options["anchors"])
        except (AnchorRefused, OSError) as refused:
            raise CommandError(str(refused)) from refused
        wanted = list(chain_ids()) if one is None else [one]
        gone = [] if one else [UUID(name) for name in anchored if name not in {chain_name(each) for each in wanted}]
        reports = [self._verified(chain, anchored) for chain in [*wanted, *gone]]
        self._show(reports, as_json=options["json"])
        if any(report.findings for report in reports):
            raise SystemExit(1)

    def _verified(self, chain: UUID | None, anchored: Anchored) -> ChainReport:
        def progress(count: int) -> None:
            if count % PROGRESS_EVERY == 0:
                self.stderr.write(f"{chain_name(chain)}: {count} seals followed")

        mine = anchored.get(chain_name(chain), {})
        return verify_chain(chain, keys=known_keys(), anchored=mine, now=timezone.now(), progress=progress)

    def _anchored(self, paths: list[Path] | None) -> Anchored:
        usual = anchors.file_of(settings.AUDIT_ANCHORS)
        if paths is None and not usual.exists():
            self.stderr.write("There are no anchors: a tail that was cut off would not be found.")
            return {}
        return anchors.read_all(paths or [usual], keys=known_keys())

    def _show(self, reports: list[ChainReport], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps([report.document() for report in reports], indent=1))
            return
        for report in reports:
            self.stdout.write(f"{report.chain}: {report.sealed} sealed, {len(report.findings)} findings")
            for each in report.findings:
                self.stdout.write(f"  FOUND position {each.position} {each.code} {each.event_id} {each.text}")
            for each in report.warnings:
                self.stdout.write(f"  warning position {each.position} {each.code} {each.event_id} {each.text}")

    def _export(self, options: dict[str, Any]) -> None:
        document = audit_event if options["format"] == "fhir" else event_document
        chosen = {"since": options["since"], "until": options["until"]}
        count = 0
        for event in selected(institution_id=_institution_id(options["institution"]), **chosen):
            self.stdout.write(json.dumps(document(event), ensure_ascii=False, separators=(",", ":")))
            count += 1
        record(
            actor="command:audit",
            action="audit_event.exported",
            institution=_institution_id(options["institution"]),
            subject=Subject.rows(AuditEvent),
            now=timezone.now(),
            details={"count": count, "format": options["format"]},
        )


def _institution_id(told: str | None) -> UUID | None:
    if told is None:
        return None
    institutions: Any = apps.get_model("tenants", "Institution")
    try:
        found = institutions.objects.filter(pk=UUID(told)).first()
    except ValueError:
        found = institutions.objects.filter(name=told).first()
    if found is None:
        raise CommandError(f"There is no institution {told!r}.")
    return UUID(str(found.pk))


def _moment(told: str) -> datetime:
    at = parse_datetime(told)
    if at is None:
        raise ValueError(told)
    return at if at.tzinfo else timezone.make_aware(at)
