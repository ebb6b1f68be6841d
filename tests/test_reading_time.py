"""How long a page takes to read is counted from what stands on it."""

import extensions  # noqa: F401  (puts book/_ext on the path)
import pytest
from docutils import nodes
from reading_time import ReadingTime, in_words, measure


def paragraph(words):
    return nodes.paragraph("", " ".join(["word"] * words))


def cell(code, *output):
    source = nodes.container("", nodes.literal_block(code, code), nb_element="cell_code_source")
    shown = nodes.container("", *output, nb_element="cell_code_output")
    return nodes.container("", source, shown, nb_element="cell_code")


@pytest.mark.parametrize(("words", "minutes"), [(0, 1), (250, 1), (1000, 5), (1110, 6)])
def test_two_hundred_words_are_a_minute_and_no_page_takes_none(words, minutes):
    assert measure(paragraph(words)).minutes() == minutes


def test_a_line_of_code_counts_as_ten_words_and_empty_lines_as_none():
    found = measure(cell("\n\n".join(["x = 1"] * 40)))
    assert found == ReadingTime(code_lines=40)
    assert found.minutes() == 2
    assert found.minutes(code=False) == 1


def test_of_outputs_only_figures_captions_and_shown_source_are_counted():
    printed = nodes.literal_block("", "loss 0.5\n" * 100)
    figure = nodes.figure("", nodes.image(uri="x.png"), nodes.caption("", "Three little words"))
    source = nodes.raw("", '<div class="highlight"><pre>def f():\n    pass\n</pre></div>')
    table = nodes.raw("", "<table><tr><td>1\n2\n3</td></tr></table>")
    clip = nodes.raw("", "<figure><video></video></figure>")
    found = measure(cell("f()", printed, figure, source, table, clip))
    assert found == ReadingTime(words=3, code_lines=1 + 2 + 1, figures=2)


def test_six_figures_are_a_minute():
    assert ReadingTime(words=400, figures=6).minutes() == 3


def test_formulas_count_and_references_do_not():
    class bibliography(nodes.General, nodes.Element):
        pass

    page = nodes.section(
        "",
        paragraph(5),
        nodes.paragraph("", "where ", nodes.math("", "x^2"), nodes.Text(" is")),
        nodes.math_block("", r"\sum_i x_i = 1"),
        bibliography("", paragraph(500)),
        nodes.comment("", "not shown at all"),
    )
    assert measure(page).words == 5 + 3 + 10


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(0, "0 min"), (1, "1 min"), (59, "59 min"), (60, "1 h"), (125, "2 h 5 min")],
)
def test_minutes_are_said_as_people_say_them(minutes, said):
    assert in_words(minutes) == said
