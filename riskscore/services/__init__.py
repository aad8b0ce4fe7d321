"""Everything that changes what is stored about risk, one verb each."""

from riskscore.services.erasure import erase_account, purge_risk_records
from riskscore.services.feedback import LabelledInFuture, record_feedback
from riskscore.services.ingestion import Ingested, ToldElsewhere, ingest_event, ingest_events
from riskscore.services.policies import set_ruleset, set_thresholds
from riskscore.services.requests import JOB_KIND, EventDiffers, request_assessment
from riskscore.services.scoring import Release, degrade, score_assessment
from riskscore.services.seeding import seed_bank
from riskscore.services.waiting import assess_event

__all__ = [
    "JOB_KIND",
    "EventDiffers",
    "Ingested",
    "LabelledInFuture",
    "Release",
    "ToldElsewhere",
    "assess_event",
    "degrade",
    "erase_account",
    "ingest_event",
    "ingest_events",
    "purge_risk_records",
    "record_feedback",
    "request_assessment",
    "score_assessment",
    "seed_bank",
    "set_ruleset",
    "set_thresholds",
]
