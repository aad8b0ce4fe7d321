"""The API's description and its page."""

import re

import pytest
import yaml
from django.contrib.staticfiles import finders

pytestmark = pytest.mark.django_db


@pytest.fixture
def schema(client):
    return yaml.safe_load(client.get("/api/schema").content)


def test_the_schema_is_openapi_31_with_bearer_keys_and_problems(schema):
    assert schema["openapi"] == "3.1.0"
    assert schema["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"
    assert schema["components"]["schemas"]["Problem"]["required"][:2] == ["type", "title"]


def test_the_root_leads_to_the_page(client):
    assert client.get("/").headers["Location"] == "/api/docs"


def test_the_page_loads_nothing_from_other_hosts(client):
    page = client.get("/api/docs").content.decode()
    script = client.get("/api/docs?script=").content.decode()

    assert re.findall(r'(?:src|href)="(?:https?:)?//', page) == []
    assert "swagger" in page
    assert "https://" not in script


def test_the_page_has_no_inline_script_as_its_policy_demands(client):
    answer = client.get("/api/docs")

    assert re.findall(r"<script(?![^>]*src=)[^>]*>\s*\S", answer.content.decode()) == []
    assert "script-src" not in answer["Content-Security-Policy"]
    assert "default-src 'self'" in answer["Content-Security-Policy"]


def test_the_page_brings_its_own_files(client):
    page = client.get("/api/docs").content.decode()
    paths = re.findall(r'(?:src|href)="/static/([^"]+)"', page)

    assert len(paths) >= 3
    assert [path for path in paths if finders.find(path) is None] == []
