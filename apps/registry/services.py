"""Taking in checkpoints, and saying which of them answers."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.common.errors import Conflict, InvalidInput, NotFound
from apps.registry.models import ModelVersion
from inference.api import CheckpointRefused
from inference.sealed import SealedFolder

TOKENIZER = "tokenizer.json"
WRITES = "writes"  # in a card: the checkpoint speaks in words
CARD_FILES = ("calibration.json", "metrics.json")  # released with the weights, needed without them


class VersionTaken(Conflict):
    """This version of the model is another checkpoint."""

    code = "version_taken"


class NoSuchModel(NotFound):
    """No version of that name, or none with that alias, is registered."""

    code = "no_such_model"


@transaction.atomic
def register(
    *, folder: Path, checkpoints: Path, name: str, version: str, precision: str, alias: str, actor: str, now: datetime
) -> tuple[ModelVersion, bool]:
    """Take in a checkpoint folder, every file compared with its sum. Safe to repeat.

    Args:
        folder: below ``checkpoints``, the folder of everything this installation may serve.
        alias: given to this version if not empty; an empty alias takes none away.

    Returns:
        The version, and whether this call made it.

    Raises:
        InvalidInput: the folder lies elsewhere, or is incomplete, altered or unsafe.
        VersionTaken: the version is registered with another digest; nothing changed.
    """
    sealed = _opened(folder, checkpoints)
    found, created = ModelVersion.objects.get_or_create(
        name=name,
        version=version,
        defaults={
            "path": folder.resolve().relative_to(checkpoints.resolve()).as_posix(),
            "digest": sealed.digest,
            "precision": precision,
            "card": _card(sealed),
            "created_at": now,
        },
    )
    if found.digest != sealed.digest:
        raise VersionTaken(_("This version is registered already, with another digest."))
    if created:
        audit.record(actor=actor, action="model_version.registered", institution=None, subject=found, now=now)
    if alias:
        found = promote(name=name, version=version, alias=alias, actor=actor, now=now)
    return found, created


@transaction.atomic
def promote(*, name: str, version: str, alias: str, actor: str, now: datetime) -> ModelVersion:
    """Give a version an alias, and take it from the version that had it. Workers load it when they start.

    Raises:
        InvalidInput: there is no such alias.
        NoSuchModel: there is no such version; nothing changed.
    """
    if alias not in ModelVersion.Alias.values:
        raise InvalidInput(_("An alias is champion or challenger."), pointer="/alias")
    versions = {found.version: found for found in _lock_versions(name)}
    if version not in versions:
        raise NoSuchModel(_("There is no such version."))
    chosen = versions[version]
    if chosen.alias == alias:
        return chosen
    ModelVersion.objects.filter(name=name, alias=alias).exclude(alias="").update(alias="")
    ModelVersion.objects.filter(pk=chosen.pk).update(alias=alias)
    chosen.alias = alias
    audit.record(actor=actor, action="model_version.promoted", institution=None, subject=chosen, now=now)
    return chosen


def champion(name: str) -> ModelVersion:
    """The version that answers. Raises NoSuchModel."""
    found = ModelVersion.objects.filter(name=name, alias=ModelVersion.Alias.CHAMPION).first()
    if found is None:
        raise NoSuchModel(_("No champion of that name is registered."))
    return found


def champions() -> list[ModelVersion]:
    """Every version that answers, by name: what an inference worker loads."""
    return list(ModelVersion.objects.filter(alias=ModelVersion.Alias.CHAMPION).order_by("name"))


def writers() -> list[ModelVersion]:
    """Champions that generate text, by name: those that were registered with a tokenizer."""
    return [version for version in champions() if version.card.get(WRITES)]


def _lock_versions(name: str) -> list[ModelVersion]:
    return list(ModelVersion.objects.filter(name=name).select_for_update().order_by("pk"))


def _opened(folder: Path, checkpoints: Path) -> SealedFolder:
    if not folder.resolve().is_relative_to(checkpoints.resolve()):
        raise InvalidInput(_("The folder is not below the folder of checkpoints."))
    if not folder.is_dir():
        raise InvalidInput(_("There is no such folder."))
    try:
        sealed = SealedFolder(folder)
        sealed.verify()
    except CheckpointRefused as refused:
        raise InvalidInput(_("The checkpoint is refused: %s.") % refused) from refused
    return sealed


def _card(sealed: SealedFolder) -> dict[str, Any]:
    present = [name for name in CARD_FILES if name in sealed.names]
    writes = {WRITES: True} if TOKENIZER in sealed.names else {}
    try:
        return {name.removesuffix(".json"): json.loads(sealed.read(name)) for name in present} | writes
    except ValueError as error:
        raise InvalidInput(_("The checkpoint's card is not JSON.")) from error
