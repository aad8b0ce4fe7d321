"""What is stored of a bank's events and of the assessments they got.

Values and their rules live in the Django-free modules; here Postgres is told what can never be so.
"""

from riskscore.models.assessments import Label, RiskAssessment
from riskscore.models.evidence import Account, Counterparty, Device, Event
from riskscore.models.policies import ListEntry, RulesetVersion, ThresholdsVersion

__all__ = [
    "Account",
    "Counterparty",
    "Device",
    "Event",
    "Label",
    "ListEntry",
    "RiskAssessment",
    "RulesetVersion",
    "ThresholdsVersion",
]
