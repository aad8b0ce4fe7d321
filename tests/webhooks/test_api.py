"""Webhooks over REST."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.tenants.models import Institution
from apps.tenants.services import create_client
from apps.webhooks import services
from apps.webhooks.models import EventType, WebhookDelivery, WebhookEndpoint

pytestmark = pytest.mark.django_db

URL = "/api/v1/webhook-endpoints"
BODY = {"url": "https://hooks.bank.example/assay", "event_types": ["batch.completed"]}


def caller(institution: Institution) -> Client:
    """A client of an institution that may do everything."""
    _client, key = create_client(institution=institution, name="core banking", mode="test", now=timezone.now())
    return Client(headers={"Authorization": f"Bearer {key}"})


@pytest.fixture
def client(bank) -> Client:
    return caller(bank)


def post(client: Client, url: str = URL, body: Any = None, **headers: str) -> Any:
    sent = json.dumps(body) if body is not None else ""
    return client.generic("POST", url, sent, content_type="application/json", headers=headers)


def test_the_secret_is_shown_once(client):
    made = post(client, body=BODY)

    assert made.status_code == 201
    assert made["Location"] == f"{URL}/{made.json()['id']}"
    assert made.json()["secret"].startswith("whsec_")
    assert "secret" not in client.get(made["Location"]).json()


def test_what_is_stored_of_an_endpoint_names_neither_address_nor_secret(client):
    made = post(client, body=BODY).json()

    row = WebhookEndpoint.objects.values_list("url", "secret").get()
    assert made["secret"].encode() not in bytes(row[1].token)
    assert b"hooks.bank.example" not in bytes(row[0].token)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"url": "https://127.0.0.1/"}, 422, "address_private"),
        ({"url": "http://hooks.bank.example/"}, 422, "not_https"),
        ({"event_types": []}, 422, "invalid"),
        ({"event_types": ["everything"]}, 422, "invalid"),
        ({"color": "red"}, 422, "invalid"),
    ],
)
def test_what_cannot_be_registered_is_refused_and_nothing_is_stored(client, change, status, code):
    refused = post(client, body=BODY | change)

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert not WebhookEndpoint.objects.exists()


def test_an_institution_has_twenty_endpoints_at_most(client):
    made = [post(client, body=BODY).status_code for _ in range(21)]

    assert made == [201] * 20 + [409]


def test_an_endpoint_is_switched_off_and_on_again(client):
    where = post(client, body=BODY)["Location"]

    off = client.patch(where, {"enabled": False}, content_type="application/json").json()
    on = client.patch(where, {"enabled": True}, content_type="application/json").json()

    assert (off["enabled"], off["disabled_reason"], on["enabled"], on["disabled_reason"]) == (
        False, "by_client", True, None,
    )  # fmt: skip


def test_a_rotation_shows_the_new_secret(client):
    made = post(client, body=BODY).json()

    rotated = post(client, f"{URL}/{made['id']}/rotate-secret").json()

    assert rotated["secret"] not in {"", made["secret"]}
    assert rotated["previous_secret_until"] is not None


def test_a_ping_is_logged_as_it_is_promised(client):
    made = post(client, body=BODY).json()

    ping = post(client, f"{URL}/{made['id']}/test")

    assert (ping.status_code, ping.json()["event_type"], ping.json()["status"]) == (202, "ping", "pending")
    log = client.get(f"{URL}/{made['id']}/deliveries", {"status": "pending"}).json()["results"]
    assert [entry["id"] for entry in log] == [ping.json()["id"]]


def test_a_replay_is_made_once_for_one_key(client):
    made = post(client, body=BODY).json()
    ping = post(client, f"{URL}/{made['id']}/test").json()
    again = f"{URL}/{made['id']}/deliveries/{ping['id']}/replay"

    first, second = (post(client, again, **{"Idempotency-Key": "k-1"}) for _ in range(2))

    assert (first.status_code, first.content) == (202, second.content)
    assert (first.json()["webhook_id"], first.json()["replay_of"]) == (ping["webhook_id"], ping["id"])
    assert WebhookDelivery.objects.count() == 2


def test_a_deleted_endpoint_is_gone(client):
    where = post(client, body=BODY)["Location"]

    assert client.delete(where).status_code == 204
    assert client.get(where).status_code == 404


@pytest.mark.parametrize("verb", ["get", "patch", "delete"])
def test_a_strangers_endpoint_looks_like_none(client, verb):
    other = caller(Institution.objects.create(name="Second Bank", kind=Institution.Kind.BANK))
    where = post(client, body=BODY)["Location"]

    strange = getattr(other, verb)(where, {} if verb == "patch" else None, content_type="application/json")
    unknown = getattr(other, verb)(f"{URL}/{uuid4()}", {} if verb == "patch" else None, content_type="application/json")

    assert (strange.status_code, strange.json()["detail"]) == (unknown.status_code, unknown.json()["detail"])
    assert strange.status_code == 404
    assert WebhookEndpoint.objects.count() == 1


def test_every_act_is_in_the_trail(client):
    made = post(client, body=BODY).json()
    where = f"{URL}/{made['id']}"
    client.patch(where, {"description": "x"}, content_type="application/json")
    post(client, f"{where}/rotate-secret")
    client.delete(where)

    actions = AuditEvent.objects.filter(subject_id=made["id"]).order_by("at").values_list("action", flat=True)
    assert list(actions) == [f"webhook_endpoint.{verb}" for verb in ("created", "changed", "secret_rotated", "deleted")]


def test_an_unknown_status_is_refused(client):
    made = post(client, body=BODY).json()

    assert client.get(f"{URL}/{made['id']}/deliveries", {"status": "odd"}).status_code == 400


@pytest.mark.parametrize("count", [1, 10])
def test_a_list_costs_the_same_however_long_it_is(client, bank, count, django_assert_max_num_queries):
    made = post(client, body=BODY).json()
    for _ in range(count):
        services.emit(
            institution_id=bank.pk, event_type=EventType.BATCH_COMPLETED, data={"batch_id": uuid4()}, now=timezone.now()
        )

    with django_assert_max_num_queries(12):
        log = client.get(f"{URL}/{made['id']}/deliveries")

    assert len(json.loads(log.content)["results"]) == count
