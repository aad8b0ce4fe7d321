"""Which checkpoints are known, and which of them answers."""

import json
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from apps.audit.models import AuditEvent
from apps.common.errors import InvalidInput
from apps.registry import services
from apps.registry.models import ModelVersion
from inference.sealed import write_sums

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path):
    """A sealed folder; registering reads no weights, so that none are needed."""
    path = tmp_path / "checkpoints" / "risk-small"
    path.mkdir(parents=True)
    (path / "calibration.json").write_text(json.dumps({"slope": 1.5, "intercept": -0.25}))
    (path / "config.json").write_text("{}")
    write_sums(path)
    return path


def register(folder, *, version="1", alias="champion"):
    return services.register(
        folder=folder,
        checkpoints=folder.parent,
        name="risk",
        version=version,
        precision="int8",
        alias=alias,
        actor="command:register_model",
        now=NOW,
    )


def rows():
    return list(ModelVersion.objects.order_by("version").values_list("name", "version", "alias"))


def test_a_checkpoint_is_registered_with_its_digest_and_card(folder):
    version, created = register(folder)

    assert created
    assert (version.path, version.card) == ("risk-small", {"calibration": {"slope": 1.5, "intercept": -0.25}})
    assert services.champion("risk").digest == version.digest


def test_registering_again_changes_nothing(folder):
    first, _ = register(folder)

    again, created = register(folder)

    assert (again.pk, created) == (first.pk, False)
    assert rows() == [("risk", "1", "champion")]


def test_a_version_never_becomes_another_checkpoint(folder):
    first, _ = register(folder)
    (folder / "config.json").write_text('{"other": 1}')
    write_sums(folder)

    with pytest.raises(services.VersionTaken):
        register(folder)

    assert services.champion("risk").digest == first.digest


def test_an_altered_folder_is_refused(folder):
    (folder / "config.json").write_text('{"altered": 1}')

    with pytest.raises(InvalidInput, match="not the file that was sealed"):
        register(folder)

    assert rows() == []


def test_a_folder_outside_the_checkpoints_is_refused(folder, tmp_path):
    with pytest.raises(InvalidInput):
        services.register(
            folder=folder,
            checkpoints=tmp_path / "elsewhere",
            name="risk",
            version="1",
            precision="int8",
            alias="",
            actor="system",
            now=NOW,
        )

    assert rows() == []


def test_a_new_champion_takes_the_place_of_the_old(folder):
    register(folder)
    register(folder, version="2")

    assert rows() == [("risk", "1", ""), ("risk", "2", "champion")]


def test_a_challenger_leaves_the_champion_alone(folder):
    register(folder)
    register(folder, version="2", alias="challenger")

    assert services.champion("risk").version == "1"
    assert [version.version for version in services.champions()] == ["1"]


@pytest.mark.parametrize(
    ("version", "alias", "error"), [("9", "champion", services.NoSuchModel), ("1", "x", InvalidInput)]
)
def test_what_is_not_there_cannot_be_promoted(folder, version, alias, error):
    register(folder)

    with pytest.raises(error):
        services.promote(name="risk", version=version, alias=alias, actor="system", now=NOW)

    assert rows() == [("risk", "1", "champion")]


def test_without_a_champion_there_is_none():
    with pytest.raises(services.NoSuchModel):
        services.champion("risk")


def test_postgresql_allows_one_champion_of_a_name(folder):
    register(folder)
    register(folder, version="2", alias="")

    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(version="2").update(alias="champion")


def test_registering_and_promoting_leave_a_trail(folder):
    register(folder)
    register(folder)

    assert list(AuditEvent.objects.order_by("at", "action").values_list("actor", "action")) == [
        ("command:register_model", "model_version.promoted"),
        ("command:register_model", "model_version.registered"),
    ]


def test_the_command_registers(folder, settings, capsys):
    settings.CHECKPOINTS = folder.parent

    call_command("register_model", str(folder), "--name", "risk", "--version", "7", "--alias", "champion")

    assert rows() == [("risk", "7", "champion")]
    assert "registered" in capsys.readouterr().out


def test_the_command_says_why_it_refuses(folder, settings):
    settings.CHECKPOINTS = folder / "elsewhere"

    with pytest.raises(CommandError, match="not below the folder of checkpoints"):
        call_command("register_model", str(folder), "--name", "risk", "--version", "7")
