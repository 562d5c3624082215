# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draw the phases of a handover and what leads from one to another, as ``docs/images/handover.svg``.

With ``--check`` nothing is written: the exit status says whether the picture is up to date. It is drawn from
``TRANSITIONS`` in ``plugins/module_utils/_handover/machine.py``, which a test holds the machine against.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ansible_collections.vpro.fleet.plugins.module_utils._handover.machine import TRANSITIONS, Phase
from ansible_collections.vpro.fleet.plugins.module_utils._handover.messages import Timer
from ansible_collections.vpro.fleet.tools.pictures import write_or_check

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "handover.svg"

#: The phases from the top; the end stands at the right of all.
COLUMN: list[Phase] = [phase for phase in Phase if phase is not Phase.DONE]
#: In pixels: the picture, the left edge and the width of a phase's box, the edge of the last one, the height of a row
#: and of a box, and how far apart the lines on the left are.
WIDTH, LEFT, BOX, END, ROW, TALL, LANE = 880, 250, 120, 800, 78, 30, 58


def label(what: tuple[type | Timer, ...]) -> str:
    """Return what leads from one phase to another, as it is drawn: a timer has its name, in small letters."""
    return ", ".join(f"{each.value} is over" if isinstance(each, Timer) else each.__name__ for each in what)


def top(phase: Phase) -> int:
    """Return the upper edge of a phase's box."""
    return 12 + COLUMN.index(phase) * ROW


def box(name: str, x: int, y: int, width: int, height: int) -> str:
    """Return the box of a phase."""
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="5" fill="#eef3fa" stroke="#1b6ca8"/>'
        f'<text x="{x + width / 2:g}" y="{y + height / 2 + 4:g}" text-anchor="middle" font-weight="bold">{name}</text>'
    )


def text(words: str, x: float, y: float, anchor: str) -> str:
    """Return a label, on white."""
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" paint-order="stroke" stroke="#ffffff" stroke-width="4"'
        f' stroke-linejoin="round">{words}</text>'
    )


def line(path: str) -> str:
    """Return an arrow."""
    return f'<path d="{path}" fill="none" stroke="#5f6b7a" marker-end="url(#arrow)"/>'


def draw() -> str:
    """Return the picture."""
    height = 12 + len(COLUMN) * ROW - (ROW - TALL) + 12
    lines: list[str] = []
    labels: list[str] = []
    for begin, what, end in TRANSITIONS:
        y = top(begin)
        if end is Phase.DONE:
            lines.append(line(f"M{LEFT + BOX} {y + TALL / 2:g}H{END - 3}"))
            labels.append(text(label(what), LEFT + BOX + 12, y + TALL / 2 - 6, "start"))
            continue
        rows = COLUMN.index(end) - COLUMN.index(begin)
        if rows == 1:
            x = LEFT + BOX * 2 / 3
            lines.append(line(f"M{x:g} {y + TALL}V{top(end) - 3}"))
            labels.append(text(label(what), x + 8, (y + TALL + top(end)) / 2 + 4, "start"))
            continue
        # By the left: what goes back leaves its box above, and what goes on below, so that no two lines are one.
        reach = LEFT - LANE * abs(rows) + 14
        leaves, comes = (y + TALL - 6, top(end) + 6) if rows > 0 else (y + 6, top(end) + TALL - 6)
        lines.append(line(f"M{LEFT} {leaves}C{reach} {leaves} {reach} {comes} {LEFT - 3} {comes}"))
        labels.append(text(label(what), (LEFT + 3 * reach) / 4 - 4, (leaves + comes) / 2 + 4, "end"))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        ' font-family="DejaVu Sans, sans-serif" font-size="12">',
        "<title>The phases of a handover, and what leads from one to another</title>",
        '<defs><marker id="arrow" markerWidth="8" markerHeight="8" refX="5" refY="4" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#5f6b7a"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        *lines,
        *labels,
        *(box(phase.name, LEFT, top(phase), BOX, TALL) for phase in COLUMN),
        box(Phase.DONE.name, END, 12, 68, height - 24),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(write_or_check(draw(), PICTURE, "what the machine does"))
