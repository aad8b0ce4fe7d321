"""What can be known of the images and the compose files without a Docker engine."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from settings import env
from settings.env import ROOT

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
GPU: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.gpu.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("assay-")}
NOT_OURS = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"}


def stages() -> dict[str, str]:
    """The Dockerfile's text by stage."""
    parts = re.split(r"^FROM (\S+) AS (\S+)\n", DOCKERFILE, flags=re.MULTILINE)
    return dict(zip(parts[2::3], parts[3::3], strict=True))


def ancestors(stage: str) -> set[str]:
    """Every stage whose files end up in this one."""
    edges = {name: base for base, name in re.findall(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, re.MULTILINE)}
    direct = {edges[stage], *re.findall(r"--from=(\S+)", stages()[stage])} & set(edges)
    return direct | {name for parent in direct for name in ancestors(parent)}


def test_the_web_image_holds_no_torch():
    text = "".join(stages()[stage] for stage in {"web"} | ancestors("web"))

    assert "worker.txt" not in text
    assert "torch" not in (ROOT / "requirements" / "base.txt").read_text()


def test_the_worker_image_holds_torch():
    assert "worker-packages" in ancestors("worker")
    assert "torch==" in (ROOT / "requirements" / "worker.txt").read_text()


@pytest.mark.parametrize("stage", ["web", "worker"])
def test_an_image_runs_without_rights_and_reports_its_health(stage: str):
    assert "\nUSER assay\n" in stages()[stage]
    assert "\nHEALTHCHECK " in stages()[stage]


def test_everything_an_image_copies_exists_and_is_sent_to_the_build():
    sent = set(re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    copied = re.findall(r"^COPY (?!--from)(\S+) \S+$", DOCKERFILE, re.MULTILINE)

    assert len(copied) >= 8
    assert [path for path in copied if not (ROOT / path).exists()] == []
    assert [path for path in copied if path not in sent and f"{Path(path).parent}/*.txt" not in sent] == []


def test_every_package_directory_is_in_the_image():
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "training", "benchmarks", "audits"}

    assert rooms <= set(re.findall(r"^COPY (\S+) \S+$", DOCKERFILE, re.MULTILINE))


@pytest.mark.parametrize("name", sorted(OURS))
def test_the_command_of_a_service_exists(name: str):
    command = OURS[name].get("command", ["granian"])

    assert command[0] in {"granian", "celery", "python"}
    assert command[0] != "python" or command[1:2] == ["manage.py"]
    assert command[0] != "python" or command[2] in get_commands()


@pytest.mark.parametrize("name", [*sorted(OURS), "gpu"])
def test_a_service_is_told_only_what_it_understands(name: str):
    environment = {**OURS, "gpu": GPU["services"]["inference"]}[name]["environment"]

    assert set(environment) - NOT_OURS <= env.KNOWN


def test_the_images_set_only_variables_that_are_understood():
    assert set(re.findall(r"\b(ASSAY_[A-Z_]+)=", DOCKERFILE)) <= env.KNOWN


@pytest.mark.parametrize(
    "secret",
    [
        "POSTGRES_PASSWORD",
        "POSTGRES_APP_PASSWORD",
        "POSTGRES_WORKER_PASSWORD",
        "ASSAY_SECRET_KEY",
        "ASSAY_ENGINE_SALT_KEY",
        "ASSAY_AUDIT_KEY",
        "ASSAY_ENCRYPTION_KEYS",
        "ASSAY_INDEX_KEY",
    ],
)
def test_a_secret_has_no_default(secret: str):
    text = (ROOT / "docker-compose.yml").read_text()

    uses = re.findall(r"\$\{" + secret + r"([^}]*)\}", text)

    assert len(uses) >= 1
    assert {use[:2] for use in uses} == {":?"}


def test_only_migrations_run_as_the_owner_of_the_tables():
    roles = {name: re.findall(r"//(\w+):", service["environment"]["DATABASE_URL"]) for name, service in OURS.items()}

    assert {name for name, role in roles.items() if role == ["assay"]} == {"migrate"}
    assert {name for name, role in roles.items() if role == ["assay_app"]} == {"web", "grpc"}
    assert {role for (role,) in roles.values()} == {"assay", "assay_app", "assay_worker"}
    made = re.findall(r"CREATE ROLE (\w+)", (ROOT / "deploy" / "postgres" / "roles.sh").read_text())
    assert made == ["assay_app", "assay_worker"]


def test_every_service_restarts_and_is_watched_or_runs_once():
    restarts = {name: service["restart"] for name, service in SERVICES.items()}

    assert {name for name, policy in restarts.items() if policy == "no"} == {"migrate"}
    assert {name for name in SERVICES if "healthcheck" not in SERVICES[name]} == {"web", "inference"}  # in the image


def test_nothing_runs_before_its_tables_exist():
    long_running = set(OURS) - {"migrate"}

    assert {name for name in long_running if "migrate" in OURS[name]["depends_on"]} == long_running


def test_only_the_doors_are_published_and_only_to_this_host():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert published == {
        "web": ["127.0.0.1:${ASSAY_WEB_PORT:-8000}:8000"],
        "grpc": ["127.0.0.1:${GRPC_PORT:-8002}:8002"],
    }


def test_the_data_of_postgres_18_is_on_a_volume():
    assert "database:/var/lib/postgresql" in SERVICES["db"]["volumes"]


def test_the_gpu_file_only_adds_to_the_inference_worker():
    devices = GPU["services"]["inference"]["deploy"]["resources"]["reservations"]["devices"]

    assert set(GPU["services"]) == {"inference"}
    assert devices == [{"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]
