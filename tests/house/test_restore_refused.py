"""What is no backup of this installation is not restored, and what was there stays."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from settings.backups import Archive, ArchiveBroken, RestoreRefused, ToolFailed, back_up, restore, write_keys
from settings.backups.archive import ArchiveWriter, Manifest
from tests.house.installation import database, rows
from tests.house.test_upgrade import FIRST

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OTHER_KEY = "b25seS10aGUtdGVzdHMtdXNlLXRoYXQta2V5LTMyLWI="
EARLIER = "CREATE TABLE earlier (told text); INSERT INTO earlier VALUES ('stays')"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A backup of a small database."""
    path = tmp_path_factory.mktemp("backups") / "small.assay"
    with database("assay_backup_source") as url:
        with psycopg.connect(url) as connection:
            connection.execute(FIRST.read_bytes())
        back_up(url=url, to=path, now=NOW)
        yield path


@pytest.fixture(scope="module")
def target(source: Path) -> Iterator[str]:
    """A database that already holds something."""
    with database("assay_backup_target") as url:
        with psycopg.connect(url) as connection:
            connection.execute(EARLIER)
        yield url


def refusal(path: Path, url: str, *, replaces: bool = True) -> str:
    """Why a backup is not restored; the target is then as it was."""
    with pytest.raises((ArchiveBroken, RestoreRefused, ToolFailed)) as refused:
        restore(url=url, archive=Archive(path), replaces=replaces)
    assert rows(url, "SELECT told FROM earlier") == [("stays",)]
    return str(refused.value)


def changed(source: Path, path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """A copy whose parts went through ``change``."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return path


def flipped(content: bytes) -> bytes:
    """The same but for one bit in its middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def resealed(source: Path, path: Path, **changes: object) -> Path:
    """A backup that says other things of itself, sealed as one of ours."""
    with closing(zipfile.ZipFile(source)) as old, ArchiveWriter(path) as new:
        told = Archive(source).manifest
        for name in told.parts:
            new.write(name, [old.read(name)])
        said = {name: getattr(told, name) for name in Manifest.__dataclass_fields__}
        new.finish(Manifest(**(said | changes)))
    return path


def test_one_changed_bit_of_the_dump_is_found(source, target, tmp_path):
    broken = changed(source, tmp_path / "b", lambda name, old: flipped(old) if name == "database.dump" else old)

    assert refusal(broken, target) == "database.dump is not the part that was written"


def test_a_changed_manifest_is_found(source, target, tmp_path):
    broken = changed(source, tmp_path / "b", lambda name, old: old.replace(b"0.1.0", b"0.1.1"))

    assert refusal(broken, target) == "its manifest was changed, or made with another ASSAY_INDEX_KEY"


def test_a_part_more_or_less_is_found(source, target, tmp_path):
    parts = dict(Archive(source).manifest.parts)
    less = {"database.dump": parts["database.dump"]}

    assert len(parts) >= 2
    assert refusal(resealed(source, tmp_path / "b", parts=less), target) == (
        "its parts are not the ones the manifest names"
    )


def test_a_file_that_is_something_else_is_no_backup(tmp_path):
    (tmp_path / "b").write_bytes(b"PK" + bytes(100))

    with pytest.raises(ArchiveBroken, match="b is not a backup"):
        Archive(tmp_path / "b")


def test_a_newer_releases_tables_are_refused(source, target, tmp_path):
    migrations = Archive(source).manifest.migrations | {"tenants": ["0001_initial", "0999_tomorrow"]}
    newer = resealed(source, tmp_path / "b", migrations=migrations)

    assert refusal(newer, target).endswith("whose tables this release does not know: tenants.0999_tomorrow")


def test_a_missing_key_is_named(source, target, settings):
    settings.ENCRYPTION_KEYS = f"other:{OTHER_KEY}"

    assert refusal(source, target) == "ASSAY_ENCRYPTION_KEYS lacks the keys test"


def test_another_key_of_the_same_name_is_found(source, target, settings):
    settings.ENCRYPTION_KEYS = f"test:{OTHER_KEY}"

    assert refusal(source, target) == "a key of ASSAY_ENCRYPTION_KEYS has the same id as the backup's, but is another"


def test_another_index_key_is_found(source, target, settings):
    settings.INDEX_KEY = OTHER_KEY

    assert refusal(source, target) == "its manifest was changed, or made with another ASSAY_INDEX_KEY"


def test_what_is_in_the_database_is_replaced_only_on_demand(source, target):
    assert refusal(source, target, replaces=False) == "the database is not empty; --force replaces what is in it"


def test_a_database_in_use_is_left_alone(source, target):
    with psycopg.connect(target):
        reason = refusal(source, target)

    assert reason == "other processes are connected to the database; stop Assay first"


def test_rows_that_are_missing_after_all_undo_the_restore(source, target, tmp_path):
    counted = Archive(source).manifest.rows | {"riskscore_event": 17}

    reason = refusal(resealed(source, tmp_path / "b", rows=counted), target)

    assert reason == "the tables do not hold the rows that were backed up"


def test_what_postgresql_refuses_undoes_the_restore(source, target, tmp_path):
    with ArchiveWriter(tmp_path / "b") as new:
        new.write("database.dump", [b"PGDMP, but not really"])
        said = {name: getattr(Archive(source).manifest, name) for name in Manifest.__dataclass_fields__}
        new.finish(Manifest(**(said | {"parts": new.parts})))

    assert "pg_restore: error" in refusal(tmp_path / "b", target)


def test_a_restore_that_is_forced_replaces_everything(source):
    with database("assay_backup_forced") as url:
        with psycopg.connect(url) as connection:
            connection.execute(EARLIER)

        restore(url=url, archive=Archive(source), replaces=True)

        assert rows(url, "SELECT to_regclass('earlier')") == [(None,)]
        assert rows(url, "SELECT count(*) FROM riskscore_event") == [(16,)]
        assert rows(url, "SELECT nspname FROM pg_namespace WHERE nspname = 'before_restore'") == []


def test_a_backup_is_for_its_owner_alone_and_holds_no_key(source, settings):
    content = source.read_bytes()

    assert source.stat().st_mode & 0o777 == 0o600
    assert settings.INDEX_KEY.encode() not in content
    assert settings.ENCRYPTION_KEYS.partition(":")[2].encode() not in content
    assert Archive(source).manifest.key_ids == ["test"]


def test_keys_go_to_a_file_of_their_own_if_asked(tmp_path, settings):
    settings.ENCRYPTION_KEYS = f"new:{OTHER_KEY}\nold:{OTHER_KEY}\n"

    write_keys(tmp_path / "keys")

    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o600
    assert f"ASSAY_ENCRYPTION_KEYS=new:{OTHER_KEY},old:{OTHER_KEY}\n" in (tmp_path / "keys").read_text()


def test_a_file_that_exists_is_never_overwritten(source):
    before = source.read_bytes()

    with database("assay_backup_empty") as url, pytest.raises(FileExistsError):
        back_up(url=url, to=source, now=NOW)

    assert source.read_bytes() == before


def test_a_backup_that_fails_leaves_no_file(tmp_path):
    with database("assay_backup_empty") as url, pytest.raises(psycopg.errors.UndefinedTable):
        back_up(url=url, to=tmp_path / "b", now=NOW)

    assert list(tmp_path.iterdir()) == []
