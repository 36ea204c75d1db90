"""How smoothly a corner is dragged on a film of nine million pixels, with everything that follows.

A synthetic film of 3000 x 3000 pixels with C2 to T1 is analysed by the whole program (its
network replaced by an ideal one), shown in the real window, and a corner of C4 is dragged by
mouse events sent to the picture. A frame lasts from the mouse event until the picture is
painted: moving the point and its outline, measuring everything anew with intervals, the
table, the lines and values on the picture. Points and outlines follow every frame; measures
follow every 30 ms at the latest, which is part of the frame that they fall into. "processor"
is what a frame costs this program, however busy the computer is with others.

Run: ``python benchmarks/dragging.py [--frames 300]``; with
``QT_QPA_PLATFORM=offscreen``, or on a display for the cost of putting pixels on the screen.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SIZES = ((1366, 768), (1920, 1080))
FRAME_MS = 1000 / 60


def large_film(side_px: int):
    """Return the analysis of a drawn film whose bodies are bright, with noise."""
    import cv2
    import numpy as np

    from tests.phantoms_xray import analysed, draw_column

    column = draw_column("T1", height=side_px / 12, shape=(side_px, side_px))
    analysis = analysed(column)
    pixels = np.random.default_rng(0).normal(60, 8, column.shape).astype(np.float32)
    for body in column.bodies:
        mask = cv2.fillPoly(
            np.zeros(column.shape, np.uint8), [np.round(body.outline).astype(np.int32)], 1
        )
        pixels[mask > 0] += 90
    pixels = np.clip(cv2.GaussianBlur(pixels, (0, 0), 2), 0, 255)
    image = replace(analysis.image, pixels=pixels, spacing_mm=(0.1, 0.1))
    return replace(analysis, image=image)


def services_for(analysis, folder: Path):
    """Return the program's services, with this answer for every file."""
    from spinealign.domain.findings import Step
    from spinealign.ui.work.services import program_services

    def analyse(path, *_):
        image = replace(analysis.image, source_path=path)
        yield Step("Reading the image", 0.1, image)
        return replace(analysis, image=image)

    return replace(program_services(folder), analyse=analyse)


class Frames:
    """Counts how often the picture is painted."""

    def __init__(self, viewer) -> None:
        from PyQt6.QtCore import QEvent, QObject

        class Watch(QObject):
            painted = 0

            def eventFilter(self, _watched, event):  # noqa: N802 - Qt's name
                if event.type() == QEvent.Type.Paint:
                    self.painted += 1
                return False

        self._watch = Watch()
        viewer.viewport().installEventFilter(self._watch)

    @property
    def painted(self) -> int:
        return self._watch.painted


def open_film(app, analysis, folder: Path, size):
    from spinealign.ui.settings.settings import SettingsStore
    from spinealign.ui.window.main_window import MainWindow

    path = folder / "film.png"
    path.write_bytes(b"")
    window = MainWindow(services_for(analysis, folder), SettingsStore(folder / "profile"))
    window.show()
    window.resize(*size)
    window.start([path])
    while window.workbench.current is None or window.workbench.current.finding is None:
        app.processEvents()
        if window.workbench.current is not None and window.workbench.current.message is not None:
            raise RuntimeError(window.workbench.current.message.sentence)
    for _ in range(50):
        app.processEvents()
    return window


