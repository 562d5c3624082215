# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draw which room of ``plugins/module_utils`` imports which, as ``docs/images/rooms.svg``.

With ``--check`` nothing is written: the exit status says whether the picture is up to date.

An import that another one implies is left out. All lines to one room run together. This program places boxes and lines
by itself, so that the picture changes only when an import changes. Graphviz would be one more system package for
everybody, and its releases draw different pictures.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from ansible_collections.vpro.fleet.tests.rooms import FILES, ROOMS, imports, room_of
from ansible_collections.vpro.fleet.tools.pictures import write_or_check

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "rooms.svg"

#: The largest number of boxes side by side.
ABREAST = 4
#: In pixels: the width of the picture, its margin, the heights of a row and of a box in it, the gap between boxes, and
#: the width of a letter.
WIDTH, MARGIN, ROW, BOX, GAP, LETTER = 620, 20, 64, 26, 24, 7.9
#: The colours of the lines. Each has enough contrast to white, and differs from its neighbours.
COLOURS = ("#1b6ca8", "#b3541e", "#2e7d32", "#8e24aa", "#a1662f", "#00838f", "#c2185b", "#5d6d1e")


@dataclass(eq=False)
class Place:
    """The place of a room's box, or the place where the lines to *target* pass a row."""

    target: str
    row: int
    box: bool
    x: float = 0.0
    #: The places in the next row below to which lines lead, and the places above from which lines come.
    below: list[Place] = field(default_factory=list)
    above: list[Place] = field(default_factory=list)

    @property
    def width(self) -> float:
        """The width that it takes, with a gap. In pixels."""
        return len(self.target) * LETTER + 14 + GAP if self.box else 12


def direct() -> dict[str, set[str]]:
    """Return the rooms that each room imports. A room is left out if another import implies it."""
    every: dict[str, set[str]] = {room: set() for room in ROOMS}
    for name in FILES:
        room = room_of(name)
        every[room] |= {room_of(found) for found in imports(name) if found in FILES} & {*ROOMS[room]}
    reached: dict[str, set[str]] = {}

    def reach(name: str) -> set[str]:
        if name not in reached:
            reached[name] = every[name].union(*map(reach, every[name]))
        return reached[name]

    return {name: lows - set().union(*map(reach, lows)) for name, lows in every.items()}


def rows(edges: dict[str, set[str]]) -> list[list[str]]:
    """Return the rooms of each row, from the top: a room stands above all that it imports."""
    found: list[list[str]] = []
    left = set(ROOMS)
    while left:
        ready = sorted(name for name in left if not edges[name] & left)
        left -= set(ready)
        parts = -(-len(ready) // ABREAST)
        found += [ready[part::parts] for part in range(parts)]
    return found[::-1]


def places(edges: dict[str, set[str]]) -> list[list[Place]]:
    """Return all places, row by row, and connected. Lines to one room share one place in each row that they pass."""
    grid = [[Place(name, row, True) for name in names] for row, names in enumerate(rows(edges))]
    boxes = {place.target: place for row in grid for place in row}
    for target in sorted(boxes):
        importers = [boxes[name] for name in sorted(boxes) if target in edges[name]]
        if not importers:
            continue
        below = boxes[target]
        for row in range(boxes[target].row - 1, min(place.row for place in importers) - 1, -1):
            for place in importers:
                if place.row == row:
                    connect(place, below)
            if row > min(place.row for place in importers):
                passing = Place(target, row, False)
                grid[row].append(passing)
                connect(passing, below)
                below = passing
    return grid


def connect(upper: Place, lower: Place) -> None:
    """Draw a line from one place to one in the next row."""
    upper.below.append(lower)
    lower.above.append(upper)


def crossings(grid: list[list[Place]]) -> int:
    """Return how often lines cross."""
    total = 0
    for upper, lower in pairwise(grid):
        order = {place: number for number, place in enumerate(lower)}
        ends = [order[low] for place in upper for low in sorted(place.below, key=order.__getitem__)]
        total += sum(right < left for number, left in enumerate(ends) for right in ends[number + 1 :])
    return total


def arrange(grid: list[list[Place]]) -> list[list[Place]]:
    """Return the rows in the best order that is found by moving each place near those that it is connected with."""
    best, fewest = [list(row) for row in grid], crossings(grid)
    for turn in range(60):
        down = turn % 2 == 0
        for upper, lower in pairwise(grid if down else grid[::-1]):
            at = {place: (number + 0.5) / len(row) for row in (upper, lower) for number, place in enumerate(row)}
            near = {place: [at[other] for other in (place.above if down else place.below)] for place in lower}
            lower.sort(key=lambda place: fmean(near[place] or [at[place]]))
        if crossings(grid) < fewest:
            best, fewest = [list(row) for row in grid], crossings(grid)
    return best


def spread(row: list[Place], wanted: list[float]) -> None:
    """Put the places of a row side by side, in their order, as near as possible to the positions that they want."""
    offsets = [0.0]
    for left, right in pairwise(row):
        offsets.append(offsets[-1] + (left.width + right.width) / 2)
    blocks: list[list[float]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        blocks.append([want - offset])
        while len(blocks) > 1 and fmean(blocks[-2]) > fmean(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    least = MARGIN + row[0].width / 2
    most = WIDTH - row[-1].width / 2 - offsets[-1]
    starts = [start for block in blocks for start in [fmean(block)] * len(block)]
    for place, start, offset in zip(row, starts, offsets, strict=True):
        place.x = max(min(start, most), least) + offset


def place_all(grid: list[list[Place]]) -> None:
    """Give every place its x."""
    for row in grid:
        spread(row, [MARGIN + (number + 0.5) * (WIDTH - MARGIN) / len(row) for number in range(len(row))])
    for turn in range(40):
        for row in grid if turn % 2 == 0 else grid[::-1]:
            spread(row, [fmean([near.x for near in place.above + place.below] or [place.x]) for place in row])


def line(upper: Place, lower: Place, colour: str) -> str:
    """Return a line from one place to one in the next row. If that one is no box, the line goes on through it."""
    begin, end = upper.row * ROW + (ROW + BOX) / 2, lower.row * ROW + (ROW - BOX) / 2
    middle = (begin + end) / 2
    curve = f"M{upper.x:.1f} {begin:g}C{upper.x:.1f} {middle:g} {lower.x:.1f} {middle:g} {lower.x:.1f} {end:g}"
    return f'<path d="{curve}{"" if lower.box else f"v{BOX}"}" stroke="{colour}"/>'


def box(place: Place, colour: str) -> str:
    """Return the box of a room."""
    y, width = place.row * ROW + ROW / 2, place.width - GAP
    return (
        f'<rect x="{place.x - width / 2:.1f}" y="{y - BOX / 2:g}" width="{width:.1f}" height="{BOX}" rx="4"'
        f' fill="#ffffff" stroke="{colour}"/><text x="{place.x:.1f}" y="{y + 4:g}">{place.target}</text>'
    )


def draw() -> str:
    """Return the picture."""
    grid = arrange(places(direct()))
    place_all(grid)
    height = ROW * len(grid)
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(ROOMS)}
    every = [place for row in grid for place in row]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" text-anchor="middle"'
        ' font-family="DejaVu Sans Mono, monospace" font-size="13">',
        "<title>Which room of plugins/module_utils imports which</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        '<g fill="none" stroke-width="1.2">',
        *(line(place, low, colours[low.target]) for place in every for low in place.below),
        "</g>",
        *(box(place, colours[place.target]) for place in every if place.box),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(write_or_check(draw(), PICTURE, "what the files import"))
