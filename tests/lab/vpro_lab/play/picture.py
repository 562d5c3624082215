# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of a demo: the session's echoes over time, with both runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Sequence

#: Colours that differ in lightness too: session kept, session lost.
_COLOURS = {"kept": "#1b7837", "lost": "#b2182b"}


def draw(runs: Sequence[Dict[str, Any]], titles: Sequence[str], path: Path) -> None:
    """Write an SVG with one panel a run.

    Args:
        runs: reports of :meth:`vpro_lab.play.handover.Run.report`.
        titles: what to call each.
        path: where to write it.
    """
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(len(runs), 1, figsize=(10, 2.6 * len(runs)), sharex=True, squeeze=False)
    for panel, run, title in zip(panels[:, 0], runs, titles, strict=True):
        colour = _COLOURS[run["session"]]
        back = [echo["back_ms"] / 1000 for echo in run["echoes"]]
        delay = [echo["back_ms"] - echo["sent_ms"] for echo in run["echoes"]]
        panel.vlines(back, 0, [max(value, 1.0) for value in delay], colors=colour, linewidth=1.2)
        panel.plot(back, [max(value, 1.0) for value in delay], ".", color=colour, markersize=4)
        panel.set_yscale("log")
        panel.set_ylim(1, 5000)
        panel.set_ylabel("echo delay (ms)")
        panel.set_title(
            f"{title}: session {run['session'].upper()}, largest silence {run['largest_silence_ms'] / 1000:.2f} s",
            loc="left",
            color=colour,
            fontweight="bold",
        )
        marks = {"request": 0.0, **{n: t for n, t in run["timeline_ms"].items() if n in _MARKED}}
        if run["session_lost_ms"] is not None:
            marks["operator gives up"] = run["session_lost_ms"]
        for number, (name, at) in enumerate(marks.items()):
            panel.axvline(at / 1000, color="#555555", linewidth=0.7, linestyle=":")
            panel.text(at / 1000 + 0.02, 2500 / 3.2 ** (number % 4), name, fontsize=7, color="#333333")
        panel.grid(axis="y", alpha=0.2)
    panels[-1, 0].set_xlabel("seconds after the ownership request")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


_MARKED = ("granted", "connected", "address", "taken back")
