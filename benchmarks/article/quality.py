"""How near what was written is to what should have been: BLEU-4 and ROUGE-L, by the field's own implementations."""

from collections.abc import Sequence

import sacrebleu
from rouge_score.rouge_scorer import RougeScorer


def quality(written: Sequence[str], references: Sequence[str]) -> tuple[float, float]:
    """BLEU-4 of the corpus and mean ROUGE-L F1, both 0-1; texts are words with blanks between them."""
    bleu = sacrebleu.corpus_bleu(list(written), [list(references)], tokenize="none", force=True).score / 100
    scorer = RougeScorer(["rougeL"], tokenizer=_Blanks())
    found = [scorer.score(right, said)["rougeL"].fmeasure for said, right in zip(written, references, strict=True)]
    return bleu, sum(found) / len(found)


class _Blanks:
    """Splits where blanks are, and nowhere else: ROUGE's own tokenizer would drop every sign."""

    def tokenize(self, text: str) -> list[str]:
        """The words."""
        return text.split()
