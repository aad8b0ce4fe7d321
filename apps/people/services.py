"""What is done to somebody's ways of signing in."""

from datetime import datetime

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.common.errors import Conflict
from apps.people import single_sign_on
from apps.tenants.models import User
from apps.tenants.people import end_sessions


class NoSecondFactor(Conflict):
    """The person has none to reset."""

    code = "no_second_factor"


@transaction.atomic
def invite(*, user: User, actor: str, now: datetime) -> str:
    """Let somebody set a password of their own, once and within a day.

    Returns:
        The path of the page where they do it. It exists nowhere else.
    """
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    audit.record(actor=actor, action="user.invited", institution=None, subject=user, now=now)
    uidb36, _dash, token = key.partition("-")
    return reverse("account_reset_password_from_key", kwargs={"uidb36": uidb36, "key": token})


@transaction.atomic
def reset_second_factor(*, user: User, actor: str, now: datetime) -> None:
    """Forget somebody's second factor and recovery codes; they are signed out and set up another.

    Raises:
        NoSecondFactor: they have none.
    """
    gone, _rows = Authenticator.objects.filter(user=user).delete()
    if not gone:
        raise NoSecondFactor(_("This person has no second factor."))
    end_sessions(user=user, actor=actor, now=now)
    audit.record(actor=actor, action="second_factor.reset", institution=None, subject=user, now=now)


@transaction.atomic
def link_subject(*, user: User, issuer: str, subject: str, actor: str, now: datetime) -> None:
    """Let a provider's subject sign in as somebody, operators included."""
    single_sign_on.link(user, issuer=issuer, subject=subject)
    audit.record(actor=actor, action="sign_on.linked", institution=None, subject=user, now=now)
