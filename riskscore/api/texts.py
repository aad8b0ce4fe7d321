"""Sentences for people, by the codes that programs compare."""

from django.utils.translation import gettext, gettext_lazy

REASONS = {
    "amount.raises": gettext_lazy("The amount, against what this account usually moves, raises the risk."),
    "amount.lowers": gettext_lazy("The amount, against what this account usually moves, lowers the risk."),
    "counterparty.raises": gettext_lazy("The counterparty, and what is known of it, raises the risk."),
    "counterparty.lowers": gettext_lazy("The counterparty, and what is known of it, lowers the risk."),
    "device.raises": gettext_lazy("The device behind the event raises the risk."),
    "device.lowers": gettext_lazy("The device behind the event lowers the risk."),
    "velocity.raises": gettext_lazy("How much happened on the account lately raises the risk."),
    "velocity.lowers": gettext_lazy("How much happened on the account lately lowers the risk."),
    "place.raises": gettext_lazy("The place, against where the account is usually used, raises the risk."),
    "place.lowers": gettext_lazy("The place, against where the account is usually used, lowers the risk."),
    "timing.raises": gettext_lazy("The time of the event raises the risk."),
    "timing.lowers": gettext_lazy("The time of the event lowers the risk."),
    "model_unavailable": gettext_lazy("The model did not answer in time; the rules alone did."),
}

# The starting rules' sentences, so that translators find them.
RULES = (
    gettext_lazy("The device is an emulator or is driven by a program."),
    gettext_lazy("A new device claims things that do not go together."),
    gettext_lazy("Money leaves through an anonymous network from a device this account has not used."),
    gettext_lazy("A new device sends an unusual amount to somebody this account has not dealt with."),
    gettext_lazy("Nobody could have travelled from the place before to this one in the time between."),
    gettext_lazy("Several small payments within an hour, as when stolen cards are tried out."),
    gettext_lazy("Many more outgoing events within an hour than this account is used to."),
    gettext_lazy("Unusually large payments to new counterparties follow each other quickly."),
    gettext_lazy("The amount is far above everything this account has sent before."),
    gettext_lazy("The amount is above what may pass without a look."),
    gettext_lazy("Fraud was reported at this counterparty several times in the last four weeks."),
    gettext_lazy("Money from many senders leaves again within a day."),
    gettext_lazy("Nearly the same amount goes back to where money came from."),
    gettext_lazy("An unusually large transfer to a payee this account has never paid."),
    gettext_lazy("Part of this event is on a block list."),
    gettext_lazy("Part of this event is on a watch list."),
)


def reason_text(code: str) -> str:
    """The sentence of a reason's code, in the reader's language. Raises KeyError for an unknown code."""
    return str(REASONS[code])


def rule_text(reason: str) -> str:
    """A rule's own sentence, translated where it is one of those Assay starts with."""
    return gettext(reason)
