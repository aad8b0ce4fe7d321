"""The whole state of an installation in one file, and back."""

from settings.backups.archive import Archive, ArchiveBroken, Manifest, Part
from settings.backups.making import back_up, write_keys
from settings.backups.restoring import RestoreRefused, restore
from settings.backups.tools import ToolFailed

__all__ = [
    "Archive",
    "ArchiveBroken",
    "Manifest",
    "Part",
    "RestoreRefused",
    "ToolFailed",
    "back_up",
    "restore",
    "write_keys",
]
