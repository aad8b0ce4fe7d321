"""A whole Assay under requests: web, workers and reconciler, over servers that may be stopped at any moment."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from settings import embedded, roles
from tests.chaos.world import World, wait_for

WEB = [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--host", "127.0.0.1", "--no-ws"]
WEB += ["--workers", "1", "--blocking-threads", "32", "--log-level", "warning", "settings.wsgi:application"]
UNLIMITED = "scoring=600000,writes=600000,reads=600000"  # what is counted here is not how often somebody calls
COUNT_COMPLETIONS = """
CREATE FUNCTION chaos_completed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO chaos_completion (assessment_id) VALUES (NEW.id);
    RETURN NEW;
END $$;
CREATE TRIGGER chaos_completed AFTER UPDATE ON riskscore_riskassessment FOR EACH ROW
    WHEN (OLD.status = 'pending' AND NEW.status = 'completed') EXECUTE FUNCTION chaos_completed();
"""
VERDICT = """
SELECT count(*) FILTER (WHERE found.status IS DISTINCT FROM 'completed'),
       count(*) FILTER (WHERE found.degraded),
       count(*) FILTER (WHERE found.degraded AND found.outcome = 'approve'),
       coalesce(extract(epoch FROM max(found.completed_at)), 0)
FROM unnest(%s::uuid[]) AS acked (id) LEFT JOIN riskscore_riskassessment AS found ON found.id = acked.id
"""
TWICE = "SELECT count(*) FROM (SELECT 1 FROM chaos_completion GROUP BY assessment_id HAVING count(*) > 1) AS twice"
OPEN = "SELECT count(*) FROM jobs_job WHERE status IN ('queued', 'running')"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of requests that were acknowledged.

    Attributes:
        acked: requests that had a 2xx.
        lost: acknowledged, and never answered.
        twice: assessments completed more than once, and assessments beyond one a request.
        changed: replays that differ from the first answer by a byte.
        degraded: answered by the rules alone.
        settled_s: from the last blow to the last answer.
        statuses: how often the client met which status or transport error.
    """

    acked: int
    lost: int
    twice: int
    changed: int
    degraded: int
    approved_without_model: int
    settled_s: float
    statuses: dict[str, int]

    @property
    def kept(self) -> bool:
        """Whether every promise was."""
        return (self.lost, self.twice, self.changed, self.approved_without_model) == (0, 0, 0, 0)


class Bank:
    """A world with a bank in it, and its traffic."""

    def __init__(self, world: World) -> None:
        """Make the bank, its client and the oracle's trigger."""
        self.world = world
        printed = subprocess.run(
            [sys.executable, "manage.py", "found_bank"],
            env=world.environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        self.key = printed.stdout.strip()
        self.port = free_port()
        self.ledger = world.state / "requests"
        self.until = world.state / "enough"
        self._statuses: Counter[str] = Counter()
        self._sent = 0
        with psycopg.connect(world.database_url, autocommit=True) as connection:
            connection.execute(COUNT_COMPLETIONS)

    @property
    def url(self) -> str:
        """Where the web process answers."""
        return f"http://127.0.0.1:{self.port}"

    def web(self, **environment: str) -> "subprocess.Popen[bytes]":
        """Start the web process and wait until it is ready."""
        process = self.world.start(
            "web", [*WEB, "--port", str(self.port)], role=roles.APP, ASSAY_LIMITS=UNLIMITED, **environment
        )
        wait_for(self._answers, timeout_s=60, what="the web process is not ready")
        return process

    def worker(self, *, delay_s: float = 0.02, **environment: str) -> "subprocess.Popen[bytes]":
        """Start an inference worker whose engine answers after ``delay_s``."""
        port = str(free_port())
        return self.world.worker("inference", CHAOS_ENGINE_S=str(delay_s), ASSAY_WORKER_PORT=port, **environment)

    def traffic(self, *, rate: float, count: int = 1_000_000, fresh: bool = False) -> "subprocess.Popen[bytes]":
        """Start sending events on a schedule, until `enough` or ``count``; ``fresh`` forgets a key once it failed."""
        options = ["--rate", str(rate), "--count", str(count), "--until", str(self.until)]
        return self._client(*options, *(["--fresh"] if fresh else []))

    def enough(self, traffic: "subprocess.Popen[bytes]", *, stop: bool = True) -> None:
        """Send no more; wait until everything sent is acknowledged or given up."""
        if stop:
            self.until.touch()
        traffic.wait(timeout=1000)
        report = json.loads((self.world.state / "report").read_text())
        self._statuses.update(report["statuses"])
        self._sent += report["sent"]

    def acked(self) -> list[str]:
        """Assessments a client was promised so far."""
        with suppress(FileNotFoundError):
            return [json.loads(line)["id"] for line in self.ledger.read_text().splitlines()]
        return []

    def settle(self, *, timeout_s: float = 90.0) -> None:
        """Give everything the time it may take to end."""
        begun = time.monotonic()
        while self.world.ask(OPEN) and time.monotonic() - begun < timeout_s:
            time.sleep(0.1)

    def verdict(self, *, last_blow_at: float) -> Verdict:
        """Compare the ledger with the tables, and repeat every request."""
        acked = self.acked()
        replaying = self._client("--replay")
        replaying.wait(timeout=300)
        replay = json.loads((self.world.state / "report").read_text())
        with psycopg.connect(self.world.database_url, autocommit=True) as connection:
            row = connection.execute(VERDICT, [acked]).fetchone()
        assert row is not None
        lost, degraded, approved, last_end_at = row
        surplus = max(0, self.world.ask("SELECT count(*) FROM riskscore_riskassessment") - self._sent)
        return Verdict(
            acked=len(acked), lost=lost, twice=self.world.ask(TWICE) + surplus, changed=replay["changed"],
            degraded=degraded, approved_without_model=approved, settled_s=max(0.0, float(last_end_at) - last_blow_at),
            statuses=dict(self._statuses),
        )  # fmt: skip

    def _client(self, *options: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tests.chaos.traffic", "--url", self.url, "--key", self.key]
        command += ["--run", "chaos", "--ledger", str(self.ledger), "--report", str(self.world.state / "report")]
        return self.world.start("traffic", [*command, *options])

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def empty_redis(world: World) -> None:
    """Kill Redis and bring it back with nothing in it, as a broken disk would."""
    with suppress(Exception):  # it may still be starting from the last time
        world.redis.flushall()
    os.kill(redis_pid(world), signal.SIGKILL)
    (world.state / "redis" / "dump.rdb").unlink(missing_ok=True)


def redis_pid(world: World) -> int:
    """The server's process."""
    wait_for(lambda: _ping(world), timeout_s=30, what="Redis does not come back")
    return int(world.redis.info("server")["process_id"])


def stop_postgresql(world: World) -> None:
    """PostgreSQL's immediate shutdown: no checkpoint, open transactions lost. Its keeper starts it again."""
    pid = int((world.state / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGQUIT)


def start_servers(world: World) -> None:
    """Wait until both servers answer."""
    embedded.database_url(world.state)
    embedded.start_redis(world.state)


def free_port() -> int:
    """A port nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ping(world: World) -> bool:
    with suppress(Exception):
        return bool(world.redis.ping())
    return False
