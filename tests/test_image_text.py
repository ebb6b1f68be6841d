"""Words to numbers, ranks, recall and prompts, against what can be counted by hand."""

import numpy as np
import pytest

from course_utils import image_text, models

VOCABULARY = ("<padding>", "<unknown>", "cat", "dog", "red")


def test_the_vocabulary_has_every_word_the_frequent_first():
    found = image_text.vocabulary_of(["a red cat", "A dog: red!"])
    assert found == ("<padding>", "<unknown>", "a", "red", "cat", "dog")


def test_tokens_are_numbers_of_words_and_padding_behind():
    found = image_text.tokens(["Red cat", "dog"], VOCABULARY, 3)
    assert found.tolist() == [[4, 2, 0], [3, 0, 0]]


def test_an_unknown_word_is_refused_by_name_with_the_closest():
    said = r"never saw the word 'cats' \(in 'red cats'\); spelt alike are cat: .* unknown='mark'"
    with pytest.raises(ValueError, match=said):
        image_text.tokens(["dog", "red cats"], VOCABULARY, 3)
    with pytest.raises(ValueError, match="'zebra' \\(in 'zebra'\\): use other words"):
        image_text.tokens(["zebra"], VOCABULARY, 3)


def test_an_unknown_word_can_be_marked_and_other_wishes_are_refused():
    assert image_text.tokens(["zebra cat"], VOCABULARY, 3, unknown="mark").tolist() == [[1, 2, 0]]
    with pytest.raises(ValueError, match="refuse or mark, not 'skip'"):
        image_text.tokens(["cat"], VOCABULARY, 3, unknown="skip")


def test_ranks_count_what_is_better_and_ties_against_the_model():
    similarities = np.array([[0.9, 0.1, 0.2], [0.8, 0.3, 0.5], [0.4, 0.4, 0.4]])
    assert image_text.ranks(similarities).tolist() == [0, 2, 2]
    with pytest.raises(ValueError, match="square"):
        image_text.ranks(np.zeros((2, 3)))


def test_recall_is_a_share_within_its_interval():
    places = np.array([0, 0, 1, 4, 9, 20, 30, 0, 5, 6])
    assert image_text.recall(places, 1).value == pytest.approx(0.3)
    assert image_text.recall(places, 5).value == pytest.approx(0.5)
    found = image_text.recall(places, 10)
    assert found.value == pytest.approx(0.8)
    assert found.low < found.value < found.high
    assert str(found).startswith("80.0% [")
    with pytest.raises(ValueError, match="k must be at least 1"):
        image_text.recall(places, 0)


def test_the_interval_is_that_of_resampled_queries():
    hits = np.random.default_rng(0).random(200) < 0.3
    rng = np.random.default_rng(1)
    resampled = [hits[rng.integers(200, size=200)].mean() for _ in range(4000)]
    found = image_text.share(hits, draws=4000)
    expected = np.quantile(resampled, (0.025, 0.975))
    np.testing.assert_allclose((found.low, found.high), expected, atol=0.011)


def test_prompts_of_a_class_are_averaged_on_the_sphere(seeded):
    model = models.build_clip(
        (8, 8, 3), len(VOCABULARY), 3, embedding=4, image_widths=(4,), text_width=8, heads=2
    )
    found = image_text.prompt_embeddings(model, [["cat", "red cat"], ["dog"]], VOCABULARY, 3)
    cat = image_text.embed_texts(model, np.array([[2, 0, 0], [4, 2, 0]], np.int32)).mean(0)
    np.testing.assert_allclose(found[0], cat / np.linalg.norm(cat), rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    with pytest.raises(ValueError, match="at least one prompt"):
        image_text.prompt_embeddings(model, [["cat"], []], VOCABULARY, 3)
