"""Draw what depends on what: layers from top to bottom, lines that pass between the boxes.

The method of Sugiyama, Tagawa and Toda (1981), as far as some forty pages need it: lay every page
below all that it needs, give a line that crosses layers a narrow place in each of them, and order
the layers so that neighbours stand above one another.
"""

from __future__ import annotations

import html
import textwrap
from dataclasses import dataclass, field

BOX, HEIGHT, GAP, LAYER = 116, 44, 12, 84  # pixels: a box, between boxes, from layer to layer
PASSAGE = 12  # pixels: the place of a line that crosses a layer
PER_LAYER = 6
LETTERS, LINES = 16, 2  # of a label


@dataclass
class Place:
    """Where a page stands, or where a line crosses a layer (then ``page`` is empty)."""

    page: str
    layer: int
    x: float = 0.0  # the middle
    above: list[Place] = field(default_factory=list)
    below: list[Place] = field(default_factory=list)

    @property
    def width(self) -> int:
        return BOX if self.page else PASSAGE


def direct_needs(needs: dict[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """Leave out needs that follow from others: what stands behind the page before need no line."""

    def all_needs(page: str) -> set[str]:
        return set(needs[page]).union(*(all_needs(need) for need in needs[page]))

    return {
        page: [
            need
            for need in wanted
            if not any(need in all_needs(other) for other in wanted if other != need)
        ]
        for page, wanted in needs.items()
    }


def layers_of(needs: dict[str, tuple[str, ...]]) -> dict[str, int]:
    """A layer for each page, below the layers of all that it needs, and none too full.

    The pages come in an order in which each stands after what it needs.
    """
    layers: dict[str, int] = {}
    for page, wanted in needs.items():
        layer = max((layers[need] + 1 for need in wanted), default=0)
        while list(layers.values()).count(layer) >= PER_LAYER:
            layer += 1
        layers[page] = layer
    return layers


def places_of(needs: dict[str, tuple[str, ...]]) -> list[list[Place]]:
    """Places in layers, joined by lines of which each goes from one layer to the next."""
    numbers = layers_of(needs)
    layers: list[list[Place]] = [[] for _ in range(max(numbers.values(), default=-1) + 1)]
    pages = {page: Place(page, layer) for page, layer in numbers.items()}
    for place in pages.values():
        layers[place.layer].append(place)
    for page, wanted in direct_needs(needs).items():
        for need in wanted:
            upper = pages[need]
            for layer in range(upper.layer + 1, pages[page].layer):
                lower = _passage_below(upper, layer)
                if lower not in layers[layer]:
                    layers[layer].append(lower)
                upper = lower
            _join(upper, pages[page])
    _order(layers)
    return layers


def _passage_below(upper: Place, layer: int) -> Place:
    """The passage under a place: lines that come from one page share it until they part."""
    for lower in upper.below:
        if not lower.page:
            return lower
    lower = Place("", layer)
    _join(upper, lower)
    return lower


def _join(upper: Place, lower: Place) -> None:
    upper.below.append(lower)
    lower.above.append(upper)


def _order(layers: list[list[Place]], rounds: int = 12) -> None:
    """Order each layer by the middle of its neighbours, from above and from below in turn."""
    for layer in layers:
        _lay_out(layer)
    for _ in range(rounds):
        for neighbours, order in (("above", layers), ("below", layers[::-1])):
            for layer in order:
                for place in layer:
                    near = getattr(place, neighbours)
                    if near:
                        place.x = sum(other.x for other in near) / len(near)
                layer.sort(key=lambda place: place.x)
                _lay_out(layer)


def _lay_out(layer: list[Place]) -> None:
    """Set the places of a layer side by side, its middle at zero."""
    x = -(sum(place.width for place in layer) + GAP * (len(layer) - 1)) / 2
    for place in layer:
        place.x = x + place.width / 2
        x += place.width + GAP


def lines_of(label: str) -> list[str]:
    """A label in the lines of its box.

    Raises:
        ValueError: it does not fit.
    """
    lines = textwrap.wrap(label, LETTERS, break_long_words=False)
    if not 1 <= len(lines) <= LINES or max(map(len, lines)) > LETTERS:
        raise ValueError(
            f"The label {label!r} on the map must fit into {LINES} lines of {LETTERS} letters: "
            "shorten it in book/_map.yml."
        )
    return lines


def svg(
    needs: dict[str, tuple[str, ...]], labels: dict[str, str], links: dict[str, str], title: str
) -> str:
    """The map as SVG, whose boxes are links; colours are left to the style sheet."""
    layers = places_of(needs)
    everything = [place for layer in layers for place in layer]
    left = min(place.x - place.width / 2 for place in everything) - 4
    width = max(place.x + place.width / 2 for place in everything) + 4 - left
    height = LAYER * (len(layers) - 1) + HEIGHT + 8
    direct = direct_needs(needs)
    drawn = [_line(place, lower) for place in everything for lower in place.below]
    drawn += [
        _box(place, labels[place.page], links[place.page], direct[place.page])
        for place in sorted((p for p in everything if p.page), key=lambda p: (p.layer, p.x))
    ]
    return (
        f'<svg class="course-map-drawing" viewBox="{left:.0f} -4 {width:.0f} {height}" '
        f'width="{width:.0f}" height="{height}" role="group" aria-label="{html.escape(title)}">\n'
        + "\n".join(drawn)
        + "\n</svg>\n"
    )


def _pages_above(place: Place) -> set[str]:
    return {place.page} if place.page else set().union(*(_pages_above(p) for p in place.above))


def _pages_below(place: Place) -> set[str]:
    return {place.page} if place.page else set().union(*(_pages_below(p) for p in place.below))


def _line(upper: Place, lower: Place) -> str:
    """A line to the next layer, or on through a passage; it knows which pages it serves."""
    start, end = LAYER * upper.layer + HEIGHT, LAYER * lower.layer
    bend = (start + end) / 2
    path = f"M{upper.x:.1f} {start}C{upper.x:.1f} {bend} {lower.x:.1f} {bend} {lower.x:.1f} {end}"
    if not lower.page:
        path += f"V{end + HEIGHT}"
    source, targets = " ".join(_pages_above(upper)), " ".join(sorted(_pages_below(lower)))
    return f'<path class="course-map-line" data-from="{source}" data-to="{targets}" d="{path}"/>'


def _box(place: Place, label: str, link: str, needs: list[str]) -> str:
    lines = lines_of(label)
    top = LAYER * place.layer
    first = top + HEIGHT / 2 + 4.5 - 8 * (len(lines) - 1)
    text = " ".join(
        f'<tspan x="{place.x:.1f}" y="{first + 16 * i:.1f}">{html.escape(line)}</tspan>'
        for i, line in enumerate(lines)
    )
    x = place.x - BOX / 2
    return (
        f'<a class="course-map-page" href="{html.escape(link)}" data-page="{place.page}" '
        f'data-needs="{" ".join(needs)}">'
        f'<rect x="{x:.1f}" y="{top}" width="{BOX}" height="{HEIGHT}" rx="6"/>'
        f"<text>{text}</text>"
        f'<path class="course-map-check" d="M{x + 102:.1f} {top + 8}l3.5 4 6-8"/></a>'
    )
