"""The embedded servers keep what they were given, whatever happens to the processes around them."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from settings import embedded, postgres
from tests.house.processes import all_servers, answers, execute, launch, server_of, state_folder, using, within


@pytest.fixture
def empty_state() -> Iterator[Path]:
    """A state folder of one test."""
    with state_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A fresh cluster, made once and copied."""
    with state_folder() as folder:
        with using(folder):
            pass
        assert within(30, lambda: not all_servers(folder))
        yield folder / "postgres"


@pytest.fixture
def state(empty_state: Path, cluster: Path) -> Path:
    """A state folder whose cluster exists already."""
    subprocess.run(["cp", "-a", cluster, empty_state], check=True)
    return empty_state


@pytest.fixture
def as_ordinary_user() -> list[str]:
    """What to put before a command so that it has no rights but to read; nothing where we have none ourselves."""
    if os.geteuid() != 0:
        return []
    to_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    reading = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]  # the interpreter may lie under /root
    if subprocess.run([*to_nobody, *reading, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this root may not become somebody else")
    return [*to_nobody, *reading]


@pytest.fixture
def kept_row(state: Path) -> str:
    """A row that was written, and whose writer and server have gone since."""
    with using(state) as user:
        execute(user.url, "create table kept (word text)")
        execute(user.url, "insert into kept values ('here')")
    assert within(30, lambda: not all_servers(state))
    return "select word from kept"


def test_the_server_stops_when_its_last_user_is_killed(state: Path):
    with using(state) as first, using(state) as second:
        first.process.kill()
        first.process.wait()
        assert answers(second.url)

    assert within(30, lambda: not all_servers(state))


def test_processes_that_start_at_once_share_one_server(state: Path):
    users = [launch(state) for _ in range(4)]

    urls = {user.stdout.readline() for user in users if user.stdout}

    assert len(urls) == 1
    assert [process.name() for process in all_servers(state)].count("postgres") == 1
    for user in users:
        user.kill()
        user.wait()


def test_a_killed_postgres_comes_back_with_its_data(state: Path, kept_row: str):
    with using(state) as user:
        server_of(state).kill()

        assert within(20, lambda: answers(user.url))
        assert execute(user.url, kept_row) == [("here",)]


def test_data_survives_a_kill_of_everything(state: Path, kept_row: str):
    with using(state):
        for process in all_servers(state):
            process.kill()

    with using(state) as user:
        assert execute(user.url, kept_row) == [("here",)]


def test_a_killed_keeper_takes_its_server_along(state: Path):
    with using(state):
        keeper = server_of(state).parent()
        assert keeper is not None
        keeper.kill()

        assert within(30, lambda: not all_servers(state))


@pytest.mark.parametrize("left_behind", [f"{os.getpid()}\n", "1\n", "", "not a number\n"])
def test_lock_files_of_another_life_are_cleared(state: Path, kept_row: str, left_behind: str):
    (state / "postgres" / "postmaster.pid").write_text(left_behind)
    (state / "postgres" / ".s.PGSQL.5432.lock").write_text(left_behind)

    with using(state) as user:
        assert execute(user.url, kept_row) == [("here",)]


def test_an_interrupted_initdb_is_begun_again(empty_state: Path):
    (empty_state / "postgres.unfinished").mkdir()
    (empty_state / "postgres.unfinished" / "PG_VERSION").write_text("18\n")

    with using(empty_state) as user:
        assert answers(user.url)


@pytest.mark.parametrize("name", ["x" * 120, "with space and ünïcode 数据"])
@pytest.mark.parametrize("server", ["postgres", "redis"])
def test_any_path_will_do(empty_state: Path, name: str, server: str):
    with using(empty_state / name, server) as user:
        assert "assay-" in user.url
        assert len(all_servers(empty_state / name)) >= 1


@pytest.mark.parametrize("server", ["postgres", "redis"])
def test_an_ordinary_user_can_run_it(empty_state: Path, server: str, as_ordinary_user: list[str]):
    uid = pwd.getpwnam("nobody").pw_uid if as_ordinary_user else os.geteuid()
    shutil.chown(empty_state, uid)

    with using(empty_state, server, prefix=as_ordinary_user) as user:
        assert user.url
        assert {process.uids().effective for process in all_servers(empty_state)} == {uid}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be refused as root")
def test_root_hands_postgres_to_an_account_without_rights(state: Path):
    with using(state):
        assert server_of(state).uids().effective != 0


def test_a_folder_of_somebody_else_is_refused_with_advice(empty_state: Path):
    (empty_state / "postgres").mkdir(mode=0o700)
    (empty_state / "postgres" / "PG_VERSION").write_text("15\n")

    with pytest.raises(embedded.EmbeddedServerError, match=r"written by PostgreSQL 15.*ASSAY_STATE_DIR"):
        embedded.database_url(empty_state)


def test_redis_keeps_its_data_over_a_stop(empty_state: Path):
    with using(empty_state, "redis") as user, redis.Redis.from_url(user.url) as client:
        client.set("word", "here")
    assert within(30, lambda: not all_servers(empty_state))

    with using(empty_state, "redis") as user, redis.Redis.from_url(user.url) as client:
        assert client.get("word") == b"here"


def test_a_killed_redis_comes_back(empty_state: Path):
    with using(empty_state, "redis") as user, redis.Redis.from_url(user.url) as client:
        server_of(empty_state, "valkey-server").kill()

        assert within(10, lambda: embedded._redis_answers(empty_state / "redis" / "redis.sock"))
        assert client.ping()


def test_no_password_is_needed_because_no_network_is_listened_on(state: Path):
    with using(state), using(state, "redis"):
        listening = [c for p in all_servers(state) for c in p.net_connections("inet") if c.status == "LISTEN"]

    assert listening == []


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path: Path):
    (tmp_path / "sockets").symlink_to(tmp_path)

    with pytest.raises(postgres.ClusterError, match="belongs to somebody else"):
        postgres.own_folder(tmp_path / "sockets", account=None)
