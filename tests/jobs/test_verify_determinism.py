"""The command finds the checkpoint it is asked about, and its exit status is the verification's."""

import pytest
from django.core.management import CommandError, call_command

from tests.checkpoints import make_qwen3

pytestmark = pytest.mark.django_db


def test_a_folder_is_verified_and_each_way_is_told(tmp_path, capfd):
    folder = make_qwen3(tmp_path / "tiny", num_hidden_layers=1, max_position_embeddings=160)

    call_command("verify_determinism", str(folder), requests=3, memory_mb=16)

    told = capfd.readouterr().out
    assert "warm cache: 3 answers, every bit the same" in told
    assert "Same bits in" in told


def test_a_folder_that_is_no_checkpoint_ends_with_2(tmp_path, capfd):
    with pytest.raises(SystemExit) as ended:
        call_command("verify_determinism", str(tmp_path))

    assert ended.value.code == 2
    assert capfd.readouterr().err


def test_a_name_that_nobody_registered_is_refused():
    with pytest.raises(CommandError, match="neither a folder nor the name"):
        call_command("verify_determinism", "nothing")
