"""What is installed, as a software bill of materials: CycloneDX 1.6, JSON, on standard output: `make sbom`."""

import json
import sys
from importlib.metadata import Distribution, distributions
from typing import Any

from settings import VERSION


def bill() -> dict[str, Any]:
    """Every distribution of this environment, by name, with its version and the licence it names."""
    found = {each.metadata["Name"].lower(): each for each in distributions()}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "assay", "version": VERSION}},
        "components": [component(found[name]) for name in sorted(found)],
    }


def component(distribution: Distribution) -> dict[str, Any]:
    """One distribution; its package URL names no index, since yours may be a mirror."""
    name, version = distribution.metadata["Name"].lower().replace("_", "-"), distribution.version
    told = {"type": "library", "name": name, "version": version, "purl": f"pkg:pypi/{name}@{version}"}
    licence = next(iter(distribution.metadata.get_all("License-Expression") or ()), None)
    return told | ({"licenses": [{"expression": licence}]} if licence else {})


if __name__ == "__main__":
    json.dump(bill(), sys.stdout, indent=1)
