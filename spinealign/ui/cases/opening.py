"""Opening images: dialogs, folders, archives, drag and drop, clipboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PyQt6.QtCore import QDir, QMimeData, QObject, QSysInfo, QTemporaryDir, QUrl, pyqtSignal
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QApplication, QFileDialog, QWidget

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.formats import ARCHIVE_SUFFIX, DICOM_INDEX_NAME, IMAGE_FORMATS
from spinealign.domain.image import ImagePart
from spinealign.domain.study import (
    Scan,
    SeriesEntry,
    SeriesStack,
    SlicePosition,
    likeliest,
    stacked,
)
from spinealign.ui.cases.case_session import Opening
from spinealign.ui.cases.jobs import save_picture
from spinealign.ui.settings.preferences import Preferences
from spinealign.ui.settings.recent import Recent
from spinealign.ui.work.messages import Messages
from spinealign.ui.work.services import PASTED_PREFIX, Sample, Services
from spinealign.ui.work.tasks import Task, TaskRunner
from spinealign.wording import Message
from spinealign.wording.series import listed_once_message, refused_message, scanning_text


def file_filters() -> str:
    """Return what the dialog offers to list, as Qt wants it."""
    groups = {each.group: "" for each in IMAGE_FORMATS}
    for each in IMAGE_FORMATS:
        groups[each.group] += "".join(f" *{suffix}" for suffix in each.suffixes)
    images = [f"{group} ({patterns.strip()})" for group, patterns in groups.items()]
    archives = f"Archives and indexes of studies (*{ARCHIVE_SUFFIX} {DICOM_INDEX_NAME})"
    # All first, because DICOM files often have no suffix at all.
    return ";;".join(("All files (*)", *images, archives))


_OF_SEVERAL = frozenset(
    (ReadProblem.ENCRYPTED, ReadProblem.NO_IMAGES_IN_ARCHIVE, ReadProblem.NO_FILES_OF_INDEX)
)

NO_LOCAL_FILES = Message(
    "Only files on this computer can be opened.",
    "Save the image to a folder first, then drop it here.",
)
NOTHING_TO_PASTE = Message(
    "There is no image on the clipboard.",
    "Copy a picture, or files in the file manager, and paste again.",
)


@dataclass(frozen=True)
class Study:
    """Several series that were found together, to choose among.

    Parameters
    ----------
    stacks : tuple of SeriesStack
    roots : tuple of Path
        What the user chose to come to them.
    preselected : SeriesStack
        The one to begin with.
    """

    stacks: tuple[SeriesStack, ...]
    roots: tuple[Path, ...]
    preselected: SeriesStack

    def opening(self, stack: SeriesStack, place: SlicePosition | None = None) -> Opening:
        """Return how one of the series is opened."""
        root = self.roots[0] if len(self.roots) == 1 else stack.first.parts[0].path
        number = stack.number if len(self.roots) == 1 else None
        return Opening(stack, Recent(root, number, place))


class Opener(QObject):
    """Turns what the user points at into series, and says which to open.

    `opened` brings openings, `study_found` a study with several series to choose among
    (the openings come with `opened`, when there are any, before it).
    """

    opened = pyqtSignal(object)
    study_found = pyqtSignal(object)
    searching = pyqtSignal(str)
    search_ended = pyqtSignal()

    def __init__(
        self,
        services: Services,
        runner: TaskRunner,
        preferences: Preferences,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._messages = messages
        self._services = services
        self._runner = runner
        self._preferences = preferences
        self._chosen: set[Path] = set()
        self._scanning: list[Task] = []
        self._pasted_folder: QTemporaryDir | None = None
        self._pasted_count = 0

    def ask_files(self, asking: QWidget) -> None:
        """Let the user choose files, in front of the window `asking`."""
        names, _ = QFileDialog.getOpenFileNames(
            asking, "Open images", self._preferences.state.last_folder, file_filters()
        )
        self.open_paths([Path(name) for name in names])

    def ask_folder(self, asking: QWidget) -> None:
        """Let the user choose a folder with images or series."""
        name = QFileDialog.getExistingDirectory(
            asking,
            "Open the images and series of a folder",
            self._preferences.state.last_folder,
        )
        if name:
            self.open_paths([Path(name)])

    def ask_companion(self, asking: QWidget) -> Path | None:
        """Let the user choose the other contrast of a case."""
        name, _ = QFileDialog.getOpenFileName(
            asking,
            "Add the other contrast of the same patient",
            self._preferences.state.last_folder,
            file_filters(),
        )
        return Path(name).absolute() if name else None

    @property
    def is_scanning(self) -> bool:
        """Whether files are being looked at."""
        return bool(self._scanning)

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Look in the background at what files and folders hold, then open it."""
        if not paths:
            return
        absolute = [path.absolute() for path in paths]
        self._preferences.note(last_folder=str(absolute[0].parent))
        self._chosen.update(absolute)
        self._scan(absolute)

    def open_quietly(self, path: Path, take: Callable[[list[Opening]], object]) -> None:
        """PointerTool over what would be opened of a path, instead of announcing it.

        Of several series the one to begin with is handed over.
        """
        self._preferences.note(last_folder=str(path.parent))
        self._chosen.add(path)
        self._scan([path], take=take)

    def open_recent(self, recent: Recent) -> None:
        """Open a path again, at the series and picture chosen then."""
        self._chosen.add(recent.path)
        self._scan([recent.path], recent=recent)

    def open_sample(self, sample: Sample) -> None:
        """Open a sample case under its title; it is not remembered."""
        self._scan([sample.path], sample.title)

    def cancel(self) -> None:
        """Stop looking at files; the window stays as it is."""
        for task in self._scanning:
            task.cancel()

    def open_mime(self, data: QMimeData) -> None:
        """Open what was dropped or pasted as files."""
        found = [path for url in data.urls() if (path := _local(url)) is not None]
        picture = _picture_of(data)
        # A browser names the page too, or a file that it took away again.
        if picture is not None and not any(path.exists() for path in found):
            self._open_picture(picture)
        elif found:
            self.open_paths(found)
            if len(found) < len(data.urls()):
                self._messages.notice(NO_LOCAL_FILES)
        else:
            self._messages.fail(NO_LOCAL_FILES)

    def paste(self) -> None:
        """Open files, or the picture, that lie on the clipboard."""
        clipboard = QApplication.clipboard()
        data = clipboard.mimeData() if clipboard is not None else None
        if data is not None and data.hasUrls():
            self.open_mime(data)
        elif clipboard is not None and not clipboard.image().isNull():
            self._open_picture(clipboard.image())
        else:
            self._messages.fail(NOTHING_TO_PASTE)

    def note_success(self, recent: Recent) -> None:
        """Remember what could be analysed, if it was the user who chose it."""
        if recent.path in self._chosen:
            self._preferences.remember(recent)

    def clean_up(self) -> None:
        """Delete pasted pictures."""
        if self._pasted_folder is not None:
            self._pasted_folder.remove()

    def _scan(
        self,
        paths: Sequence[Path],
        title: str = "",
        recent: Recent | None = None,
        take: Callable[[list[Opening]], object] | None = None,
    ) -> None:
        task = self._runner.submit(lambda: self._services.scan(paths))
        self._scanning.append(task)
        task.progressed.connect(self._show_count)
        task.finished.connect(lambda scan: self._take(paths, scan, title, recent, take))
        task.ended.connect(lambda: self._end(task))

    def _show_count(self, count: int) -> None:
        # One file is looked at faster than words about it are read.
        if count > 1:
            self.searching.emit(scanning_text(count))

    def _end(self, task: Task) -> None:
        self._scanning.remove(task)
        self.search_ended.emit()

    def _take(
        self,
        paths: Sequence[Path],
        scan: Scan,
        title: str,
        recent: Recent | None,
        take: Callable[[list[Opening]], object] | None,
    ) -> None:
        if recent is not None and self._open_again(recent, stacked(scan.found)):
            return
        openings, study = planned(paths, scan)
        if title and len(openings) == 1:
            openings = [replace(openings[0], title=title)]
        if take is not None:
            begin = [study.opening(study.preselected)] if study is not None else openings[:1]
            take(begin)
        elif openings:
            self.opened.emit(openings)
        if study is not None and take is None:
            self.study_found.emit(study)
        told = [refusal for refusal in scan.refused if not _becomes_case(refusal, paths)]
        if told and scan.found:
            self._messages.notice(refused_message(told))
        elif told:
            self._messages.fail(refused_message(told))
        elif scan.other_names:
            self._messages.notice(listed_once_message(scan.other_names))

    def _open_again(self, recent: Recent, stacks: tuple[SeriesStack, ...]) -> bool:
        """Open the series chosen then, if it is still there; the others stay at hand."""
        number = 1 if recent.series is None and len(stacks) == 1 else recent.series
        stack = next((stack for stack in stacks if stack.number == number), None)
        if stack is None:
            return False
        place = recent.place if stack.has_position(recent.place) else None
        self.opened.emit([Opening(stack, replace(recent, place=place))])
        if len(stacks) > 1:
            self.study_found.emit(Study(stacks, (recent.path,), stack))
        return True

    def _open_picture(self, image: QImage) -> None:
        if self._pasted_folder is None:
            self._pasted_folder = QTemporaryDir(f"{QDir.tempPath()}/{PASTED_PREFIX}XXXXXX")
        self._pasted_count += 1
        title = f"Pasted image {self._pasted_count}"
        path = Path(self._pasted_folder.filePath(f"pasted-{self._pasted_count}.png"))
        task = self._runner.submit(lambda: save_picture(image, path))
        task.finished.connect(lambda saved: self._scan([saved], title))


