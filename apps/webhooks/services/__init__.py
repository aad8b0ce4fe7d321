"""Everything that changes what is stored about webhooks, one verb each."""

from apps.webhooks.services.delivering import deliver, give_up
from apps.webhooks.services.emitting import (
    JOB_KIND,
    EndpointDisabled,
    access_delivery,
    emit,
    ping,
    replay,
)
from apps.webhooks.services.endpoints import (
    TooManyEndpoints,
    access_endpoint,
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    disable_endpoint,
    rotate_secret,
    secrets_of,
)

__all__ = [
    "JOB_KIND",
    "EndpointDisabled",
    "TooManyEndpoints",
    "access_delivery",
    "access_endpoint",
    "change_endpoint",
    "create_endpoint",
    "delete_endpoint",
    "deliver",
    "disable_endpoint",
    "emit",
    "give_up",
    "ping",
    "replay",
    "rotate_secret",
    "secrets_of",
]
