"""Steps made by hand: works placed in a pool, and the runners that compute them."""

from collections.abc import Sequence

from inference.api import ScoreRequest
from inference.checkpoints import LoadedModel
from inference.engine.answering import Answering, answer
from inference.engine.cuda.runner import DeviceRunner
from inference.engine.prompt import lay_out
from inference.engine.work import Chunk, Work


def place(loaded: LoadedModel, *requests: ScoreRequest) -> list[Work]:
    """Works whose blocks lie in descending order, so that nothing is right by luck."""
    works, first = [], 1
    for request in requests:
        prompt = lay_out(request, schema=loaded.schema, window=loaded.window, vocabulary=64)
        task = Answering(request, prompt)
        work = Work(request=request, prompt=prompt, task=task, salt=b"", keys=[], arrival=0, submitted_at=0.0)
        work.place(list(range(first + work.total_blocks - 1, first - 1, -1)))
        first += work.total_blocks
        works.append(work)
    return works


def runner(loaded: LoadedModel, works: Sequence[Work]) -> DeviceRunner:
    """With a pool that holds these works."""
    made = DeviceRunner(loaded)
    made.allocate(sum(work.total_blocks for work in works))
    return made


def scored(made: DeviceRunner, chunks: Sequence[Chunk]) -> list[list[tuple[float, ...]]]:
    """Logits of the answers that each chunk ends."""
    readout, rows = made.run(chunks)
    out = []
    for chunk, mine in zip(chunks, rows, strict=True):
        assert isinstance(chunk.work.request, ScoreRequest)
        known = sum(stop <= chunk.start for _, stop in chunk.work.prompt.branches)
        questions = chunk.work.request.questions[known:]
        out.append([answer(q, *readout.chosen(row, q.labels)).logits for q, row in zip(questions, mine, strict=False)])
    return out


def whole(works: Sequence[Work]) -> list[Chunk]:
    """All of each work in one step."""
    return [Chunk(work, 0, work.prompt.total) for work in works]
