"""What callers may send in a minute: by kind of request, for each client and for its institution as a whole."""

from collections.abc import Mapping
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from apps.api.limits.windows import Policy

if TYPE_CHECKING:
    from apps.tenants.models import ApiClient

WINDOW_S = 60
INSTITUTION_FACTOR = 2  # an institution may send what two of its clients may


class Kind(StrEnum):
    """What a request costs us."""

    SCORING = "scoring"  # assessments: each is a pass of the model
    HISTORY = "history"  # rows told, not requests
    BATCHES = "batches"  # files taken in
    GENERATION = "generation"  # texts: each is many passes of a model
    WRITES = "writes"  # everything else that changes something
    READS = "reads"
    SIGN_IN = "sign-in"  # by address, before anybody is known


DEFAULTS: Mapping[Kind, int] = {  # a minute, for one client; for one address where it signs in
    Kind.SCORING: 6_000,
    Kind.HISTORY: 600_000,
    Kind.BATCHES: 60,
    Kind.GENERATION: 600,
    Kind.WRITES: 1_200,
    Kind.READS: 6_000,
    Kind.SIGN_IN: 120,
}


def read_limits(given: Mapping[str, str]) -> dict[Kind, int]:
    """The quotas in force, from ``ASSAY_LIMITS``; what is not named keeps its default.

    >>> read_limits({"scoring": "100"})[Kind.SCORING]
    100

    Raises:
        ImproperlyConfigured: a kind nobody knows, or a quota that is not a positive number.
    """
    quotas = dict(DEFAULTS)
    for name, quota in given.items():
        if name not in list(Kind):
            raise ImproperlyConfigured(f"ASSAY_LIMITS names {name!r}; there are {', '.join(Kind)}")
        if not quota.isdecimal() or int(quota) < 1:
            raise ImproperlyConfigured(f"ASSAY_LIMITS gives {name} {quota!r}; a quota is a positive number")
        quotas[Kind(name)] = int(quota)
    return quotas


def of_client(client: "ApiClient", kind: Kind) -> tuple[Policy, ...]:
    """What applies to a request of a client: what was set for it and for its institution, or the default."""
    default = settings.LIMITS[kind]
    return (
        Policy(
            name=f"{kind}-client",
            key=f"{kind}:client:{client.pk}",
            quota=client.limits.get(kind, default),
            window_s=WINDOW_S,
        ),
        Policy(
            name=f"{kind}-institution",
            key=f"{kind}:institution:{client.institution_id}",
            quota=client.institution.limits.get(kind, default * INSTITUTION_FACTOR),
            window_s=WINDOW_S,
        ),
    )


def of_address(address: str) -> tuple[Policy, ...]:
    """What applies to an address that tries to sign in. Redis gets a keyed digest of it, not the address."""
    key = blake2b(address.encode(), key=settings.SECRET_KEY.encode()[:64], digest_size=16).hexdigest()
    quota = settings.LIMITS[Kind.SIGN_IN]
    return (Policy(name=str(Kind.SIGN_IN), key=f"{Kind.SIGN_IN}:address:{key}", quota=quota, window_s=WINDOW_S),)
