"""One layer's attention: kernels that read the pool, tiles over gathered contexts, and torch's SDPA beside them."""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.page import machine, markdown_table, write_section
from inference.api import Question, ScoreRequest, TokenPosition
from inference.config import EngineConfig
from inference.engine.answering import Answering
from inference.engine.attention import paged_attention
from inference.engine.kv import PagedKV
from inference.engine.layout import LayoutBuilder
from inference.engine.prompt import lay_out
from inference.engine.spans import SpansBuilder
from inference.engine.work import Chunk, Work
from inference.native.attention import PagedAttention
from inference.native.selftest import native_library

HEADS, GROUPS, SIZE = 8, 4, 64
PREFILL = (128, 512, 1024, 4096)
DECODE = (128, 512, 1024, 2048)
SEQUENCES = 32
HEAD = ("work", "native", "tiles", "SDPA", "native against tiles", "against SDPA")
Step = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """So many sequences, of each the last ``rows`` of ``length`` positions."""

    name: str
    sequences: int
    length: int
    rows: int

    def chunks(self) -> list[Chunk]:
        """In blocks of their own, taken in turns, so that none lie beside each other."""
        return [self._chunk(index) for index in range(self.sequences)]

    def _chunk(self, index: int) -> Chunk:
        record = (TokenPosition(1),) * self.length
        asked = Question(id="q", positions=(TokenPosition(1),), labels=(0, 1))
        request = ScoreRequest(id=str(index), model="m", namespace="n", record=record, questions=(asked,))
        prompt = lay_out(request, schema=None, window=1 << 20, vocabulary=2)
        task = Answering(request, prompt)
        work = Work(request=request, prompt=prompt, task=task, salt=b"", keys=[], arrival=0, submitted_at=0.0)
        work.place([1 + index + self.sequences * block for block in range(work.total_blocks)])
        return Chunk(work, self.length - self.rows, self.length)


SHAPES = (
    *(Shape(name=f"{n} new positions", sequences=1, length=n, rows=n) for n in PREFILL),
    *(Shape(name=f"1 new after {n - 1}, {SEQUENCES} at once", sequences=SEQUENCES, length=n, rows=1) for n in DECODE),
)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write the section."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attention", description=__doc__)
    parser.add_argument("--repeats", type=int, default=25)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="one, where others compute too")
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    library = native_library(EngineConfig(threads=torch.get_num_threads(), memory_mb=1, salt_key=bytes(32)))
    if library is None:
        raise SystemExit("there are no native kernels here")
    table, rows = Table(*HEAD), []
    with torch.inference_mode():
        for shape in SHAPES:
            rows.append(_row(shape, _times(_contenders(shape, PagedAttention(library)), options.repeats)))
            table.add_row(*rows[-1])
    Console().print(table)
    write_section("attention", _section(rows))


def _contenders(shape: Shape, attention: PagedAttention) -> list[Step]:
    return [
        _paged(shape, lambda: SpansBuilder(attention)),
        _paged(shape, lambda: LayoutBuilder(fans=True)),
        _sdpa(shape),
    ]


def _paged(shape: Shape, builder_of: Callable[[], SpansBuilder | LayoutBuilder]) -> Step:
    """Write the batch's keys and values, then attend, as a layer does; the layout is made once for all layers."""
    chunks = shape.chunks()
    builder = builder_of()
    for chunk in chunks:
        builder.add(chunk)
    rows = -(-shape.sequences * shape.rows // 32) * 32
    layout = builder.build(rows=rows, device=torch.device("cpu"))
    kv = PagedKV(blocks=shape.sequences * (shape.length // 16 + 1) + 1)
    query, key, value = _states(HEADS, rows), _states(GROUPS, rows), _states(GROUPS, rows)

    def step() -> None:
        kv.begin(layout)
        paged_attention(None, query, *kv.update(key, value, 0), None, layout=layout, scaling=SIZE**-0.5)

    step()
    for pool in kv.pools[0]:
        pool.normal_()
    return step


def _sdpa(shape: Shape) -> Step:
    """torch's kernel on contexts that lie ready, which a paged cache would have to gather first."""
    query = torch.randn(shape.sequences, HEADS, shape.rows, SIZE).bfloat16()
    key, value = (torch.randn(shape.sequences, GROUPS, shape.length, SIZE).bfloat16() for _ in range(2))
    causal = shape.rows > 1
    return lambda: F.scaled_dot_product_attention(query, key, value, is_causal=causal, enable_gqa=True)


def _states(heads: int, rows: int) -> Tensor:
    """[1, heads, rows, size], as a projection leaves them: row by row."""
    return torch.randn(rows, heads, SIZE).bfloat16().transpose(0, 1).unsqueeze(0)


def _times(steps: Sequence[Step], repeats: int) -> list[list[float]]:
    """Milliseconds of each step, taken in turns."""
    taken: list[list[float]] = [[] for _ in steps]
    for _ in range(repeats + 2):
        for step, times in zip(steps, taken, strict=True):
            begun = time.perf_counter()
            step()
            times.append(1000.0 * (time.perf_counter() - begun))
    return [times[2:] for times in taken]


def _row(shape: Shape, times: list[list[float]]) -> tuple[str, ...]:
    native, *others = times
    ratios = [min(other) / min(native) for other in others]
    cells = (f"{median(each):.2f} ms ({min(each):.2f})" for each in times)
    return (shape.name, *cells, *(f"{ratio:.1f}x" for ratio in ratios))


def _section(rows: Sequence[tuple[str, ...]]) -> str:
    return (
        f"## Attention\n\n{machine(date.today())}\n\n"  # noqa: DTZ011 - the machine's own calendar
        f"One layer with {HEADS} query and {GROUPS} key heads of {SIZE} in bfloat16 "
        f"(`python -m benchmarks.attention`): medians and, in brackets, the quickest of interleaved repetitions; "
        f"ratios are of the quickest. *Native* and *tiles* include writing the new keys and values to the pool; "
        f"*SDPA* finds its contexts in one piece.\n\n{markdown_table(HEAD, rows)}"
    )


if __name__ == "__main__":
    main()
