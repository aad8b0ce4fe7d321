"""Who takes part, and how each gets the checkpoint."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.peers.handle import ROOT, Handle

FOLDER = ROOT / "var" / "peers"
PEERS_PYTHON = FOLDER / "venv" / "bin" / "python"
ENTRANTS = "benchmarks.peers.entrants"
ASSAY = "Assay int8"
EXACT = "transformers fp32"
EXACT_KEPT = "transformers fp32, prefix kept"
GENAI = "OpenVINO GenAI int8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One competitor.

    Attributes:
        entry: module and class, see `benchmarks.peers.work.Entrant`.
        exported: the format it reads; empty for the Hugging Face folder itself, which our environment reads.
        share: of a batch that it is given, 0-1: what takes minutes is measured on a part.
    """

    name: str
    entry: str
    exported: Literal["", "openvino", "ctranslate2"] = ""
    share: float = 1.0

    def open(self, model: Path, *, threads: int) -> Handle:
        """Start its process on a checkpoint that is exported first where it must be."""
        python = PEERS_PYTHON if self.exported else Path(sys.executable)
        log = FOLDER / "logs" / f"{self.name.replace(' ', '-').replace(',', '')}.txt"
        folder = export(self.exported, model) if self.exported else model
        return Handle(
            name=self.name, python=python, entry=f"{ENTRANTS}.{self.entry}", model=folder, threads=threads, log=log
        )


ROSTER = {
    entry.name: entry
    for entry in (
        Entry(name=ASSAY, entry="assay:Assay"),
        Entry(name=GENAI, entry="openvino:OpenVino", exported="openvino"),
        Entry(name="CTranslate2 int8", entry="ctranslate:CTranslate2", exported="ctranslate2"),
        Entry(name="transformers bf16", entry="plain:PlainBfloat16", share=0.5),
        Entry(name=EXACT, entry="plain:PlainFloat32", share=0.125),
        Entry(name="transformers bf16, prefix kept", entry="plain:KeptBfloat16"),
        Entry(name=EXACT_KEPT, entry="plain:KeptFloat32", share=0.25),
        Entry(name="transformers decision pipeline bf16", entry="decision:Decision", share=0.25),
        Entry(name="transformers continuous batching bf16", entry="continuous:Continuous", share=0.25),
    )
}


def export(kind: str, model: Path) -> Path:
    """The checkpoint in a peer's format, made on first use.

    Raises:
        CalledProcessError: its exporter failed.
    """
    folder = FOLDER / kind / model.name
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        command = [str(PEERS_PYTHON), "-m", "benchmarks.peers.export", kind, str(model), str(folder)]
        subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"HF_HUB_OFFLINE": "1"}, capture_output=True)
    return folder