def planned(paths: Sequence[Path], scan: Scan) -> tuple[list[Opening], Study | None]:
    """Decide what to open at once, and whether there is a choice to offer.

    One series, pictures that stand alone, and files that were chosen one by one open at
    once. Of several series the sensible one opens, if there is exactly one, and all stay
    at hand; nothing else is analysed before it is chosen. Chosen files that were refused
    are opened too: the list of cases says why they failed.

    Returns
    -------
    openings : list of Opening
        What to open now, in the order of the paths.
    study : Study or None
        Series to choose among.
    """
    stacks = stacked(scan.found)
    refused = [refusal.path for refusal in scan.refused if _becomes_case(refusal, paths)]
    failing = [Opening(_unread(path), Recent(path)) for path in refused]
    if len(stacks) > 1 and not _stand_alone(stacks, paths):
        best = likeliest(stacks)
        study = Study(stacks, tuple(paths), best[0] if best else stacks[0])
        return [*(study.opening(stack) for stack in best if len(best) == 1), *failing], study
    openings = [Opening(stack, Recent(_root_of(stack, paths))) for stack in stacks]
    order = {path: number for number, path in enumerate(paths)}
    both = [*openings, *failing]
    return sorted(both, key=lambda opening: order.get(opening.recent.path, -1)), None


