"""Takes the pictures of the manual anew from the real window: ``python -m tools.manual_pictures``.

The window is drawn in memory, opens the drawn samples and is driven through its commands. Run it
after the window changed its looks, and look at what came out.
"""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import io
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image, ImageDraw, ImageFont
from PyQt6.QtCore import QBuffer, QIODevice, QPointF, Qt
from PyQt6.QtGui import QImage
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QPushButton, QWidget

from spinealign.domain.network import FoundStudy
from spinealign.domain.paths import manual_dir, resources_dir
from spinealign.ui.app import make_application
from spinealign.ui.compare.compare_dialog import CompareWindow
from spinealign.ui.deidentify.dialog import DeidentifyDialog
from spinealign.ui.models.manager_dialog import ModelManager
from spinealign.ui.network.find_dialog import FindDialog
from spinealign.ui.network.node_dialog import NodeDialog
from spinealign.ui.network.nodes_dialog import NodesDialog
from spinealign.ui.network.send_dialog import SendDialog
from spinealign.ui.network.transfers_dialog import TransfersDialog
from spinealign.ui.printing.preview import ReportPreview
from spinealign.ui.reading.sign_dialog import SignDialog
from spinealign.ui.settings.settings import Settings, SettingsStore, ThemeChoice, WindowState
from spinealign.ui.window.main_window import MainWindow
from spinealign.ui.window.settings_dialog import SettingsDialog
from spinealign.ui.window.settings_form import PageName
from spinealign.ui.work.services import program_services
from spinealign.wording.network_window import study_cells

WIDTH, HEIGHT = 1366, 768
PANELS_PX = [250, 340]
COLOURS = 200
"""Of a picture: greys of a film and the few colours of a window, in a small file."""

MOST_SECONDS = 120
SAMPLES = resources_dir() / "samples"
NECK = SAMPLES / "xray_lateral_phantom" / "neck_phantom.dcm"
LUMBAR = SAMPLES / "mr_lumbar_phantom" / "lumbar_phantom.dcm"
CT = SAMPLES / "ct_axial" / "CT_small.dcm"


class Photographer:
    """Drives one window and keeps what it looks like."""

    def __init__(self, work: Path, out: Path) -> None:
        self.out = out
        store = SettingsStore(work / "profile")
        store.save(Settings(theme=ThemeChoice.LIGHT, reader_name="A. Reader"))
        store.save(WindowState())  # the first start says more than any other
        self.window = MainWindow(program_services(work / "profile"), store)
        self.window.resize(WIDTH, HEIGHT)
        self.window.show()
        docks = [self.window.cases_dock, self.window.results_dock]
        self.window.resizeDocks(docks, PANELS_PX, Qt.Orientation.Horizontal)
        self.window.start()
        self.wait(lambda: not self.window.workbench.is_working)

    def wait(self, done: Callable[[], bool], still_s: float = 0.6) -> None:
        """Let the window work until something is so, and a moment longer."""
        end = time.monotonic() + MOST_SECONDS
        while not done():
            if time.monotonic() > end:
                raise TimeoutError
            QTest.qWait(50)
        QTest.qWait(round(1000 * still_s))

    def open(self, *paths: Path) -> None:
        """Open images and wait for all results."""
        bench = self.window.workbench
        bench.opener.open_paths(list(paths))
        QTest.qWait(200)
        self.wait(lambda: not (bench.opener.is_scanning or bench.session.is_busy))
        self.wait(lambda: not bench.is_working)

    def clear(self) -> None:
        """Close all cases and messages."""
        self.window.workbench.close_all()
        QTest.qWait(200)

    def do(self, command: str) -> None:
        """Give a command."""
        self.window.actions_by_name[command].trigger()
        QTest.qWait(500)

    def keep(self, name: str, widget: QWidget | None = None) -> None:
        """Keep what a widget, or the window, looks like."""
        pixmap = (widget or self.window).grab()
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        pixmap.save(buffer, "PNG")
        write_small(Image.open(io.BytesIO(buffer.data().data())), self.out / f"{name}.png")

    def click(self, x: float, y: float) -> None:
        """Click a pixel of the picture."""
        viewer = self.window.viewer
        viewport = viewer.viewport()
        assert viewport is not None
        place = viewer.to_view(QPointF(x, y)).toPoint()
        QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=place)
        QTest.qWait(60)

    def child(self, kind: type[QWidget]) -> QWidget:
        """Return the dialog of a kind that is open."""
        return next(
            w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()
        )


def write_small(picture: Image.Image, path: Path) -> None:
    """Write a picture with few colours."""
    few = picture.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=0)
    few.save(path, "PNG", optimize=True)


