"""Figures and shown sources: one image a cell, no text beside it."""

import base64
import inspect
import io
import re

import av
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


@pytest.fixture
def displayed(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    return shown


@pytest.mark.parametrize(
    ("shape", "shown_size"),
    [((6, 32, 48), (288, 192)), ((6, 20, 300, 1), (300, 20)), ((6, 33, 257, 3), (258, 34))],
)
def test_clip_holds_every_frame_at_a_size_to_be_seen(displayed, shape, shown_size):
    frames = np.linspace(0, 1, 6, dtype=np.float32).reshape(6, *[1] * (len(shape) - 1))
    cu.plotting.clip(np.broadcast_to(frames, shape), 5, caption="Dawn.", alt="A square brightens.")
    (page,) = displayed
    assert page["text/plain"] == f"<clip: 6 frames of {shape[2]} × {shape[1]}, 5 a second>"
    video = re.search(r"data:video/mp4;base64,([^\"]*)", page["text/html"])[1]
    with av.open(io.BytesIO(base64.b64decode(video))) as container:
        assert float(container.streams.video[0].average_rate) == 5
        decoded = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert decoded[0].shape == shown_size[::-1]
    np.testing.assert_allclose([one.mean() for one in decoded], 51 * np.arange(6), atol=4)


def test_clip_waits_for_the_reader_and_escapes_what_it_says(displayed):
    cu.plotting.clip(np.zeros((2, 8, 8), np.uint8), 5, caption="a < b", alt='A "dark" square.')
    html = displayed[0]["text/html"]
    assert "autoplay" not in html
    assert "<video controls" in html
    assert "<figcaption>a &lt; b</figcaption>" in html
    assert 'aria-label="A &quot;dark&quot; square."' in html


@pytest.mark.parametrize("shape", [(0, 8, 8), (8, 8), (2, 8, 8, 2)])
def test_clip_refuses_what_is_not_a_row_of_pictures(shape):
    with pytest.raises(ValueError, match=r"A clip needs frames .* not \("):
        cu.plotting.clip(np.zeros(shape), 5, caption="Nothing to see.", alt="Nothing to see.")


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
