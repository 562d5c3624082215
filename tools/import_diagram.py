# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draw who imports whom in ``plugins/module_utils``, floor by floor, as ``docs/images/imports.svg``.

With ``--check`` nothing is written: the exit status says whether the picture is up to date.

An import that another one implies is left out, and so are those of the lowest files, which most others import. All
lines to one file run together. Where boxes and lines go follows from the code alone, so that the picture changes only
when an import does, whichever version of whatever draws. That is why this lays it out by itself: Graphviz would be one
more system package for everybody, and no two releases of it draw the same.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from ansible_collections.vpro.fleet.tests.floors import FILES, FLOORS, imports

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "imports.svg"

#: The lowest of ``FLOORS`` that is drawn with its lines.
GROUND = -0.5
#: No more boxes side by side than this.
ABREAST = 7
#: In pixels: the picture, the room for the floors' numbers, the height of a row and of a box in it, between boxes, and
#: the width of a letter.
WIDTH, MARGIN, ROW, BOX, GAP, LETTER = 860, 40, 56, 22, 8, 6.7
#: Colours of the lines, each with enough contrast to white; neighbours differ.
COLOURS = ("#1b6ca8", "#b3541e", "#2e7d32", "#8e24aa", "#a1662f", "#00838f", "#c2185b", "#5d6d1e")


@dataclass(eq=False)
class Place:
    """Where a file's box is, or where the lines to *target* pass a row."""

    target: str
    row: int
    box: bool
    x: float = 0.0
    #: The places in the next row below that lines lead to, and those above that they come from.
    below: list[Place] = field(default_factory=list)
    above: list[Place] = field(default_factory=list)

    @property
    def width(self) -> float:
        """The room that it takes, with a gap."""
        return len(label(self.target)) * LETTER + 14 + GAP if self.box else 12


def label(name: str) -> str:
    """Return the name as it is drawn."""
    return name.lstrip("_")


def storey(name: str) -> int:
    """Return the whole floor of a file; -1 is the ground that all stand on."""
    return max(int(FLOORS[name] // 1), 0) if FLOORS[name] >= GROUND else -1


def direct() -> dict[str, set[str]]:
    """Return what each file imports that is not implied by the rest of what it imports."""
    every = {name: {found.lstrip(".") for found in imports(name) if found.startswith(".")} for name in FILES}
    reached: dict[str, set[str]] = {}

    def reach(name: str) -> set[str]:
        if name not in reached:
            reached[name] = every[name].union(*map(reach, every[name]))
        return reached[name]

    return {name: lows - set().union(*map(reach, lows)) for name, lows in every.items()}


def rows(edges: dict[str, set[str]]) -> list[list[str]]:
    """Return the files of each row, from the top: a file stands above all of its floor that it imports."""
    found: list[list[str]] = []
    for floor in sorted({storey(name) for name in FILES}, reverse=True):
        left = {name for name in FILES if storey(name) == floor}
        upwards: list[list[str]] = []
        while left:
            ready = sorted(name for name in left if not edges[name] & left)
            left -= set(ready)
            parts = -(-len(ready) // ABREAST)
            upwards += [ready[part::parts] for part in range(parts)]
        found += reversed(upwards)
    return found


def places(edges: dict[str, set[str]]) -> list[list[Place]]:
    """Return all places, row by row, connected: lines to one file share theirs from the first row that needs one."""
    grid = [[Place(name, row, True) for name in names] for row, names in enumerate(rows(edges))]
    boxes = {place.target: place for row in grid for place in row}
    for target in sorted(boxes):
        importers = [boxes[name] for name in sorted(boxes) if target in edges[name] and storey(target) >= 0]
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
    """Return the rows in the best order that is found by putting each place near what it is connected with."""
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
    """Put the places of a row as near as they can be to where they want to be, in their order and side by side."""
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


def storeys(grid: list[list[Place]], height: int) -> list[str]:
    """Return what is behind it all: the floors, with their numbers."""
    parts = [f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>']
    floors = [storey(next(place.target for place in row if place.box)) for row in grid]
    for floor in sorted(set(floors), reverse=True):
        top, tall = floors.index(floor) * ROW, floors.count(floor) * ROW
        if floor % 2:
            parts.append(f'<rect y="{top}" width="{WIDTH}" height="{tall}" fill="#f1f4f8"/>')
        name = "-" if floor < 0 else str(floor)
        parts.append(f'<text x="18" y="{top + tall / 2 + 7:g}" font-size="20" fill="#5f6b7a">{name}</text>')
    return parts


def line(upper: Place, lower: Place, colour: str) -> str:
    """Return a line from one place to one in the next row, and through that one if it is no box."""
    begin, end = upper.row * ROW + (ROW + BOX) / 2, lower.row * ROW + (ROW - BOX) / 2
    middle = (begin + end) / 2
    curve = f"M{upper.x:.1f} {begin:g}C{upper.x:.1f} {middle:g} {lower.x:.1f} {middle:g} {lower.x:.1f} {end:g}"
    return f'<path d="{curve}{"" if lower.box else f"v{BOX}"}" stroke="{colour}"/>'


def box(place: Place, colour: str) -> str:
    """Return the box of a file."""
    y, width = place.row * ROW + ROW / 2, place.width - GAP
    return (
        f'<rect x="{place.x - width / 2:.1f}" y="{y - BOX / 2:g}" width="{width:.1f}" height="{BOX}" rx="4"'
        f' fill="#ffffff" stroke="{colour}"/><text x="{place.x:.1f}" y="{y + 4:g}">{label(place.target)}</text>'
    )


def draw() -> str:
    """Return the picture."""
    grid = arrange(places(direct()))
    place_all(grid)
    height = ROW * len(grid)
    targets = sorted(FILES, key=lambda name: (FLOORS[name], name))
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(targets)}
    every = [place for row in grid for place in row]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" text-anchor="middle"'
        ' font-family="DejaVu Sans Mono, monospace" font-size="11">',
        "<title>Who imports whom in plugins/module_utils, floor by floor</title>",
        *storeys(grid, height),
        '<g fill="none" stroke-width="1.2">',
        *(line(place, low, colours[low.target]) for place in every for low in place.below),
        "</g>",
        *(box(place, colours[place.target]) for place in every if place.box),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def main() -> int:
    """Write the picture, or compare it; return the exit status."""
    parser = argparse.ArgumentParser(description="Draw who imports whom in plugins/module_utils.")
    parser.add_argument("--check", action="store_true", help="only say whether the picture is up to date")
    picture = draw()
    if not parser.parse_args().check:
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_text(picture, encoding="utf-8")
    elif not PICTURE.is_file() or PICTURE.read_text(encoding="utf-8") != picture:
        print(f"{PICTURE.name} is not what the files import; run: make diagram", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
