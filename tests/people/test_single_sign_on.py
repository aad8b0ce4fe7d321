"""Single sign-on: with a real provider, and against one that lies."""

from collections.abc import Iterator

import pytest
from django.test import Client
from joserfc.jwk import OctKey, RSAKey

from apps.audit.models import AuditEvent
from apps.people import sessions
from apps.people.admission import Admission
from apps.people.services import link_subject
from apps.tenants.models import Membership, User
from tests.people.door import NOW, bank, person, with_app
from tests.people.providers import Claims, Liar, challenge_of, lying_provider, real_provider, signed_on, trusting

pytestmark = pytest.mark.django_db

ANA: Claims = {"sub": "248289", "email": "ana@example.org", "email_verified": True, "groups": ["fraud", "golf"]}
EVA: Claims = {"sub": "777777", "email": "eva@example.org", "email_verified": False}
OPA: Claims = {"sub": "999999", "email": "opa@example.org", "email_verified": True}
ADMISSION = Admission(claim="groups", roles={"fraud": ("First Bank", "analyst")})


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A real provider that knows three people."""
    with real_provider(ANA, EVA, OPA) as issuer:
        yield issuer


@pytest.fixture
def liar() -> Iterator[Liar]:
    """A provider of lies, believed by this installation."""
    person("ana", "analyst", bank())
    with lying_provider() as liar, trusting(liar.issuer):
        yield liar


def refusals() -> list[str]:
    return [event.details["reason"] for event in AuditEvent.objects.filter(action="sign_on.refused")]


def is_inside(client: Client) -> bool:
    return sessions.BEGAN in client.session


def test_somebody_we_know_comes_in_by_a_verified_address_and_stays_linked(issuer):
    ana = person("ana", "analyst", bank())
    client = Client()

    with trusting(issuer):
        first = signed_on(client, ANA["sub"])
        ana.email = "another@example.org"
        ana.save()
        again = signed_on(Client(), ANA["sub"])

    assert (first["Location"], again["Location"]) == ("/account/start/", "/account/start/")
    assert client.get("/account/").context["user"] == ana
    assert AuditEvent.objects.filter(action="sign_on.linked").count() == 1


@pytest.mark.parametrize(("user", "reason"), [(EVA, "unverified"), (OPA, "unknown")])
def test_a_stranger_is_sent_away_and_not_made_known(issuer, user, reason):
    person("eva", "analyst", bank())
    client = Client()

    with trusting(issuer):
        answer = signed_on(client, user["sub"])

    assert (answer.status_code, refusals(), User.objects.count()) == (403, [reason], 1)
    assert not is_inside(client)


def test_a_stranger_is_made_known_where_the_installation_says_so(issuer):
    place = bank()

    with trusting(issuer, OIDC_ADMISSION=ADMISSION):
        answer = signed_on(Client(), ANA["sub"])

    assert answer["Location"] == "/account/start/"
    assert list(Membership.objects.values_list("user__email", "institution", "role")) == [
        ("ana@example.org", place.pk, "analyst")
    ]


def test_a_stranger_without_the_claim_stays_one(issuer):
    bank()

    with trusting(issuer, OIDC_ADMISSION=ADMISSION):
        answer = signed_on(Client(), OPA["sub"])

    assert (answer.status_code, User.objects.count(), Membership.objects.count()) == (403, 0, 0)


def test_an_address_makes_nobody_an_operator(issuer):
    person("opa", "operator")
    client = Client()

    with trusting(issuer):
        answer = signed_on(client, OPA["sub"])

    assert (answer.status_code, refusals(), is_inside(client)) == (403, ["operator"], False)


def test_an_operator_who_was_linked_still_owes_the_second_factor(issuer):
    opa = person("opa", "operator")
    with_app(opa)
    link_subject(user=opa, issuer=issuer, subject=OPA["sub"], actor="command:link_user", now=NOW)

    with trusting(issuer):
        answer = signed_on(Client(), OPA["sub"])

    assert answer["Location"] == "/account/sign-in/code/"


def test_who_was_parted_from_is_sent_away(issuer):
    ana = person("ana", "analyst", bank())
    link_subject(user=ana, issuer=issuer, subject=ANA["sub"], actor="command:link_user", now=NOW)
    User.objects.update(is_active=False)

    with trusting(issuer):
        assert signed_on(Client(), ANA["sub"]).status_code == 403


def test_the_question_carries_state_nonce_and_challenge_and_the_exchange_the_verifier(liar):
    assert liar.come_back(Client())["Location"] == "/account/start/"

    assert liar.asked["code_challenge_method"] == "S256"
    assert liar.asked["code_challenge"] == challenge_of(liar.exchanged["code_verifier"])
    assert min(len(liar.asked["nonce"]), len(liar.asked["state"])) >= 16


LIES = {
    "another nonce": {"nonce": "planted"},
    "no nonce": {"nonce": None},
    "another audience": {"aud": "somebody-else"},
    "made for another party": {"azp": "somebody-else"},
    "another issuer": {"iss": "https://elsewhere.example"},
    "past its time": {"exp": 1_700_000_000},
    "from the future": {"iat": 4_000_000_000},
    "no subject": {"sub": None},
    "no end": {"exp": None},
    "unverified": {"email_verified": False},
    "verified, in words": {"email_verified": "true"},
    "no address": {"email": ""},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_token_that_does_not_fit_opens_nothing(liar, lie):
    liar.lie = lambda claims: {name: value for name, value in (claims | lie).items() if value is not None}
    client = Client()

    answer = liar.come_back(client)

    assert answer.status_code in {401, 403}
    assert not is_inside(client)
    assert len(refusals()) == 1


SIGNATURES = {
    "another key": (RSAKey.generate_key(2048, parameters={"kid": "k1"}), {"alg": "RS256", "kid": "k1"}),
    "a shared secret": (OctKey.import_key("x" * 32), {"alg": "HS256"}),
    "none at all": (OctKey.import_key("x" * 32), {"alg": "none"}),
}


@pytest.mark.parametrize(("key", "header"), SIGNATURES.values(), ids=SIGNATURES)
def test_a_token_of_another_hand_opens_nothing(liar, key, header):
    liar.key, liar.header = key, header
    client = Client()

    answer = liar.come_back(client)

    assert (answer.status_code, is_inside(client)) == (401, False)


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://elsewhere.example"},
        {"jwks_uri": "file:///etc/keys"},
        {"token_endpoint": "https://x.example/"},
    ],
)
def test_a_provider_that_describes_itself_otherwise_is_not_asked(liar, described):
    liar.described = described
    client = Client()

    assert client.post("/account/provider/").status_code == 401
    assert not is_inside(client)


def test_an_answer_to_nobodys_question_is_refused(liar):
    client = Client()

    assert liar.come_back(client, state="planted").status_code == 401
    assert not is_inside(client)


def test_an_answer_to_another_browsers_question_is_refused(liar):
    asking, other = Client(), Client()
    liar.come_back(asking)

    answer = other.get("/account/provider/back/", {"code": "c", "state": liar.asked["state"]})

    assert (answer.status_code, is_inside(other)) == (401, False)


def test_an_answer_counts_once(liar):
    client = Client()
    liar.come_back(client)
    client.post("/account/sign-out/")

    answer = client.get("/account/provider/back/", {"code": "c", "state": liar.asked["state"]})

    assert (answer.status_code, is_inside(client)) == (401, False)


def test_the_address_adds_nothing_to_the_question(liar):
    answer = Client().post("/account/provider/?auth_params=prompt%3Dnone&scope=admin&process=connect")

    assert "prompt" not in answer["Location"]
    assert "admin" not in answer["Location"]


def test_without_a_provider_there_is_no_button_and_no_address():
    assert b"/account/provider/" not in Client().get("/account/sign-in/").content
    assert Client().post("/account/provider/").status_code == 404
