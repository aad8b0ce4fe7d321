"""What a bank starts with."""

from datetime import datetime

from django.db import transaction

from apps.tenants.models import Institution
from apps.tenants.services import create_institution
from riskscore.models import RulesetVersion, ThresholdsVersion
from riskscore.policy import DEFAULT_THRESHOLDS
from riskscore.rules import DEFAULT_DOCUMENT
from riskscore.services.policies import set_ruleset, set_thresholds


@transaction.atomic
def seed_bank(*, name: str, actor: str, now: datetime) -> Institution:
    """A bank of that name with rules and thresholds of its own; what it has already stays as it is.

    Raises:
        InvalidInput: the name is empty or too long.
        NameTaken: a hospital carries this name.
    """
    kind = Institution.Kind.BANK
    institution = Institution.objects.filter(name=name.strip(), kind=kind).first()
    if institution is None:
        institution = create_institution(name=name, kind=kind.value, actor=actor, now=now)
    if not RulesetVersion.objects.filter(institution=institution).exists():
        set_ruleset(institution=institution, document=DEFAULT_DOCUMENT, actor=actor, now=now)
    if not ThresholdsVersion.objects.filter(institution=institution).exists():
        set_thresholds(institution=institution, thresholds=DEFAULT_THRESHOLDS, actor=actor, now=now)
    return institution
