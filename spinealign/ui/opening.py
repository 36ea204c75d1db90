"""The ways into the program: dialogs, folders, drops, the clipboard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import QDir, QMimeData, QObject, QTemporaryDir, pyqtSignal
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication, QFileDialog, QWidget

from spinealign import wording
from spinealign.domain.errors import SpineAlignError
from spinealign.ui.preferences import Preferences
from spinealign.ui.services import PASTED_PREFIX, Services
from spinealign.ui.tasks import TaskRunner
from spinealign.ui.work import find_files, save_picture
from spinealign.wording import Message

FILE_FILTERS = ";;".join(
    (
        # First, because DICOM files often have no suffix at all.
        "All files (*)",
        "DICOM (*.dcm *.dicom *.ima)",
        "NIfTI (*.nii *.nii.gz)",
        "Pictures (*.png *.jpg *.jpeg *.tif *.tiff *.bmp)",
    )
)

NO_LOCAL_FILES = Message(
    "Only files on this computer can be opened.",
    "Save the image to a folder first, then drop it here.",
)
NOTHING_TO_PASTE = Message(
    "There is no image on the clipboard.",
    "Copy a picture, or files in the file manager, and paste again.",
)


class Opener(QObject):
    """Turns what the user points at into image files."""

    opened = pyqtSignal(object, object)
    failed = pyqtSignal(object)
    crashed = pyqtSignal(object)
    searching = pyqtSignal(str)
    search_ended = pyqtSignal()

    def __init__(
        self, window: QWidget, services: Services, runner: TaskRunner, preferences: Preferences
    ) -> None:
        super().__init__(window)
        self._window = window
        self._services = services
        self._runner = runner
        self._preferences = preferences
        self._chosen: set[Path] = set()
        self._pasted_folder: QTemporaryDir | None = None
        self._pasted_count = 0

    def ask_files(self) -> None:
        """Let the user choose files."""
        names, _ = QFileDialog.getOpenFileNames(
            self._window, "Open images", self._preferences.state.last_folder, FILE_FILTERS
        )
        self.open_paths([Path(name) for name in names])

    def ask_folder(self) -> None:
        """Let the user choose a folder, of which all images are opened."""
        name = QFileDialog.getExistingDirectory(
            self._window, "Open all images of a folder", self._preferences.state.last_folder
        )
        if name:
            self.open_paths([Path(name)])

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open files at once; look through folders in the background first."""
        if not paths:
            return
        absolute = [path.absolute() for path in paths]
        self._preferences.note(last_folder=str(absolute[0].parent))
        self._chosen.update(absolute)
        if any(path.is_dir() for path in absolute):
            self._search(absolute)
        else:
            self._announce(absolute)

    def open_mime(self, data: QMimeData) -> None:
        """Open what was dropped or pasted as files."""
        paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        if paths:
            self.open_paths(paths)
        else:
            self.failed.emit(NO_LOCAL_FILES)

    def paste(self) -> None:
        """Open files, or the picture, that lie on the clipboard."""
        clipboard = QApplication.clipboard()
        data = clipboard.mimeData() if clipboard is not None else None
        if data is not None and data.hasUrls():
            self.open_mime(data)
        elif clipboard is not None and not clipboard.image().isNull():
            self._open_picture(clipboard.image())
        else:
            self.failed.emit(NOTHING_TO_PASTE)

    def note_success(self, path: Path) -> None:
        """Remember a file that could be analysed, if it was the user who chose it."""
        if path in self._chosen:
            self._preferences.remember(path)

    def clean_up(self) -> None:
        """Delete pasted pictures."""
        if self._pasted_folder is not None:
            self._pasted_folder.remove()

    def _announce(self, paths: Sequence[Path], titles: Sequence[str] = ()) -> None:
        names = titles or [wording.display_name(path) for path in paths]
        self.opened.emit(list(paths), list(names))

    def _search(self, paths: Sequence[Path]) -> None:
        self.searching.emit("Looking for images…")
        task = self._runner.submit(lambda: find_files(self._services, paths))
        task.finished.connect(lambda found: self._take_found(paths, found))
        task.failed.connect(self._take_failure)
        task.ended.connect(self.search_ended)

    def _take_found(self, chosen: Sequence[Path], found: Sequence[Path]) -> None:
        for folder in chosen:
            if folder.is_dir():
                self._preferences.remember(folder)
        self._announce(found)

    def _open_picture(self, image: QImage) -> None:
        if self._pasted_folder is None:
            self._pasted_folder = QTemporaryDir(f"{QDir.tempPath()}/{PASTED_PREFIX}XXXXXX")
        self._pasted_count += 1
        title = f"Pasted image {self._pasted_count}"
        path = Path(self._pasted_folder.filePath(f"pasted-{self._pasted_count}.png"))
        task = self._runner.submit(lambda: save_picture(image, path))
        task.finished.connect(lambda saved: self._announce([saved], [title]))
        task.failed.connect(self._take_failure)

    def _take_failure(self, error: Exception) -> None:
        if isinstance(error, SpineAlignError):
            self.failed.emit(wording.explain(error))
        else:
            self.crashed.emit(error)
