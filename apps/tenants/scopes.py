"""What a machine client may be allowed to do: one name for reading and one for writing each kind of thing."""

from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.common.errors import InvalidInput

SCOPES = {
    "risk.read": gettext_lazy("Read risk assessments."),
    "risk.write": gettext_lazy("Ask for risk assessments."),
    "policies.read": gettext_lazy("Read thresholds and rules."),
    "policies.write": gettext_lazy("Change thresholds and rules."),
    "events.write": gettext_lazy("Send account history."),
    "operations.read": gettext_lazy("Follow work in progress."),
    "operations.write": gettext_lazy("Cancel work in progress."),
    "batches.read": gettext_lazy("Read batches and their results."),
    "batches.write": gettext_lazy("Send batches."),
    "webhooks.read": gettext_lazy("Read webhook endpoints and deliveries."),
    "webhooks.write": gettext_lazy("Change webhook endpoints and replay deliveries."),
    "inference.generate": gettext_lazy("Let models write text."),
    "audit.read": gettext_lazy("Read the institution's audit trail."),
}


def all_scopes() -> list[str]:
    """Every scope there is, in the order of the table; what a client gets unless it is told otherwise."""
    return list(SCOPES)


def checked(scopes: Iterable[str]) -> list[str]:
    """These scopes, each once, in the order of the table.

    Raises:
        InvalidInput: one of them does not exist, or there is none.
    """
    wanted = set(scopes)
    unknown = sorted(wanted - SCOPES.keys())
    if unknown:
        raise InvalidInput(_("There is no scope called %(name)s.") % {"name": unknown[0]}, pointer="/scopes")
    if not wanted:
        raise InvalidInput(_("A client has at least one scope."), pointer="/scopes")
    return [name for name in SCOPES if name in wanted]
