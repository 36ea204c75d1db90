"""The window of the manual: contents and search at the left, a page at the right."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QSize, Qt, QTimer, QUrl, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QImage,
    QKeySequence,
    QResizeEvent,
    QShortcut,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)
from PyQt6.QtWidgets import (
    QApplication,
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSplitter,
    QTextBrowser,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.paths import manual_dir
from spinealign.ui.manual.pages import CONTENTS, Page, read_pages, search, words_of
from spinealign.ui.widgets.labels import offer, wrapped_label

KEYBOARD_PAGE, DAMAGED_PAGE = "keyboard", "damaged"
PAGE_PROPERTY = "manualPage"
"""Of a widget: the page that explains it and all that lies in it."""

MISSING = "The manual is not where it was installed. Install SpineAlign again."
NOTHING_FOUND = "No page holds all of these words."
_WIDTH_EM, _HEIGHT_EM, _LIST_EM = 150, 105, 42
_PAGE_MARGIN_PX = 32
_USUAL_DPI = 96


def open_manual(name: str, over: QWidget) -> ManualWindow:
    """Show a page of the manual over a window, in the manual that is open there if one is."""
    window = over.window() or over
    open_ones = [w for w in QApplication.topLevelWidgets() if isinstance(w, ManualWindow)]
    for manual in open_ones:
        # A manual of another window may lie under a dialog that holds the keys.
        if manual.parentWidget() is not window:
            manual.close()
    found = next((m for m in open_ones if m.parentWidget() is window and m.isVisible()), None)
    manual = found or ManualWindow(window)
    manual.go(name)
    manual.show()
    manual.activateWindow()
    return manual


def page_of(widget: QWidget | None) -> str:
    """Return the page that explains what has the focus; the contents where none does."""
    while widget is not None:
        name = widget.property(PAGE_PROPERTY)
        if isinstance(name, str):
            return name
        widget = widget.parentWidget()
    return CONTENTS


def explain(widget: QWidget, name: str) -> None:
    """Let F1 open this page while the focus is in a part of the window, or in a dialog."""
    widget.setProperty(PAGE_PROPERTY, name)
    if widget.isWindow():
        key = QShortcut(QKeySequence("F1"), widget)
        key.activated.connect(lambda: open_manual(page_of(widget.focusWidget() or widget), widget))


class ManualPage(QTextBrowser):
    """Shows one page; pictures are never wider than it, and sharp on every screen."""

    marked = pyqtSignal()

    def __init__(self, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder = folder
        self._words: tuple[str, ...] = ()
        self._width = 0
        self.setSearchPaths([str(folder)])
        self.setOpenExternalLinks(False)
        # A bar that came and went with the pictures would change the width that they fit.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setAccessibleName("Page of the manual")
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._fit_pictures)
        self.sourceChanged.connect(self._arrived)

    @property
    def name(self) -> str:
        """The page that is shown."""
        return Path(self.source().fileName()).stem

    def go(self, name: str) -> None:
        """Show a page."""
        self.setSource(QUrl.fromLocalFile(str(self._folder / f"{name}.md")))

    def mark(self, words: tuple[str, ...]) -> None:
        """Mark these words wherever they stand, and go to the first."""
        self._words = words
        self._show_marks(go=True)

    def step(self, forward: bool) -> None:
        """Go to the next mark, or the one before; after the last comes the first."""
        marks = sorted(selection.cursor.selectionStart() for selection in self.extraSelections())
        if not marks:
            return
        here = self.textCursor().selectionStart()
        wanted = [at for at in marks if (at > here if forward else at < here)]
        at = (wanted[0] if forward else wanted[-1]) if wanted else marks[0 if forward else -1]
        self._go_to(at)

    def loadResource(self, kind: int, name: QUrl) -> Any:
        """Return a picture no wider than the page."""
        if kind != QTextDocument.ResourceType.ImageResource.value:
            return super().loadResource(kind, name)
        image = (
            QImage(str(self._folder / name.path()))
            if name.isRelative()
            else QImage(name.toLocalFile())
        )
        room = self._room()
        if image.isNull() or room <= 0:
            return image
        density = self.devicePixelRatioF()
        wide = min(image.width(), room)
        pixels = min(image.width(), round(wide * density))
        shown = image.scaledToWidth(pixels, Qt.TransformationMode.SmoothTransformation)
        shown.setDevicePixelRatio(pixels / wide)
        return shown

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit the pictures to another width, once it stays."""
        super().resizeEvent(event)
        if self._room() != self._width:
            self._soon.start(0)

    def _room(self) -> int:
        viewport = self.viewport()
        if viewport is None:
            return 0
        # A document draws its pictures larger on screens of more than 96 dots an inch.
        room = (viewport.width() - _PAGE_MARGIN_PX) * _USUAL_DPI
        return room // max(_USUAL_DPI, self.logicalDpiX()) - 1

    def _fit_pictures(self) -> None:
        bar = self.verticalScrollBar()
        share = bar.value() / max(1, bar.maximum()) if bar is not None else 0.0
        self._width = self._room()
        if self.source().isValid():
            self.reload()
            self._show_marks(go=False)
        if bar is not None:
            bar.setValue(round(share * bar.maximum()))

    def _arrived(self) -> None:
        document = self.document()
        if document is not None:
            document.setDocumentMargin(_PAGE_MARGIN_PX / 2)
        self._width = self._room()
        self._show_marks(go=True)

    def _show_marks(self, go: bool) -> None:
        selections, document = [], self.document()
        assert document is not None
        shape = QTextCharFormat()
        shape.setBackground(QColor("#ffe08a"))
        shape.setForeground(QColor("#17202b"))
        for word in self._words:
            cursor = document.find(word)
            while not cursor.isNull():
                selection = QTextEdit.ExtraSelection()
                selection.cursor, selection.format = cursor, shape
                selections.append(selection)
                cursor = document.find(word, cursor)
        self.setExtraSelections(selections)
        self.marked.emit()
        if go and selections:
            self._go_to(min(selection.cursor.selectionStart() for selection in selections))

    def _go_to(self, place: int) -> None:
        cursor = self.textCursor()
        cursor.setPosition(place)
        cursor.movePosition(QTextCursor.MoveOperation.NoMove)
        self.setTextCursor(cursor)
        self.ensureCursorVisible()


