"""The settings of a bank's or a hospital's installation."""

import os
import subprocess
import sys

ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "settings.production",
    "DATABASE_URL": "postgres://nobody@localhost:1/none",
    "REDIS_URL": "redis://localhost:1/0",
    "ASSAY_SECRET_KEY": "kYq1n0Zc7s3vX9mW2bT5uR8eP4aL6jH0gF3dS1oI-kYq1n0Zc7s3vX9mW2bT5uR8eP4a",
    "ASSAY_ENGINE_SALT_KEY": "L6jH0gF3dS1oI9kYq1n0Zc7s3vX9mW2bT5uR8eP4a",
    "ASSAY_AUDIT_KEY": "pK4sW9xB2nT7vC1zM6qR3yH8gJ5fD0aL-eU4iO9tX2wN7bV1c",
    "ASSAY_ENCRYPTION_KEYS": "2026-11:ekgwUTVvUmI4d0YyTHhWN3VHazNUbVAxY0pzOUVuWUE=",
    "ASSAY_INDEX_KEY": "cTdXa1JtM1p2TnhEOGJUZ0gyc0xwWTRqRjZDdUUxb0k=",
}


def check(**changes: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "ASSAY_STATE_DIR"}}
    return subprocess.run(command, env=kept | ENVIRONMENT | changes, capture_output=True, text=True, check=False)


def test_djangos_deployment_checks_find_nothing():
    done = check()

    assert "no issues" in done.stdout + done.stderr
    assert done.returncode == 0


def test_a_weak_secret_is_found():
    done = check(ASSAY_SECRET_KEY="secret")

    assert "security.W009" in done.stderr
    assert done.returncode != 0
