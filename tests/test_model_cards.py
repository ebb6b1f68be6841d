"""Model cards: every checkpoint has one, and it says what was measured and how to make it again."""

import pytest
from conftest import ROOT

from course_utils import checkpoints, model_cards

NAMES = sorted(path.stem for path in checkpoints.folder().glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_a_card_says_use_limits_command_and_every_figure(name):
    card, text = checkpoints.card(name), model_cards.model_card(name)
    for said in (*model_cards.use(name), f"`{card.command}`", f"seed {card.seed}"):
        assert said in text
    for key, value in card.metrics.items():
        assert f"| {key} | {value:.4g} |" in text


@pytest.mark.parametrize("name", NAMES)
def test_the_command_on_a_card_is_one_of_the_repositorys(name):
    program, path = checkpoints.card(name).command.split()[:2]
    assert program == "python"
    assert (ROOT / path).is_file()


def test_a_checkpoint_without_use_and_limits_is_refused():
    with pytest.raises(ValueError, match="'lonely' has no intended use and limits: write them in"):
        model_cards.use("lonely")


def test_the_longest_beginning_decides(monkeypatch):
    short, long = model_cards.Use("a", "b"), model_cards.Use("c", "d")
    monkeypatch.setattr(model_cards, "_USES", {"net-": short, "net-large-": long})
    assert model_cards.use("net-large-1") is long
    assert model_cards.use("net-small") is short


def test_a_page_states_its_seconds(monkeypatch, tmp_path):
    import nbformat

    monkeypatch.syspath_prepend(ROOT / "tools")
    import make_cards_page

    path = tmp_path / "page.ipynb"
    for text, seconds in {"**Time:** about 45 s on 2 CPU cores.": 45, "No time.": None}.items():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
        nbformat.write(notebook, path)
        if seconds is None:
            with pytest.raises(ValueError, match=r"page\.ipynb does not say"):
                make_cards_page.page_seconds(path)
        else:
            assert make_cards_page.page_seconds(path) == seconds
