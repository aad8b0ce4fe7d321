"""Every benchmark owns one section of the page, and leaves the others alone."""

from benchmarks.page import markdown_table, write_section


def test_a_section_is_added_then_replaced_in_its_place(tmp_path):
    page = tmp_path / "benchmarks.md"
    page.write_text("# Benchmarks\n\nBy hand.\n")

    write_section("scoring", "first", page=page)
    write_section("rest", "other", page=page)
    write_section("scoring", "second", page=page)

    assert page.read_text() == (
        "# Benchmarks\n\nBy hand.\n\n"
        "<!-- scoring: begin -->\nsecond\n<!-- scoring: end -->\n\n"
        "<!-- rest: begin -->\nother\n<!-- rest: end -->\n"
    )


def test_a_table_aligns_figures_to_the_right():
    table = markdown_table(("who", "ms"), [("a", "1.0")])

    assert table == "| who | ms |\n| --- | --: |\n| a | 1.0 |"
