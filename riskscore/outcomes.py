"""What may be done with an event, from letting it pass to refusing it, and how risky it looks."""

from enum import StrEnum


class Outcome(StrEnum):
    """A recommended action. Declared from the mildest to the most severe."""

    APPROVE = "approve"
    REVIEW = "review"  # let it pass, have a person look
    BLOCK_AND_REVIEW = "block_and_review"  # hold it until a person has looked
    DECLINE = "decline"

    @property
    def severity(self) -> int:
        """0 for approve to 3 for decline."""
        return tuple(Outcome).index(self)


class RiskLevel(StrEnum):
    """A score in words, relative to the institution's own thresholds."""

    LOW = "low"
    NORMAL = "normal"
    ELEVATED = "elevated"
    HIGHEST = "highest"


def most_severe(*outcomes: Outcome) -> Outcome:
    """The outcome that wins where several apply.

    >>> most_severe(Outcome.REVIEW, Outcome.DECLINE, Outcome.APPROVE)
    <Outcome.DECLINE: 'decline'>
    """
    return max(outcomes, key=lambda outcome: outcome.severity)
