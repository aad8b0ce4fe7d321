"""Rules: conditions over facts, kept as data, evaluated without a model."""

from riskscore.rules.baseline import DEFAULT_DOCUMENT, DEFAULT_RULESET
from riskscore.rules.evaluation import RulesAnswer, evaluate, hits_of_lists, rules_only, rules_score
from riskscore.rules.facts import facts_of
from riskscore.rules.parsing import RulesetError, parse_ruleset
from riskscore.rules.values import Rule, RuleHit, Ruleset

__all__ = [
    "DEFAULT_DOCUMENT",
    "DEFAULT_RULESET",
    "Rule",
    "RuleHit",
    "RulesAnswer",
    "Ruleset",
    "RulesetError",
    "evaluate",
    "facts_of",
    "hits_of_lists",
    "parse_ruleset",
    "rules_only",
    "rules_score",
]
