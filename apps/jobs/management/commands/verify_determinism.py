"""Does a checkpoint give the same bits whatever happens around a request?"""

import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.registry.models import ModelVersion

ROOT = Path(__file__).resolve().parents[4]


class Command(BaseCommand):
    """Runs `inference.determinism` in a process of its own, since this one may not load torch.

    Its exit status is this command's: 0 all bits are the same, 1 some differ, 2 the checkpoint is refused.
    """

    help = "Ask a checkpoint the same requests in every way, and compare the answers bit by bit."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A folder or a registered name; nothing means the champion for risk."""
        parser.add_argument("checkpoint", nargs="?", default="risk", help="a checkpoint folder, or a registered name")
        parser.add_argument("--requests", type=int, default=24)
        parser.add_argument("--precision", default="", help="int8, bf16 or fp32; as registered, or int8")
        parser.add_argument("--memory-mb", type=int, default=settings.ENGINE_MEMORY_MB)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Verify it."""
        folder, precision = _found(options["checkpoint"])
        asked = ["--requests", str(options["requests"]), "--memory-mb", str(options["memory_mb"])]
        asked += ["--precision", options["precision"] or precision]
        command = [sys.executable, "-m", "inference.determinism", str(folder), *asked]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        if status:
            sys.exit(status)


def _found(checkpoint: str) -> tuple[Path, str]:
    folder = Path(checkpoint)
    if folder.is_dir():
        return folder.resolve(), ModelVersion.Precision.INT8
    champion = ModelVersion.objects.filter(name=checkpoint, alias=ModelVersion.Alias.CHAMPION).first()
    if champion is None:
        raise CommandError(f"{checkpoint} is neither a folder nor the name of a registered champion")
    return settings.CHECKPOINTS / champion.path, champion.precision
