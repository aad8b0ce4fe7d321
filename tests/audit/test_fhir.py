"""Events as FHIR R4 AuditEvents, in the shapes that IHE's Basic Audit Log Patterns ask for."""

import base64
import json
from typing import Any

import pytest

from apps.audit.fhir import BALP, audit_event, bundle
from apps.audit.services import Subject, record
from apps.common import context
from tests.audit.trail import NOW, bank

pytestmark = pytest.mark.django_db


def made(action="risk_assessment.read", **told):
    """An event of a system that called over REST."""
    context.bind(request_id="r-1")
    context.bind_address("192.0.2.7")
    arguments: dict[str, Any] = {
        "actor": "client:7",
        "institution": bank(),
        "subject": Subject(label="x.y", id="5"),
        "now": NOW,
    }
    event = record(action=action, **arguments | told)
    context.clear()
    return event


def codes(elements):
    return [element["type"]["coding"][0]["code"] for element in elements]


@pytest.mark.parametrize(
    ("action", "code", "interaction", "profile", "roles"),
    [
        ("risk_assessment.created", "C", "create", "Create", ["110153", "110152"]),
        ("risk_assessment.read", "R", "read", "Read", ["110152", "110153"]),
        ("risk_assessment.listed", "E", "search-type", "Query", ["110153", "110152"]),
        ("risk.thresholds.set", "U", "update", "Update", ["110153", "110152"]),
        ("account.erased", "D", "delete", "Delete", ["110153", "110152"]),
    ],
)
def test_an_act_has_the_profile_of_its_kind(action, code, interaction, profile, roles):
    resource = audit_event(made(action))

    assert resource["meta"]["profile"] == [BALP + profile]
    assert resource["type"]["code"] == "rest"
    assert [each["code"] for each in resource["subtype"]] == [interaction, action]
    assert (resource["action"], resource["outcome"]) == (code, "0")
    assert codes(resource["agent"]) == roles


def test_a_read_names_who_what_from_where_and_under_which_request():
    resource = audit_event(made())
    client, server = resource["agent"]
    data, transaction, _ = resource["entity"]

    assert client["who"]["identifier"]["value"] == "client:7"
    assert (client["requestor"], client["network"]) == (True, {"address": "192.0.2.7", "type": "2"})
    assert (server["requestor"], server["network"]["type"]) == (False, "1")
    assert data["what"]["identifier"] == {"system": "urn:assay:audit:subject:x.y", "value": "5"}
    assert (data["type"]["code"], data["role"]["code"]) == ("2", "4")
    assert (transaction["type"]["code"], transaction["what"]["identifier"]["value"]) == ("XrequestId", "r-1")
    assert resource["recorded"] == "2026-11-24T03:00:00.000000Z"


def test_a_query_tells_its_filters_and_no_what():
    query = audit_event(made("x.listed", details={"count": 2, "filters": ["outcome"]}))["entity"][0]

    assert "what" not in query
    assert (query["type"]["code"], query["role"]["code"]) == ("2", "24")
    assert json.loads(base64.b64decode(query["query"])) == {"filters": ["outcome"], "subject": "x.y"}


def test_a_refusal_is_a_minor_failure_and_claims_no_profile():
    resource = audit_event(made("access.refused", outcome="refused", details={"code": "not_found"}))

    assert "meta" not in resource
    assert (resource["outcome"], resource["outcomeDesc"]) == ("4", "not_found")


def test_what_a_person_or_a_command_does_is_no_restful_operation():
    resource = audit_event(made("institution.created", actor="command:create_institution"))

    assert "meta" not in resource
    assert (resource["type"]["code"], resource["action"]) == ("110100", "C")


def test_a_page_is_a_searchset():
    page = bundle([made()], links={"self": "http://x/?a=1", "next": None})

    assert (page["type"], page["link"]) == ("searchset", [{"relation": "self", "url": "http://x/?a=1"}])
    assert [entry["resource"]["resourceType"] for entry in page["entry"]] == ["AuditEvent"]