def series_of_drawings(folder: Path, count: int = 5) -> Path:
    """Write a study of two series whose slices all are the drawn MR."""
    folder.mkdir(parents=True)
    numbers = [(series, number) for series in (1, 2) for number in range(1, count + 1)]
    for series, number in numbers:
        slice_ = pydicom.dcmread(LUMBAR)
        slice_.SOPInstanceUID = f"{slice_.SOPInstanceUID}.{series}.{number}"
        slice_.SeriesInstanceUID = f"{slice_.SeriesInstanceUID}.{series}"
        slice_.SeriesNumber, slice_.SeriesDescription = series, f"Drawn MR {series}"
        slice_.file_meta.MediaStorageSOPInstanceUID = slice_.SOPInstanceUID
        slice_.InstanceNumber = number
        slice_.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
        slice_.ImagePositionPatient = [4.0 * number, 0, 0]
        slice_.SliceThickness = 4
        slice_.save_as(folder / f"{series}_{number}.dcm")
    return folder


def two_examinations(folder: Path) -> list[Path]:
    """Write two films of one drawn patient, who leans forward a little more two years later."""
    folder.mkdir(parents=True)
    paths = []
    for turn_deg, date in ((0, "20240312"), (1, "20260410")):
        film = pydicom.dcmread(NECK)
        drawn = Image.fromarray(film.pixel_array)
        grey = int(film.pixel_array[0, 0])
        turned = drawn.rotate(turn_deg, Image.Resampling.BICUBIC, fillcolor=grey)
        film.PixelData = np.asarray(turned).tobytes()
        film.SOPInstanceUID = f"{film.SOPInstanceUID}.{turn_deg}"
        film.file_meta.MediaStorageSOPInstanceUID = film.SOPInstanceUID
        film.PatientName, film.PatientID, film.PatientBirthDate = "Drawn^Film", "1", "19700101"
        film.StudyDate = film.AcquisitionDate = date
        named = folder / f"neck_{date[:4]}.dcm"
        film.save_as(named)
        paths.append(named)
    return paths


def take_start_and_film(man: Photographer) -> None:
    """Take the start page, the film, its findings, signature, report and corner."""
    man.keep("start")
    man.open(NECK)
    man.keep("reading")
    man.keep("findings", man.window.results)
    man.do("print")
    man.wait(lambda: any(isinstance(w, ReportPreview) for w in QApplication.topLevelWidgets()))
    preview = man.child(ReportPreview)
    pages = preview.view.pages  # type: ignore[attr-defined]
    write_small(_as_pillow(pages.image(0, 64)), man.out / "report.png")
    preview.close()
    man.do("accept_rest")
    man.do("sign")
    man.wait(lambda: any(isinstance(w, SignDialog) for w in QApplication.topLevelWidgets()), 2.0)
    dialog = man.child(SignDialog)
    man.keep("signing", dialog)
    dialog.close()
    body = next(v for v in man.window.workbench.editing.analysis.vertebrae if v.name == "C5")
    corner = body.landmarks[0]
    man.window.viewer.show_place(corner.x, corner.y, 380)
    man.click(corner.x, corner.y)
    man.keep("correcting", man.window.viewer)


def take_measures(man: Photographer) -> None:
    """Take a distance and an angle drawn by hand."""
    man.window.viewer.fit()
    rows, columns = man.window.workbench.current_analysis.image.shape
    man.do("tool_distance")
    for x, y in ((0.45, 0.35), (0.62, 0.42)):
        man.click(x * columns, y * rows)
    man.do("tool_angle")
    for x, y in ((0.35, 0.62), (0.55, 0.70), (0.66, 0.55)):
        man.click(x * columns, y * rows)
    man.do("tool_pointer")
    man.keep("measuring", man.window.viewer)


def take_others(man: Photographer, work: Path) -> None:
    """Take MR, CT, a series, two examinations and the settings."""
    man.clear()
    man.open(LUMBAR)
    man.keep("mr")
    man.clear()
    man.open(CT)
    man.keep("ct")
    man.clear()
    man.open(series_of_drawings(work / "series"))
    buttons = man.window.series.dock.findChildren(QPushButton)
    next(button for button in buttons if "Open series" in button.text().replace("&", "")).click()
    man.wait(lambda: man.window.workbench.current_analysis is not None, 1.5)
    man.do("series")
    man.keep("series")
    man.clear()
    man.open(*two_examinations(work / "patient"))
    man.do("compare")
    shown = man.child(CompareWindow)
    shown.resize(1060, 640)
    QTest.qWait(1500)
    man.keep("comparing", shown)
    shown.close()
    man.window.settings_commands.open(PageName.REPORTS)
    dialog = man.child(SettingsDialog)
    man.keep("settings", dialog)
    dialog.close()


