"""Random tamperings by a superuser with the triggers off, a few; `tests/security/test_audit.py` does 200."""

from random import Random

import pytest

from apps.audit.anchors import anchor_line, append, read
from apps.audit.keys import AuditKey, known_keys
from apps.audit.sealing import seal_chain
from apps.audit.verification import verify_chain
from tests.audit.tampering import TAMPERINGS, Chain, cut_tail, seal_again, tampered
from tests.audit.trail import NOW, bank, events, sealed_trail

pytestmark = pytest.mark.django_db


def first_found(chain, anchored=None, keys=None):
    """Where verification finds the first flaw; None if nowhere."""
    report = verify_chain(chain.institution.pk, keys=keys or known_keys(), anchored=anchored or {}, now=NOW)
    return report.findings[0].position if report.findings else None


@pytest.fixture
def chain():
    return Chain(sealed_trail(40)[0])


@pytest.fixture
def anchored(chain, tmp_path):
    append(anchor_line(now=NOW), tmp_path / "anchors.jsonl")
    return read(tmp_path / "anchors.jsonl", keys=known_keys())[str(chain.institution.pk)]


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda tampering: tampering.__name__)
def test_a_tampering_is_found_where_it_was_done(chain, anchored, tampering, seed):
    with tampered(tampering, chain, Random(seed)) as position:
        assert first_found(chain, anchored) == position

    assert first_found(chain, anchored) is None


def test_without_an_anchor_a_cut_tail_is_not_found(chain):
    with tampered(cut_tail, chain, Random(1)):
        assert first_found(chain) is None


def test_without_a_secret_an_edited_chain_is_not_found():
    institution = bank()
    events(institution, 40)
    unkeyed = AuditKey(id="unkeyed", secret=b"")
    seal_chain(institution.pk, now=NOW, key=unkeyed)
    chain = Chain(institution, key=unkeyed)

    with tampered(seal_again, chain, Random(1)):
        assert first_found(chain, keys={"unkeyed": unkeyed}) is None
