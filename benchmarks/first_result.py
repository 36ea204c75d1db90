"""Time from program start to window and first result, memory, and the longest block.

Two programs take turns, each run in a fresh process:

* ``spinealign``: the shipped window, opened with the sample;
* ``report``: the Spine Align report's way, with its own code's structure: TensorFlow,
  VGG16 + Flatten + Dense 1024 + Dense 1, ``load_img``-like resizing to 224 x 224,
  ``model.predict`` in the window's thread. Its weights are random (the report's are not
  published); that changes no time.

Run: ``python benchmarks/first_result.py [--runs 5] [--image FILE]``
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "resources" / "samples" / "ct_axial" / "CT_small.dcm"
FIGURES = ("window_s", "result_s", "resident_mb", "peak_mb", "longest_block_ms")
HEARTBEAT_MS = 5


class EventLoopWatch:
    """Beats in the event loop; a late beat means that the window was blocked."""

    def __init__(self) -> None:
        from PyQt6.QtCore import Qt, QTimer

        self.longest_gap_s = 0.0
        self._last = None
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        self._last = time.perf_counter()
        self._timer.start(HEARTBEAT_MS)

    def stop(self) -> float:
        """Return the longest block in milliseconds."""
        self._beat()
        self._timer.stop()
        return 1000 * max(0.0, self.longest_gap_s - HEARTBEAT_MS / 1000)

    def _beat(self) -> None:
        now = time.perf_counter()
        self.longest_gap_s = max(self.longest_gap_s, now - self._last)
        self._last = now


def on_first_paint(window, report):
    """Call `report` once the window has been painted."""
    from PyQt6.QtCore import QEvent, QObject

    class Watch(QObject):
        def eventFilter(self, _watched, event):  # noqa: N802 - Qt's name
            if event.type() == QEvent.Type.Paint and report is not None:
                window.removeEventFilter(self)
                report()
            return False

    window.paint_watch = Watch()
    window.installEventFilter(window.paint_watch)


def finish(app, figures, watch):
    import psutil

    figures["longest_block_ms"] = watch.stop()
    memory = psutil.Process().memory_info()
    figures["resident_mb"] = memory.rss / 1e6
    figures["peak_mb"] = peak_mb()
    print("FIGURES " + json.dumps(figures), flush=True)
    app.quit()


def peak_mb() -> float:
    """Return the largest resident size of this process so far."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return psutil.Process().memory_info().peak_wset / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def run_spinealign(image: Path, started: float) -> None:
    from spinealign.ui.app import make_application
    from spinealign.ui.settings.settings import SettingsStore
    from spinealign.ui.window.main_window import MainWindow
    from spinealign.ui.work.services import program_services

    app = make_application()
    with tempfile.TemporaryDirectory() as profile:
        window = MainWindow(program_services(), SettingsStore(Path(profile)))
        watch, figures = EventLoopWatch(), {}

        def painted():
            figures["window_s"] = time.time() - started
            watch.start()
            window.start([image])

        def done(_case):
            figures["result_s"] = time.time() - started
            # The result is painted before the figures are taken.
            from PyQt6.QtCore import QTimer

            QTimer.singleShot(300, lambda: (finish(app, figures, watch), window.close()))

        window.workbench.session.finding_ready.connect(done)
        on_first_paint(window, lambda: run_later(painted))
        window.show()
        app.exec()


def run_later(action):
    from PyQt6.QtCore import QTimer

    QTimer.singleShot(0, action)


def run_report(image: Path, started: float) -> None:
    """Do what the report's source does, in its order: TensorFlow first, then the window."""
    import numpy as np
    from PyQt6.QtGui import QPixmap
    from PyQt6.QtWidgets import QApplication, QLabel, QMainWindow
    from tensorflow.keras.applications import VGG16
    from tensorflow.keras.layers import Dense, Flatten
    from tensorflow.keras.models import Model
    from tensorflow.keras.preprocessing import image as keras_image

    app = QApplication(sys.argv[:1])
    window = QMainWindow()
    label = QLabel(window)
    window.setGeometry(100, 100, 440, 540)
    watch, figures = EventLoopWatch(), {}

    def analyse():
        base = VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
        x = Dense(1024, activation="relu")(Flatten()(base.output))
        model = Model(inputs=base.input, outputs=Dense(1, activation="sigmoid")(x))
        pixels = keras_image.img_to_array(keras_image.load_img(image, target_size=(224, 224)))
        probability = model.predict(np.expand_dims(pixels, 0) / 255.0)[0][0]
        label.setPixmap(QPixmap(str(image)).scaled(400, 400))
        window.setWindowTitle(f"{probability:.2f}")
        figures["result_s"] = time.time() - started
        finish(app, figures, watch)

    def painted():
        figures["window_s"] = time.time() - started
        watch.start()
        run_later(analyse)

    on_first_paint(window, lambda: run_later(painted))
    window.show()
    app.exec()


def measure(program: str, image: Path) -> dict[str, float]:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "BENCHMARK_STARTED": str(time.time())}
    done = subprocess.run(
        [sys.executable, __file__, "--program", program, "--image", str(image)],
        capture_output=True, text=True, env=environment, timeout=300, cwd=ROOT,
    )  # fmt: skip
    for line in done.stdout.splitlines():
        if line.startswith("FIGURES "):
            return json.loads(line.removeprefix("FIGURES "))
    sys.exit(f"{program} gave no figures:\n{done.stderr[-2000:]}")


def as_png(image: Path, folder: Path) -> Path:
    """Give the report's program a format that it can open."""
    from PIL import Image

    from spinealign.imaging.read import read_image
    from spinealign.imaging.render import default_window, to_display

    read = read_image(image)
    path = folder / "image.png"
    Image.fromarray(to_display(read.pixels, default_window(read))).save(path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--image", type=Path, default=SAMPLE)
    parser.add_argument(
        "--cold", action="store_true", help="leave out the round that warms the disk"
    )
    parser.add_argument("--program", choices=["spinealign", "report"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.program:
        run = {"spinealign": run_spinealign, "report": run_report}[options.program]
        run(options.image, float(os.environ["BENCHMARK_STARTED"]))
        return
    with tempfile.TemporaryDirectory() as folder:
        picture = as_png(options.image, Path(folder))
        rows = {"spinealign": [], "report": []}
        for number in range(options.cold, options.runs + 1):
            for program, image in (("spinealign", options.image), ("report", picture)):
                figures = measure(program, image)
                if number:  # the first round only warms the disk cache
                    rows[program].append(figures)
    print(f"{options.runs} runs each, in turn; {os.cpu_count()} processors; median (min-max)")
    print(f"{'':18}{'spinealign':>28}{'report':>28}")
    for name in FIGURES:
        cells = [spread([f[name] for f in rows[program]]) for program in rows]
        print(f"{name:18}{cells[0]:>28}{cells[1]:>28}")


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


if __name__ == "__main__":
    main()
