"""Figures and shown sources: one image a cell, no text beside it."""

import inspect

import matplotlib.pyplot as plt
import numpy as np
import pytest

import course_utils as cu
from course_utils.training import History

RUN = History({"accuracy": [0.5, 0.8], "val_accuracy": [0.4, 0.7]}, 2.0, 100.0)
LOSS_ONLY = History({"loss": [2.0, 1.0, 0.5]}, 2.0, 100.0)


@pytest.fixture
def shown(monkeypatch):
    """The figures that a function showed."""
    figures = []
    monkeypatch.setattr(plt, "show", lambda: figures.append(plt.gcf()))
    plt.close("all")
    yield figures
    plt.close("all")


def one_figure(shown):
    assert len(shown) == 1
    assert len(plt.get_fignums()) == 1
    return shown[0]


def test_history_draws_training_and_validation(shown):
    assert cu.plotting.history(RUN) is None
    axes = one_figure(shown).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    assert set(lines) == {"training", "validation"}
    np.testing.assert_array_equal(lines["training"].get_xdata(), [1, 2])
    np.testing.assert_array_equal(lines["validation"].get_ydata(), [0.4, 0.7])
    # Told apart in grey, too.
    assert lines["training"].get_linestyle() != lines["validation"].get_linestyle()


def test_history_draws_several_runs_and_other_metrics(shown):
    assert cu.plotting.history({"a": LOSS_ONLY, "b": LOSS_ONLY}, metric="loss") is None
    axes = one_figure(shown).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "a training",
        "b training",
    ]
    assert axes.get_ylabel() == "loss"


@pytest.mark.parametrize(
    "pictures",
    [
        np.zeros((5, 4, 4)),
        np.zeros((5, 4, 4, 1), np.float32),
        np.zeros((5, 4, 4, 3), np.uint8),
        [np.zeros((4, 4)), np.zeros((6, 2, 3))],
    ],
)
def test_images_draws_a_grid_without_axes(shown, pictures):
    titles = [str(i) for i in range(len(pictures))]
    assert cu.plotting.images(pictures, titles, columns=3) is None
    axes = one_figure(shown).axes
    drawn = [one for one in axes if one.images]
    assert [one.get_title() for one in drawn] == titles
    assert not any(one.axison for one in axes)


def test_images_keeps_grey_values_comparable(shown):
    """A dark picture stays dark: each is drawn on the whole range, not on its own."""
    cu.plotting.images([np.full((2, 2), 0.1), np.full((2, 2), 30, np.uint8)])
    limits = [axes.images[0].get_clim() for axes in one_figure(shown).axes]
    assert limits == [(0, 1), (0, 255)]


def test_confusion_prints_counts_and_names(shown):
    matrix = np.array([[5, 1], [0, 7]])
    assert cu.plotting.confusion(matrix, ["cat", "dog"]) is None
    axes = one_figure(shown).axes[0]
    assert sorted(text.get_text() for text in axes.texts) == ["1", "5", "7"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]
    np.testing.assert_allclose(axes.images[0].get_array(), [[5 / 6, 1 / 6], [0, 1]])


def test_confusion_of_an_absent_class_divides_by_nothing(shown):
    with np.errstate(all="raise"):
        cu.plotting.confusion(np.array([[2, 0], [0, 0]]), ["a", "b"])
    one_figure(shown)


def test_style_differs_by_line_as_well_as_by_colour():
    cu.plotting.use_style()
    styles = [entry["linestyle"] for entry in plt.rcParams["axes.prop_cycle"]]
    assert len(set(map(str, styles[:6]))) == 6


def test_show_source_shows_the_code_that_runs(monkeypatch):
    shown = []
    monkeypatch.setattr("course_utils.source.display", shown.append)
    assert cu.show_source(cu.check, History) is None
    assert len(shown) == 1
    assert inspect.getsource(cu.check).rstrip() in shown[0].data
    assert "class History:" in shown[0].data
    assert shown[0].language == "python"


@pytest.mark.parametrize("thing", [len, 3, np.zeros(2)])
def test_show_source_refuses_what_has_no_python_source(thing):
    with pytest.raises(TypeError, match="expects functions or classes written in Python, not"):
        cu.show_source(thing)