def _stand_alone(stacks: Sequence[SeriesStack], paths: Sequence[Path]) -> bool:
    """Whether all are single pictures, or every series is a file that was chosen by itself."""
    if all(stack.is_single for stack in stacks):
        return True
    files = [{part.path for part in stack.first.parts} for stack in stacks]
    chosen = set(paths)
    is_each_one_file = all(len(parts) == 1 and parts <= chosen for parts in files)
    return is_each_one_file and len(set().union(*files)) == len(stacks)


def _root_of(stack: SeriesStack, paths: Sequence[Path]) -> Path:
    """Return which of the chosen paths holds a series, else the series' own first file."""
    first = stack.first.parts[0].path
    if len(paths) == 1:
        return paths[0]
    return next((path for path in paths if path in (first, *first.parents)), first)


def _becomes_case(refusal: ImageReadError, paths: Sequence[Path]) -> bool:
    """Whether a refused path is a single image: it is listed with its reason, to try again."""
    is_several = refusal.path.is_dir() or refusal.path.suffix.lower() == ".zip"
    return refusal.path in paths and not is_several and refusal.problem not in _OF_SEVERAL


def _unread(path: Path) -> SeriesStack:
    return SeriesStack((SeriesEntry((ImagePart(path),), ""),))


def _local(url: QUrl) -> Path | None:
    """Return the path of a local file; this computer may be named (RFC 8089)."""
    if not url.isLocalFile() or not url.path():
        return None
    plain = QUrl(url)
    if url.host() in ("localhost", "127.0.0.1", "::1", QSysInfo.machineHostName().lower()):
        plain.setHost("")
    return Path(plain.toLocalFile())


def _picture_of(data: QMimeData) -> QImage | None:
    picture = data.imageData() if data.hasImage() else None
    return picture if isinstance(picture, QImage) and not picture.isNull() else None
