"""The figures of the generation benchmark, from runs that are written down."""

from functools import partial

from benchmarks.generation import Records, Run, draw, race, rows_of


def test_ratios_compare_runs_of_one_turn():
    fast = [Run(1.0, 200), Run(4.0, 200), Run(1.0, 300, "4/8 guesses right")]
    plain = [Run(2.0, 200), Run(8.0, 200), Run(2.0, 200)]

    rows = rows_of(["Assay int8", "transformers bf16"], [fast, plain])

    assert rows == [
        ("Assay int8", "200", "2.00", "1,000", "4/8 guesses right"),
        ("transformers bf16", "100", "1.00", "2,000", ""),
    ]


def test_every_turn_gives_all_the_same_records_and_begins_with_another():
    asked: list[tuple[str, int]] = []

    def writer(name: str, records: Records) -> Run:
        asked.append((name, hash(records[0])))
        return Run(1.0, 1)

    writers = [partial(writer, name) for name in ("a", "b")]

    runs = race(writers, repetitions=2)

    assert [name for name, _ in asked] == ["a", "b", "a", "b", "b", "a"]
    assert asked[2][1] == asked[3][1] != asked[4][1]
    assert [len(mine) for mine in runs] == [2, 2]


def test_records_have_something_to_copy():
    [record] = draw(1, seed=3)

    assert len(record) == 128
    assert record[:32] * 4 == record
