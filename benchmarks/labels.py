"""How long the window finds places for the values on a picture, and how many of them it writes.

Drawn films are shown with every measure ticked, in views as large as windows of usual
screens leave, and zoomed in. Printed is the time of the window's thread, however busy the computer
is with others (median of some times), and how many of the values that belong into the view
have found a place.

Run: ``python benchmarks/labels.py [--times 20]``; ``QT_QPA_PLATFORM=offscreen`` needs no display.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

CASES = ("film_1.png", "spine_1.png")
VIEWS = {"1366x768": (549, 550), "1920x1080": (1100, 860), "200 % of 1366x768": (340, 210)}


def shown(analysis, size, ticked: int):
    """Return a viewer with so many measures of an analysis drawn on its picture."""
    from spinealign.ui.picture.display_images import prepare_image, prepare_overlay
    from spinealign.ui.picture.viewer import Viewer

    viewer = Viewer()
    viewer.resize(*size)
    viewer.show()
    viewer.show_image(prepare_image(analysis.image))
    viewer.show_overlay(prepare_overlay(analysis))
    viewer.picture.show_measures(analysis.measurements[:ticked])
    viewer.fit()
    viewer.settle()
    return viewer


def laid_out(viewer, times: int) -> tuple[float, float, int]:
    """Return the median and longest milliseconds of a layout, and how many values are written."""
    layer, taken = viewer.picture.measures, []
    for _ in range(times):
        layer._laid_out = None
        before = time.thread_time()
        layer.lay_out()
        taken.append(1000 * (time.thread_time() - before))
    written = sum(label.has_room for _, label in layer._items.values())
    return statistics.median(taken), max(taken), written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    options = parser.parse_args()
    from spinealign.ui.app import make_application
    from tests.fakes import answer_for

    app = make_application()
    for name in CASES:
        analysis = answer_for(Path(name), None)
        for title, size in VIEWS.items():
            for ticked in sorted({10, 40, len(analysis.measurements)}):
                viewer = shown(analysis, size, ticked)
                for zoomed in (False, True):
                    if zoomed:
                        for _ in range(3):
                            viewer.zoom_in()
                        viewer.settle()
                    middle, longest, written = laid_out(viewer, options.times)
                    drawn = len(viewer.picture.measures.keys)
                    words = f"{name:12} {title:18} {'zoomed' if zoomed else 'whole':7}"
                    print(
                        f"{words} {written:4} of {drawn:4} written   median {middle:6.1f} ms"
                        f"   longest {longest:6.1f} ms",
                        flush=True,
                    )
                viewer.hide()
                viewer.deleteLater()
                app.processEvents()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # see `spinealign.__main__.program`