class ManualWindow(QDialog):
    """Shows pages, leads to and fro between them, and finds words in all of them."""

    def __init__(self, parent: QWidget | None = None, folder: Path | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Manual")
        # A window beside the other, not in front of it.
        self.setWindowFlags(Qt.WindowType.Window)
        self.setModal(False)
        folder = folder or manual_dir()
        self.pages = read_pages(folder)
        self.page = ManualPage(folder)
        self.line, self.list = QLineEdit(), QListWidget()
        self.told = wrapped_label("" if self.pages else MISSING, "muted")
        self._make_parts()
        self._lay_out()
        self._show_list()
        self._fit()

    @property
    def name(self) -> str:
        """The page that is shown."""
        return self.page.name

    def go(self, name: str) -> None:
        """Show a page; the contents where there is none of this name."""
        known = {page.name for page in self.pages}
        if known:
            self.page.go(name if name in known else CONTENTS)

    def _make_parts(self) -> None:
        self.line.setPlaceholderText("Search the manual")
        self.line.setAccessibleName("Search the manual")
        self.line.setClearButtonEnabled(True)
        self.line.textChanged.connect(self._show_list)
        self.line.returnPressed.connect(self._open_first)
        self.list.setObjectName("settingsPages")
        self.list.setAccessibleName("Pages of the manual")
        self.list.setWordWrap(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(self._open)
        self.list.itemActivated.connect(self._open)
        self.back, self.forward = _button("&Back"), _button("&Forward")
        self.contents, self.next = _button("&Contents"), _button("&Next hit")
        self.close_button = _button("C&lose")
        self.back.clicked.connect(self.page.backward)
        self.forward.clicked.connect(self.page.forward)
        self.contents.clicked.connect(partial(self.go, CONTENTS))
        self.next.clicked.connect(partial(self.page.step, True))
        self.close_button.clicked.connect(self.close)
        self.page.historyChanged.connect(self._offer)
        self.page.marked.connect(self._offer)
        self.page.sourceChanged.connect(self._follow)
        for keys, act in (
            ("Ctrl+F", self._begin_search),
            ("F3", partial(self.page.step, True)),
            ("Shift+F3", partial(self.page.step, False)),
            ("Alt+Left", self.page.backward),
            ("Alt+Right", self.page.forward),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(act)
        self.next.setToolTip("Go to the next word that was looked for (F3)")
        self.back.setToolTip("The page before (Alt+Left)")
        self.forward.setToolTip("The page after (Alt+Right)")
        self._offer()

    def _lay_out(self) -> None:
        left, right = QWidget(), QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.line)
        column.addWidget(self.list, 1)
        column.addWidget(self.told)
        page = QVBoxLayout(right)
        page.setContentsMargins(0, 0, 0, 0)
        page.addWidget(self.page, 1)
        row = QHBoxLayout()
        for button in (self.back, self.forward, self.contents, self.next):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.close_button)
        page.addLayout(row)
        splitter = QSplitter()
        splitter.addWidget(left)
        splitter.addWidget(right)
        splitter.setChildrenCollapsible(False)
        splitter.setStretchFactor(1, 1)
        em = self.fontMetrics().averageCharWidth()
        splitter.setSizes([_LIST_EM * em, (_WIDTH_EM - _LIST_EM) * em])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(8, 8, 8, 8)
        outer.addWidget(splitter)
        self.line.setFocus()

    def _show_list(self) -> None:
        """List the contents, or what was found."""
        looked_for = self.line.text()
        self.list.clear()
        if not words_of(looked_for):
            for page in self.pages:
                self._add(page, page.title)
            self.told.setText("" if self.pages else MISSING)
            self.page.mark(())
            self._follow()
        else:
            hits = search(self.pages, looked_for)
            for hit in hits:
                self._add(hit.page, f"{hit.page.title}\n{hit.excerpt}")
            self.told.setText("" if hits else NOTHING_FOUND)
        self.told.setVisible(bool(self.told.text()))
        self._offer()

    def _add(self, page: Page, text: str) -> None:
        item = QListWidgetItem(text, self.list)
        item.setData(Qt.ItemDataRole.UserRole, page.name)
        item.setToolTip(text)
        lines = 4 if "\n" in text else 2
        item.setSizeHint(QSize(0, lines * self.fontMetrics().lineSpacing()))

    def _open(self, item: QListWidgetItem) -> None:
        self.go(item.data(Qt.ItemDataRole.UserRole))
        self.page.mark(words_of(self.line.text()))
        self._offer()

    def _open_first(self) -> None:
        item = self.list.item(0)
        if item is not None and words_of(self.line.text()):
            self.list.setCurrentItem(item)
            self._open(item)
            self.page.setFocus()

    def _begin_search(self) -> None:
        self.line.setFocus()
        self.line.selectAll()

    def _follow(self) -> None:
        for row in range(self.list.count()):
            item = self.list.item(row)
            if item is not None and item.data(Qt.ItemDataRole.UserRole) == self.name:
                self.list.setCurrentRow(row)

    def _offer(self) -> None:
        offer(self.back, "" if self.page.isBackwardAvailable() else "There is no page before")
        offer(self.forward, "" if self.page.isForwardAvailable() else "There is no page after")
        offer(self.next, "" if self.page.extraSelections() else "Nothing is looked for")

    def _fit(self) -> None:
        em = self.fontMetrics().averageCharWidth()
        width, height = _WIDTH_EM * em, _HEIGHT_EM * em
        screen = self.screen()
        if screen is not None:
            free = screen.availableGeometry()
            width, height = min(width, free.width() - 20), min(height, free.height() - 50)
        self.resize(width, height)


def _button(words: str) -> QPushButton:
    button = QPushButton(words)
    button.setAutoDefault(False)
    return button
