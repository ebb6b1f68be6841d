"""Terms of the glossary, explained where a reader meets them.

On every page of the map, the first time that a term of ``appendix/glossary`` stands in the prose,
it becomes a link to its entry. Beside it, on hover, on keyboard focus and on the first tap, appears
the definition, with the Chinese name (``_static/glossary-terms.js``).

Why not an extension? sphinx-hoverxref is no longer kept, and asks a server. sphinx-tippy shows
hovers for links that already stand in the text, so the part below would be needed all the same;
it loads Popper and Tippy from a CDN unless given copies, 20 kB for what the browser's Popover API
does now; and its tips are tied to no link by ``aria-describedby``, so that a screen reader learns
nothing of them. Here every tip is text in the page: nothing is fetched, and without JavaScript
the links still lead to the glossary.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

import course_map
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import clean_astext

GLOSSARY = "appendix/glossary"

# Words that mostly stand for something else in these pages, so that a definition would mislead:
# a Python function's return, a price at the door, a container of Docker.
TOO_COMMON = {"alignment", "anchor", "container", "gate", "return", "policy", "temperature"}
TOO_COMMON |= {"channel", "frame", "label", "array", "preset"}

# Other names of a term, as the pages use them.
ALIASES = {
    "convolutional network": "convolutional neural network",
    "recurrent network": "recurrent neural network",
    "back-propagation": "backpropagation",
    "IoU": "intersection over union",
    "skip connection": "residual connection",
    "Adam": "optimizer",
    "LoRA": "low-rank adaptation",
    "SSIM": "structural similarity",
    "mAP": "mean average precision",
    "PGD": "projected gradient descent",
}

# Pages on which a word stands for something else: the kernel that runs on a GPU, the mask of an
# object's pixels, the baseline of an explanation.
OTHERWISE_ON = {
    "kernel": {
        "algorithms/transformer",
        "practice/large-models/adaptation",
    },
    "mask": {
        "outlook/security",
        "practice/large-models/hub",
        "practice/segmentation",
        "practice/video/tracking",
    },
    "loss": {"background", "outlook/responsible-use"},
    "attention": {"practice/large-models/image-text"},
    "baseline": {"outlook/interpretability"},
    "rollout": {"outlook/interpretability"},
    "patch": {"practice/video/video-as-data"},
}

# Text inside these is no prose, or belongs to a link already.
_NO_PROSE = (
    nodes.title,
    nodes.caption,
    nodes.rubric,
    nodes.reference,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.raw,
    nodes.strong,
    nodes.table,
    nodes.citation,
    nodes.footnote,
)
# Cards are links as a whole; a dropdown's title is a button.
_NO_PROSE_COMPONENTS = {"card", "dropdown-title"}


@dataclass(frozen=True)
class Term:
    """An entry of the glossary: its anchor, its names and what it says."""

    anchor: str
    name: str
    other_names: tuple[str, ...]
    definition: str


class CourseTerm(nodes.Inline, nodes.TextElement):
    """A word of the prose that links to its entry; ``tip`` is the id of its definition."""


def read_glossary(doctree: nodes.document) -> list[Term]:
    """The entries of the glossary's (resolved) doctree.

    Raises:
        ValueError: an entry has no definition.
    """
    found = []
    for item in doctree.findall(nodes.definition_list_item):
        names = [clean_astext(term) for term in item.findall(nodes.term)]
        text = " ".join(" ".join(d.astext() for d in item.findall(nodes.definition)).split())
        if not text:
            raise ValueError(
                f"The glossary's entry {names[0]!r} needs a definition, indented below its names."
            )
        anchor = next(item.findall(nodes.term))["ids"][0]
        found.append(Term(anchor, names[0], tuple(names[1:]), text))
    return found


def pattern(name: str) -> str:
    """A regular expression for a name, its plural and its spellings.

    A small letter also stands for its capital (at the beginning of a sentence); a capital stands
    only for itself, so that GAN is not found in "organ" and Transformer not in an electrical one.
    """
    letters = "".join(
        f"[{c}{c.upper()}]" if c.islower() else r"[-–\s]" if c in "-– " else re.escape(c)
        for c in name
    )
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return letters[: -len("[yY]")] + "(?:[yY]|ies)"
    return letters + ("(?:es)?" if re.search("(?:s|x|ch|sh)$", name) else "s?")


class Matcher:
    """Finds the terms of a glossary in prose, the longest first."""

    def __init__(self, terms: list[Term]) -> None:
        names = {
            name: term
            for term in terms
            for name in (term.name, *term.other_names)
            if name.isascii() and name not in TOO_COMMON
        }
        by_name = {term.name: term for term in terms}
        names |= {alias: by_name[of] for alias, of in ALIASES.items() if of in by_name}
        longest_first = sorted(names, key=len, reverse=True)
        self._terms = [names[name] for name in longest_first]
        self._pattern = re.compile(
            # Not inside a longer word, not within a hyphenated one, not in an address.
            r"(?<![\w.@/–-])(?:"
            + "|".join(f"({pattern(name)})" for name in longest_first)
            + r")(?![\w@/–-])"
        )

    def find(self, text: str) -> Iterator[tuple[int, int, Term]]:
        """The places of all terms in a text, as (start, end, term)."""
        for match in self._pattern.finditer(text) if self._terms else ():
            yield match.start(), match.end(), self._terms[match.lastindex - 1]


def is_prose(text: nodes.Text) -> bool:
    node = text.parent
    while node is not None:
        if isinstance(node, _NO_PROSE) or node.get("nb_element") == "cell_code_output":
            return False
        if node.get("design_component") in _NO_PROSE_COMPONENTS or "title" in node.tagname:
            return False
        node = node.parent
    return any(isinstance(a, nodes.paragraph) for a in _ancestors(text))


def _ancestors(node: nodes.Node) -> Iterator[nodes.Node]:
    while node.parent is not None:
        node = node.parent
        yield node


def link_terms(doctree: nodes.document, matcher: Matcher, page: str) -> list[Term]:
    """Make links of the first occurrences; returns the terms that were found, in their order."""
    found: list[Term] = []
    for text in list(doctree.findall(nodes.Text)):
        if not is_prose(text):
            continue
        prose, end, pieces = text.astext(), 0, []
        for start, stop, term in matcher.find(prose):
            if term in found or page in OTHERWISE_ON.get(term.name, ()):
                continue
            found.append(term)
            link = CourseTerm("", prose[start:stop], anchor=term.anchor, tip=tip_id(term))
            pieces += [nodes.Text(prose[end:start]), link]
            end = stop
        if pieces:
            text.parent.replace(text, [*pieces, nodes.Text(prose[end:])])
    return found


def tip_id(term: Term) -> str:
    return f"course-tip-{term.anchor.removeprefix('term-')}"


def tip(term: Term) -> str:
    """The definition that appears beside a term."""
    names = ", ".join(term.other_names)
    return (
        f'<div class="course-tip" id="{tip_id(term)}" role="tooltip" popover="manual">'
        f"<strong>{html.escape(term.name)}</strong>{names and ' · ' + html.escape(names)}: "
        f"{html.escape(term.definition)}</div>\n"
    )


def matcher_of(app: Sphinx) -> Matcher:
    """The glossary as a matcher, made once a build."""
    if not hasattr(app, "course_matcher"):
        doctree = app.env.get_and_resolve_doctree(GLOSSARY, app.builder)
        app.course_matcher = Matcher(read_glossary(doctree))
    return app.course_matcher


def explain(app: Sphinx, doctree: nodes.document, page: str) -> None:
    if app.builder.format != "html" or GLOSSARY not in app.env.all_docs:
        return
    if page in course_map.pages_of(app.env):
        doctree.course_terms = link_terms(doctree, matcher_of(app), page)


def add_tips(
    app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None
) -> None:
    terms = getattr(doctree, "course_terms", None)
    if terms:
        context["body"] += "".join(tip(term) for term in terms)
        app.add_js_file("glossary-terms.js", type="module")
        app.add_css_file("glossary-terms.css")


def rewrite_when_glossary_changed(app: Sphinx, env: BuildEnvironment) -> list[str]:
    if GLOSSARY not in env.all_docs:
        return []
    changed = getattr(env, "course_glossary", None) != env.all_docs[GLOSSARY]
    env.course_glossary = env.all_docs[GLOSSARY]
    return sorted(env.all_docs) if changed else []


def visit_term(self: nodes.NodeVisitor, node: CourseTerm) -> None:
    target = self.builder.get_relative_uri(self.builder.current_docname, GLOSSARY)
    attributes = {"href": f"{target}#{node['anchor']}", "aria-describedby": node["tip"]}
    self.body.append(self.starttag(node, "a", "", CLASS="course-term", **attributes))


def depart_term(self: nodes.NodeVisitor, node: CourseTerm) -> None:
    self.body.append("</a>")


def setup(app: Sphinx) -> dict[str, object]:
    app.setup_extension("course_map")
    app.add_node(CourseTerm, html=(visit_term, depart_term))
    app.connect("doctree-resolved", explain)
    app.connect("env-updated", rewrite_when_glossary_changed)
    app.connect("html-page-context", add_tips)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