def send_mouse(viewer, kind, where, buttons, button=None) -> None:
    from PyQt6.QtCore import QPointF, Qt
    from PyQt6.QtGui import QMouseEvent
    from PyQt6.QtWidgets import QApplication

    viewport = viewer.viewport()
    point = QPointF(where)
    event = QMouseEvent(
        kind, point, QPointF(viewport.mapToGlobal(point.toPoint())),
        button or Qt.MouseButton.NoButton, buttons, Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(viewport, event)


def drag(app, window, frames: int) -> tuple[list[float], float]:
    """Drag round the corner; return milliseconds of each frame, and of processor a frame."""
    from PyQt6.QtCore import QEvent, QPointF, Qt

    from spinealign.domain.findings import LandmarkName

    viewer, left = window.viewer, Qt.MouseButton.LeftButton
    body = next(b for b in window.workbench.editing.corrections.vertebrae if b.level == "C4")
    mark = body.landmark(LandmarkName.ANTERIOR_SUPERIOR)
    start = viewer.to_view(QPointF(mark.x, mark.y))
    watch = Frames(viewer)
    send_mouse(viewer, QEvent.Type.MouseButtonPress, start, left, left)
    times, busy = [], time.process_time()
    for number in range(frames):
        angle = 2 * math.pi * number / 60
        where = start + QPointF(12 * math.sin(angle), 14 - 14 * math.cos(angle))
        before, painted = time.perf_counter(), watch.painted
        send_mouse(viewer, QEvent.Type.MouseMove, where + QPointF(3, 0), left)
        while watch.painted == painted:
            app.processEvents()
        times.append(1000 * (time.perf_counter() - before))
    busy = 1000 * (time.process_time() - busy) / frames
    send_mouse(viewer, QEvent.Type.MouseButtonRelease, start, Qt.MouseButton.NoButton, left)
    return times, busy


def change_once(app, window, times: int) -> str:
    """Return how long one change takes until every number stands in the window anew."""
    from functools import partial

    from spinealign.domain.findings import LandmarkName
    from spinealign.measure.correction.changes import move_landmark

    name, taken = LandmarkName.ANTERIOR_SUPERIOR, []
    for number in range(times):
        mark = window.workbench.editing.corrections.vertebrae[2].landmark(name)
        x, y = mark.x + (-1) ** number * 5, mark.y
        change = partial(move_landmark, body_index=3, name=name, x=x, y=y)
        before = time.perf_counter()
        window.workbench.editing.change("move", change)
        taken.append(1000 * (time.perf_counter() - before))
        app.processEvents()
    taken.sort()
    middle, late = statistics.median(taken), taken[int(0.95 * times)]
    return f"every number anew after a change: median {middle:.1f} ms, p95 {late:.1f} ms"


def report(title: str, times: list[float], busy: float) -> str:
    ordered = sorted(times)
    within = sum(t <= FRAME_MS for t in times) / len(times)
    return (
        f"{title:34} median {statistics.median(times):5.1f} ms   "
        f"p95 {ordered[int(0.95 * len(ordered))]:5.1f} ms   max {ordered[-1]:5.1f} ms   "
        f"{1000 * len(times) / sum(times):6.1f} frames/s   {100 * within:3.0f} % within 1/60 s   "
        f"processor {busy:4.1f} ms"
    )


def measure(app, analysis, size, options: argparse.Namespace, everything: bool) -> str:
    with tempfile.TemporaryDirectory() as name:
        window = open_film(app, analysis, Path(name), size)
        if everything:
            for measurement in window.workbench.editing.analysis.measurements:
                window.correction.measures.toggle(measurement.key, True)
        drag(app, window, min(30, options.frames))  # the first load what is imported late
        times, busy = drag(app, window, options.frames)
        numbers = change_once(app, window, options.changes)
        shown = f"{window.width()} x {window.height()}"
        drawn = len(window.viewer.picture.measures.keys)
        window.close()
        while window.isVisible():
            app.processEvents()
    return report(f"{shown}, {drawn} measures drawn", times, busy) + f"\n    {numbers}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--changes", type=int, default=60, help="timed without being shown")
    parser.add_argument("--side", type=int, default=3000, help="of the film, in pixels")
    options = parser.parse_args()
    from spinealign.ui.app import make_application

    app = make_application()
    analysis = large_film(options.side)
    count = len(analysis.measurements)
    print(
        f"{options.side} x {options.side} film, {len(analysis.vertebrae)} bodies, "
        f"{count} measures, ",
        end="",
    )
    print(f"{os.cpu_count()} processors, {app.platformName()}, {options.frames} frames each")
    for size in SIZES:
        for everything in (False, True):
            print(measure(app, analysis, size, options, everything), flush=True)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # see `spinealign.__main__.program`
