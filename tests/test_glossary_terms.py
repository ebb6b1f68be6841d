"""Terms are found where they stand in the prose, once a page, and nowhere else."""

import re

import extensions
import glossary_terms
import pytest
import yaml
from docutils import nodes
from glossary_terms import CourseTerm, Matcher, Term, link_terms, read_glossary, tip

ROOT = extensions.EXTENSIONS.parents[1]
NAMES = [
    "convolution",
    "transposed convolution",
    "convolutional neural network",
    "generative adversarial network",
    "Transformer",
    "self-attention",
    "vocabulary",
    "loss",
    "batch",
    "fine-tuning",
    "return",
    "intersection over union",
]
TERMS = [Term(f"term-{name.replace(' ', '-')}", name, (), "What it is.") for name in NAMES]
TERMS.append(Term("term-gan", "adversarial game", ("GAN", "对抗"), "Two networks."))
MATCHER = Matcher(TERMS)


def found(text):
    return [(text[start:end], term.name) for start, end, term in MATCHER.find(text)]


@pytest.mark.parametrize(
    ("text", "word", "name"),
    [
        ("A convolution slides.", "convolution", "convolution"),
        ("Convolutions slide.", "Convolutions", "convolution"),
        ("the transposed convolution", "transposed convolution", "transposed convolution"),
        ("two losses and", "losses", "loss"),
        ("in batches of 64", "batches", "batch"),
        ("Vocabularies grow", "Vocabularies", "vocabulary"),
        ("with self attention", "self attention", "self-attention"),
        ("a GAN’s game", "GAN", "adversarial game"),
        ("many GANs", "GANs", "adversarial game"),
        ("the Transformer’s depth", "Transformer", "Transformer"),
        ("a convolutional network is", "convolutional network", "convolutional neural network"),
        ("the IoU of both", "IoU", "intersection over union"),
    ],
)
def test_a_term_is_found_in_its_spellings_the_longest_first(text, word, name):
    assert found(text) == [(word, name)]


@pytest.mark.parametrize(
    "text",
    [
        "organ and gan",  # acronyms keep their capitals
        "a transformer hums in the street",
        "lossless, glossary, batched",  # parts of words
        "batch-wise and pre-convolution",  # parts of hyphenated words
        "cu.loss and data/batch",  # names of things in programs
        "the return of the king",  # too common a word
    ],
)
def test_what_only_looks_like_a_term_is_left_alone(text):
    assert found(text) == []


def page(*children):
    document = nodes.document(None, None)
    document += children
    return document


def links(document):
    return [link.astext() for link in document.findall(CourseTerm)]


def test_only_the_first_occurrence_becomes_a_link_and_the_text_stays():
    document = page(
        nodes.paragraph("", "A loss is a loss, and a batch"), nodes.paragraph("", "has a loss.")
    )
    before = document.astext()
    assert [term.name for term in link_terms(document, MATCHER, "x")] == ["loss", "batch"]
    assert links(document) == ["loss", "batch"]
    assert document.astext() == before


@pytest.mark.parametrize(
    "element",
    [
        nodes.section("", nodes.title("", "A loss")),
        nodes.paragraph("", "", nodes.literal("", "loss")),
        nodes.literal_block("", "loss"),
        nodes.paragraph("", "", nodes.reference("", "the loss", refuri="x.html")),
        nodes.paragraph("", "", nodes.math("", "loss")),
        nodes.paragraph("", "", nodes.strong("", "loss")),
        nodes.figure("", nodes.caption("", "The loss")),
        nodes.container("", nodes.paragraph("", "loss"), nb_element="cell_code_output"),
        nodes.container("", nodes.paragraph("", "loss"), design_component="card"),
        nodes.citation("", nodes.paragraph("", "On the loss.")),
    ],
)
def test_headings_code_links_formulas_captions_and_outputs_are_no_prose(element):
    document = page(element, nodes.paragraph("", "The loss."))
    link_terms(document, MATCHER, "x")
    assert links(document) == ["loss"]
    assert next(iter(document.findall(CourseTerm))).parent is document.children[-1]


def test_a_word_is_left_alone_on_pages_where_it_means_something_else(monkeypatch):
    monkeypatch.setitem(glossary_terms.OTHERWISE_ON, "loss", {"energy"})
    for name, expected in (("energy", []), ("training", ["loss"])):
        document = page(nodes.paragraph("", "The loss of heat."))
        link_terms(document, MATCHER, name)
        assert links(document) == expected


def test_a_tip_escapes_what_it_says_and_names_the_chinese_term():
    text = tip(Term("term-x", "a<b", ("甲",), "If a < b & c."))
    assert 'id="course-tip-x"' in text
    assert "a&lt;b</strong> · 甲: If a &lt; b &amp; c.</div>" in text


def entry(*names, definition=""):
    return nodes.definition_list_item(
        "",
        *[nodes.term("", name, ids=[f"term-{i}"]) for i, name in enumerate(names)],
        nodes.definition("", nodes.paragraph("", definition)),
    )


def test_the_glossary_is_read_with_all_names_of_an_entry():
    document = page(nodes.definition_list("", entry("CNN", "卷积", definition="A\nnetwork.")))
    assert read_glossary(document) == [Term("term-0", "CNN", ("卷积",), "A network.")]


def test_an_entry_without_a_definition_is_refused():
    document = page(nodes.definition_list("", entry("CNN")))
    with pytest.raises(ValueError, match="entry 'CNN' needs a definition"):
        read_glossary(document)


def test_words_that_are_treated_apart_are_in_the_glossary_and_their_pages_in_the_book():
    text = (ROOT / "book/appendix/glossary.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```\{glossary\}\n(.*?)```", text, re.DOTALL)
    names = {line for block in blocks for line in block.splitlines() if line[:1].strip()}
    assert set(glossary_terms.ALIASES.values()) <= names
    assert names >= glossary_terms.TOO_COMMON
    assert set(glossary_terms.OTHERWISE_ON) <= names
    pages = yaml.safe_load((ROOT / "book/_map.yml").read_text(encoding="utf-8"))
    assert set().union(*glossary_terms.OTHERWISE_ON.values()) <= set(pages["pages"])
