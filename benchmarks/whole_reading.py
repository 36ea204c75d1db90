"""How many actions and seconds a reading takes: from opening an image to a signed report.

The real window, with the shipped networks, is driven by mouse and keys at machine speed, once with
everything accepted and once with the first findings changed to another value. A person's time is
added by the keystroke-level model (Card, Moran and Newell 1980, Commun ACM 23:396): 0.28 s a key,
1.1 s to point, 0.2 s to click, 0.4 s to bring the hand to mouse or keyboard, 1.35 s to make up
one's mind before each decision. It holds nothing for looking at the picture as long as one
likes. For comparison: 41.8 s a case with Surgimap (published; docs/design/reading.md).

Run: ``python benchmarks/whole_reading.py [--image FILE ...] [--changes 3] [--pictures FOLDER]``;
with ``QT_QPA_PLATFORM=offscreen`` it needs no display.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
SAMPLES = ROOT / "resources" / "samples"
IMAGES = (
    SAMPLES / "xray_lateral_phantom" / "neck_phantom.dcm",
    SAMPLES / "mr_lumbar_phantom" / "lumbar_phantom.dcm",
)
KEY_S, POINT_S, CLICK_S, HAND_S, MIND_S = 0.28, 1.1, 0.2, 0.4, 1.35
READER, NORMAL = "A. Reader", "normal"
MOST_SECONDS = 120


@dataclass
class Person:
    """Somebody at the window: every action is done, counted and given a person's seconds."""

    window: object
    pictures: Path | None = None
    actions: list[str] = field(default_factory=list)
    person_s: float = 0.0
    started: float = field(default_factory=time.perf_counter)

    @property
    def machine_s(self) -> float:
        """Seconds since the first action."""
        return time.perf_counter() - self.started

    def open(self, image: Path) -> None:
        """Click a recent file in the list of cases."""
        from PyQt6.QtCore import Qt
        from PyQt6.QtTest import QTest

        tree = self.window.cases.recent
        row = next(item for item in _items(tree) if item.text(0) == image.name)
        tree.scrollToItem(row)
        place = tree.visualItemRect(row).center()
        ready = []
        self.window.workbench.session.finding_ready.connect(ready.append)
        QTest.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=place)
        self._did("open", HAND_S + POINT_S + CLICK_S + HAND_S)
        self.wait(lambda: bool(ready) and self.snapshot is not None)
        self.picture("opened")

    @property
    def snapshot(self):
        """The reading as it is shown, or None."""
        return self.window.workbench.readings.shown

    def press(self, what: str, *chords: str, minds: int = 1) -> None:
        """Press keys one after the other: one action."""
        from PyQt6.QtGui import QKeySequence
        from PyQt6.QtTest import QTest
        from PyQt6.QtWidgets import QApplication

        for chord in chords:
            target = QApplication.focusWidget() or self.window
            QTest.keySequence(target, QKeySequence(chord))
            self.person_s += KEY_S * len(chord.split("+"))
            self.rest()
        self._did(what, MIND_S * minds)

    def change(self) -> None:
        """Give the current finding another value."""
        findings = self.window.results.reading.findings
        row = findings.current
        self.press(f"change {row.title.text()}", "C")
        before = self._changed()
        self.press("its new value", *_other_value(row))
        if self._changed() <= before:
            raise AssertionError(f"{row.title.text()} was not changed")

    def begin_changes(self) -> None:
        """Put the keys on the first finding that has a number or grade, in a closed fold too."""
        findings = self.window.results.reading.findings
        if is_changeable(findings.current):
            self.press("go to the findings", "G", minds=0)
            return
        self.click("open the normal findings", _heading(findings, NORMAL))
        row = next(row for row in findings.rows if row.isVisible() and is_changeable(row))
        self.click(f"choose {row.title.text()}", row.title)

    def click(self, what: str, widget) -> None:
        """Click a widget of the window."""
        from PyQt6.QtCore import Qt
        from PyQt6.QtTest import QTest

        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)
        self._did(what, HAND_S + POINT_S + CLICK_S + HAND_S)
        self.rest()

    def sign(self) -> None:
        """Look at the page and sign; the name is remembered from an earlier reading."""
        self.press("sign and save", "Ctrl+Return")
        self.wait(lambda: any(dialog.sign.isEnabled() for dialog in _dialogs(self.window)))
        self.picture("signing")
        self.press("sign", "Return")
        self.wait(lambda: self.snapshot.is_signed)
        self.picture("signed")

    def picture(self, name: str) -> None:
        """Keep what is on the screen, where pictures are wanted."""
        if self.pictures is not None:
            for number, one in enumerate((self.window, *_dialogs(self.window))):
                one.grab().save(str(self.pictures / f"{len(self.actions):02d}_{name}_{number}.png"))

    def _changed(self) -> int:
        """Count the findings that hold a person's value."""
        return sum(one.human is not None for one in self.snapshot.reading.decisions)

    def _did(self, what: str, seconds: float) -> None:
        self.actions.append(what)
        self.person_s += seconds

    def rest(self) -> None:
        bench = self.window.workbench
        self.wait(lambda: not bench.records.is_busy and not bench.readings.is_saving)

    def wait(self, is_done) -> None:
        from PyQt6.QtWidgets import QApplication

        deadline = time.monotonic() + MOST_SECONDS
        QApplication.processEvents()
        while not is_done():
            if time.monotonic() > deadline:
                raise TimeoutError(self.actions[-1] if self.actions else "open")
            QApplication.processEvents()