STUDIES = (
    FoundStudy("1", "Carter^Jane", "P1034", "", "", "20260314", "", "Cervical spine, lateral",
               "A4713", ("DX",), 1, 1),
    FoundStudy("2", "Okafor^Samuel", "P1051", "", "", "20260414", "", "Lumbar spine",
               "A4714", ("MR",), 4, 68),
    FoundStudy("3", "Rossi^Giulia", "P1068", "", "", "20260520", "", "Whole spine, lateral",
               "A4715", ("DX",), 1, 2),
)  # fmt: skip
"""Made up, and shown as if a PACS had them."""


def take_network(man: Photographer) -> None:
    """Take nodes, a search, what is sent, and what waits; nobody listens where the node is."""
    man.clear()
    man.open(NECK)
    desk = man.window.network.desk
    man.do("nodes")
    nodes: Any = man.child(NodesDialog)
    nodes.add.click()
    form: Any = man.child(NodeDialog)
    values = {"name": "Archive of the hospital", "called_title": "PACS", "host": "127.0.0.1"}
    for name, text in values.items():
        form.lines[name].setText(text)
    form.port.setValue(1)
    form.node_test.test.click()
    man.wait(lambda: form.node_test.test.isVisible())
    man.keep("pacs-node", form)
    form.save.click()
    man.wait(lambda: bool(desk.state and desk.state.settings.peers))
    nodes.close()
    man.do("from_pacs")
    search: Any = man.child(FindDialog)
    search.lines["first_date"].setText("2026-03-01")
    search._show_found(study_cells, STUDIES)
    man.keep("pacs-search", search)
    search.close()
    man.do("send")
    sending: Any = man.child(SendDialog)
    man.keep("pacs-send", sending)
    sending.send_button.click()
    man.wait(lambda: bool(desk.state and desk.state.deliveries))
    man.wait(lambda: not sending.progress.isVisible())
    sending.close()
    man.do("transfers")
    transfers: Any = man.child(TransfersDialog)
    transfers.outbox.focus_first()
    man.keep("pacs-transfers", transfers)
    transfers.close()


def take_deidentification(man: Photographer, work: Path) -> None:
    """Take a film with a name burned in, and the box that was found round it."""
    man.clear()
    film = pydicom.dcmread(NECK)
    drawn = Image.fromarray(film.pixel_array.astype(np.float32))
    height = film.Rows // 30
    words = ImageDraw.Draw(drawn)
    words.text((height, height), "CARTER JANE 1970", float(film.pixel_array.max()),
               ImageFont.load_default(height))  # fmt: skip
    film.PixelData = np.asarray(drawn).astype(film.pixel_array.dtype).tobytes()
    (work / "burned").mkdir()
    film.save_as(work / "burned" / "film.dcm")
    man.do("deidentify")
    dialog: Any = man.child(DeidentifyDialog)
    dialog.add([work / "burned"])
    dialog.choices.target.setText(str(work / "copies"))
    dialog.go_on.click()
    man.wait(lambda: dialog.pages.currentIndex() == 1)
    man.keep("deidentify", dialog)
    dialog.close()


def take_models(man: Photographer) -> None:
    """Take the list of models, with the card of one of them."""
    man.clear()
    man.do("models")
    dialog: Any = man.child(ModelManager)
    man.wait(lambda: dialog.list.topLevelItemCount() > 0)
    dialog.list.choose("mr_segmentation")
    dialog.resize(1180, 560)
    man.keep("models", dialog)
    dialog.close()


def _as_pillow(image: QImage) -> Image.Image:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return Image.open(io.BytesIO(buffer.data().data()))


def main(arguments: Sequence[str]) -> int:
    """Take all pictures, into the manual or another folder."""
    out = Path(arguments[0]) if arguments else manual_dir() / "pictures"
    out.mkdir(parents=True, exist_ok=True)
    app = make_application()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        man = Photographer(work, out)
        take_start_and_film(man)
        take_measures(man)
        take_others(man, work)
        take_network(man)
        take_deidentification(man, work)
        take_models(man)
        man.window.close()
        man.wait(lambda: not man.window.isVisible())
    sizes = {path.name: path.stat().st_size for path in sorted(out.glob("*.png"))}
    print("\n".join(f"{size:8} {name}" for name, size in sizes.items()), sum(sizes.values()))
    del app
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
