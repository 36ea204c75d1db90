"""How long a whole case takes: open, analyse, one corner corrected, report saved.

The real window, with the shipped network, is driven at machine speed: Ctrl+O and the file
chosen, one corner dragged, Ctrl+P and the file named.

Run: ``python benchmarks/whole_case.py [--image FILM] [--runs 5]``; with
``QT_QPA_PLATFORM=offscreen`` it needs no display.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
SAMPLE = ROOT / "resources" / "samples" / "xray_lateral_phantom" / "neck_phantom.dcm"


def run_case(app, services, image: Path, folder: Path) -> tuple[dict[str, float], list[str]]:
    from spinealign.ui.settings.settings import SettingsStore
    from spinealign.ui.window.main_window import MainWindow
    from tests.ui.whole_case import WholeCase

    window = MainWindow(services, SettingsStore(folder / "profile"))
    window.resize(1366, 768)
    window.show()
    window.start()
    while window.workbench.inference.is_busy:
        app.processEvents()
    case, started = WholeCase(window), time.perf_counter()
    case.open(image)
    body = case.window.workbench.editing.analysis.vertebrae[1]
    mark = body.landmarks[0]
    case.correct((body.name, mark.name), (6, -9))
    case.save_report(folder / "report.pdf")
    case.seconds["whole case"] = time.perf_counter() - started
    window.close()
    while window.isVisible():
        app.processEvents()
    return case.seconds, case.actions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", type=Path, default=SAMPLE)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    from spinealign.ui.app import make_application
    from spinealign.ui.work.services import program_services

    app = make_application()
    rows: list[dict[str, float]] = []
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            image = folder / options.image.name
            image.write_bytes(options.image.read_bytes())
            seconds, actions = run_case(app, program_services(folder), image, folder)
            rows.append(seconds)
    print(f"{len(actions)} actions: {', '.join(actions)}")
    for part in rows[0]:
        times = [row[part] for row in rows]
        middle = statistics.median(times)
        print(f"{part:14} {middle:6.2f} s ({min(times):.2f}-{max(times):.2f}), {len(times)} runs")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # see `spinealign.__main__.program`