def _items(tree):
    """Yield all items of a tree."""
    from PyQt6.QtWidgets import QTreeWidgetItemIterator

    walk = QTreeWidgetItemIterator(tree)
    while (item := walk.value()) is not None:
        yield item
        walk += 1


def _dialogs(window):
    from PyQt6.QtWidgets import QDialog

    return [dialog for dialog in window.findChildren(QDialog) if dialog.isVisible()]


def _heading(widget, text: str):
    """Return the heading of a fold by a part of its title."""
    from spinealign.ui.widgets.labels import Heading

    return next(one for one in widget.findChildren(Heading) if text in one.text().lower())


def is_changeable(row) -> bool:
    """Whether a row holds numbers or grades, which all differ from one picture to the next."""
    from spinealign.domain.reading import FindingKind

    return row.findings[0].kind in (FindingKind.MEASURE, FindingKind.DISC_GRADE)


def _other_value(row) -> tuple[str, ...]:
    """Return the keys that give the finding being edited another value."""
    from spinealign.ui.reading.value_editor import DiscEditor, GradeEditor, NumberEditor

    editor = row.editor
    if isinstance(editor, DiscEditor | GradeEditor):
        taken = {getattr(finding.value, "grade", None) for finding in editor.findings}
        if isinstance(editor, GradeEditor):
            return (str(next(grade for grade in editor.buttons if grade not in taken)),)
        return (str(next(grade for grade in editor.grades if grade not in taken)), "Return")
    if isinstance(editor, NumberEditor):
        value = editor.box.value() + editor.box.singleStep()
        return (*str(int(value)), "Return")
    raise TypeError(f"no other value is known for {type(editor).__name__}")


def remember(store, image: Path) -> None:
    """Write the settings of somebody who signed before and had the image open."""
    from spinealign.ui.settings.settings import Settings, WindowState

    store.save(Settings(reader_name=READER))
    store.save(WindowState(recent_files=(str(image),)))


def open_window(app, profile: Path, image: Path):
    """Return a new window, its networks loaded, whose user has read before."""
    from spinealign.ui.settings.settings import SettingsStore
    from spinealign.ui.window.main_window import MainWindow
    from spinealign.ui.work.services import program_services

    store = SettingsStore(profile)
    remember(store, image)
    window = MainWindow(program_services(profile), store)
    window.resize(1366, 768)
    window.show()
    window.start()
    window.activateWindow()
    while window.workbench.inference.is_busy:
        app.processEvents()
    return window


def close_window(app, window) -> None:
    """Close a window and wait until it is gone."""
    window.close()
    while window.isVisible():
        app.processEvents()


def read(app, image: Path, changes: int, pictures: Path | None) -> Person:
    """Read one image in a new window."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy = folder / image.name
        copy.write_bytes(image.read_bytes())
        window = open_window(app, folder / "profile", copy)
        person = Person(window, pictures)
        person.open(copy)
        if changes:
            person.begin_changes()
            for _ in range(changes):
                person.change()
        person.press("accept all the rest", "Ctrl+R", minds=1 + len(person.snapshot.page.lines))
        person.sign()
        person.total_s = person.machine_s + person.person_s
        close_window(app, window)
    return person


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", type=Path, nargs="*", default=list(IMAGES))
    parser.add_argument("--changes", type=int, default=3)
    parser.add_argument("--pictures", type=Path, help="keep pictures of the window here")
    options = parser.parse_args()
    from spinealign.ui.app import make_application

    app = make_application()
    for image in options.image:
        for changes in sorted({0, options.changes}):
            folder = None
            if options.pictures is not None:
                folder = options.pictures / f"{image.stem}_{changes}"
                folder.mkdir(parents=True, exist_ok=True)
            person = read(app, image, changes, folder)
            print(
                f"{image.name}, {changes} changed: {len(person.actions)} actions, "
                f"machine {person.machine_s:.1f} s, person {person.person_s:.1f} s, "
                f"together {person.total_s:.1f} s\n  {', '.join(person.actions)}"
            )


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # see `spinealign.__main__.program`
