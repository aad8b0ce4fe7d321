"""The first wall: whoever reads records of institutions says of which one."""

import ast
import re
from collections.abc import Iterator

from apps.tenants.policies import tables
from apps.tenants.walls import has_institution
from tests.architecture.source import modules

BLOCKS = (ast.FunctionDef, ast.ClassDef, ast.If, ast.For, ast.With, ast.Try, ast.While)
# What needs no institution: rows that are made, and rows that are already at hand.
HARMLESS = re.compile(r"objects\.(bulk_)?(create|update)\(|\bpk(__in)?=\[?\w+\.pk\b")
NAMED = re.compile(r"\binstitution(_id)?=|, institution_id,|of_these|visible_to")
BECAUSE = {
    "apps/jobs/reconciler.py": "claims and ends jobs of all institutions, as the worker's role alone may",
    "apps/jobs/fairness.py": "chooses among the jobs of all institutions, as the worker's role alone may",
    "apps/jobs/services.py": "the same; what a job is about is touched within its institution",
    "apps/jobs/waiting.py": "waits for the job that this request has just made",
    "apps/api/once.py": "the own answers of one client",
    "apps/api/replies.py": "purging what is old reads nothing",
    "apps/retention/holds.py": "an operator's command, by the identifier of a hold",
    "riskscore/services/erasure.py": "what belongs to an account that was reached within its institution",
    "apps/batches/selectors.py": "counts rows of batches that were reached before",
    "apps/batches/services/receiving.py": "the upload of this very request, by the identifier it was given here",
    "apps/people/standing.py": "the places where somebody works, to choose among",
    "apps/people/trail.py": "the same, to note a sign-in in each",
    "apps/tenants/keys.py": "by the digest of a key, within the institution it was found to belong to",
    "apps/tenants/management/commands/list_api_clients.py": "an operator's command",
    "apps/oauth/services.py": "by the digest of a secret, within the institution it was found to belong to",
    "apps/oauth/management/commands/allow_oauth.py": "an operator's command",
    "apps/tenants/management/commands/revoke_api_client.py": "an operator's command",
    "apps/tenants/management/commands/revoke_api_key.py": "an operator's command",
    "apps/tenants/management/commands/rotate_api_key.py": "an operator's command",
}


def unbound_reads() -> Iterator[tuple[str, str]]:
    """File and statement of every read of records that names no institution."""
    names = "|".join(model.__name__ for model in tables() if has_institution(model))
    read = re.compile(rf"\b({names}|StoredEvent)\.objects\b")
    for path, tree in modules():
        for node in ast.walk(tree):
            statement = own_text(node)
            if read.search(statement) and not NAMED.search(statement):
                yield path, statement


def own_text(node: ast.AST) -> str:
    """A statement, without the statements inside it; nothing for other syntax."""
    if not isinstance(node, ast.stmt):
        return ""
    if not isinstance(node, BLOCKS):
        return ast.unparse(node)
    parts = [child for child in ast.iter_child_nodes(node) if isinstance(child, (ast.expr, ast.withitem))]
    return " ".join(map(ast.unparse, parts))


def test_every_read_names_an_institution_or_has_a_reason_not_to():
    found = [(path, statement) for path, statement in unbound_reads() if not HARMLESS.search(statement)]

    assert [(path, statement) for path, statement in found if path not in BECAUSE] == []
    assert {path for path, _ in found} >= {"apps/jobs/reconciler.py", "apps/jobs/services.py"}
