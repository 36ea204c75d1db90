"""All lasting choices on a few pages, taken over with OK or Apply and not before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.dicom_choices import LONGEST_ROOT
from spinealign.domain.report_details import ReportPart
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.settings.letterhead import institution
from spinealign.ui.settings.preferences import Preferences
from spinealign.ui.settings.settings import (
    FEWEST_CASE_MB,
    FEWEST_LOCK_MINUTES,
    FEWEST_SLICE_MB,
    MOST_CASE_MB,
    MOST_LOCK_MINUTES,
    MOST_SLICE_MB,
    OverlayStyle,
    Settings,
    ThemeChoice,
)
from spinealign.ui.widgets.labels import without_icons, wrapped_label
from spinealign.ui.window.logo_choice import LogoChoice
from spinealign.ui.window.measure_choice import MeasureChoice
from spinealign.ui.window.settings_form import (
    Editor,
    MegabytesBox,
    PageName,
    SettingsForm,
    SettingsPage,
)
from spinealign.wording.settings_window import (
    LENGTH_WORDS,
    LETTERHEAD_NOTE,
    NOT_A_PICTURE,
    NOTHING_TAKEN,
    OVERLAY_IS_OFF,
    PAPER_WORDS,
    PART_WORDS,
    RESTORE_TIP,
    SETTING_WORDS,
    memory_text,
)

THEMES: Mapping[ThemeChoice, str] = {
    ThemeChoice.SYSTEM: "As the system",
    ThemeChoice.LIGHT: "Light",
    ThemeChoice.DARK: "Dark",
}
STYLES: Mapping[OverlayStyle, str] = {
    OverlayStyle.FILLED: "Filled areas",
    OverlayStyle.OUTLINES: "Outlines only",
}
NEVER_RESTORED = frozenset(
    {"phrases", "reader_name", "institution_name", "institution_address", "dicom_uid_root"}
)
"""What a person typed: it has no default worth having back."""

_WIDTH_EM, _HEIGHT_EM, _LIST_EM = 96, 84, 17
_MOST_OF_THE_PAGE = 1000


@dataclass(frozen=True)
class MemoryUse:
    """How many bytes results and pictures take now."""

    cases: int
    slices: int


class SettingsDialog(QDialog):
    """Shows the settings in use; `confirmed` brings those, and the logo, that a person wants.

    Nothing changes before OK or Apply; Cancel leaves everything as it was then.

    Parameters
    ----------
    preferences : Preferences
    use : MemoryUse
        What is used now.
    page : PageName
        Shown first.
    """

    confirmed = pyqtSignal(object, bytes)
    phrases_wanted = pyqtSignal()
    clear_recent_wanted = pyqtSignal()
    places_wanted = pyqtSignal()
    encryption_wanted = pyqtSignal()

    def __init__(
        self, preferences: Preferences, use: MemoryUse, page: PageName, parent: QWidget | None
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Settings")
        explain(self, "settings")
        self._preferences = preferences
        self.form = SettingsForm(preferences.settings, self)
        self._kept_logo = institution(preferences).logo_png
        self.logo = LogoChoice()
        self.logo.show_logo(self._kept_logo)
        self.problem = wrapped_label("", "warning")
        self.problem.hide()
        self._overlay_is_off = wrapped_label(OVERLAY_IS_OFF, "warning")
        self.pages = QStackedWidget()
        for made in self._make_pages(use):
            self.pages.addWidget(made.end())
        self.list = self._make_list()
        self.buttons = self._make_buttons()
        self._lay_out()
        self.form.begin()
        self.form.edited.connect(self._offer)
        self.logo.edited.connect(self._offer)
        self.logo.refused.connect(lambda: self._tell(NOT_A_PICTURE.sentence, NOT_A_PICTURE.advice))
        self.list.setCurrentRow(list(PageName).index(page))
        self._offer()
        self._fit()

    @property
    def page(self) -> SettingsPage:
        """The page that is shown."""
        shown = self.pages.currentWidget()
        assert isinstance(shown, SettingsPage)
        return shown

    def accept(self) -> None:
        """Take everything over, and close, unless something typed cannot be taken over."""
        if self.apply():
            super().accept()

    def apply(self) -> bool:
        """Take everything over, and go on; return whether all of it can be."""
        if self._is_refused():
            return False
        if not self.is_changed:
            return True
        # Of what is edited elsewhere, such as phrases, the latest counts.
        settings = replace(self._preferences.settings, **self.form.changes)
        self._kept_logo = self.logo.png
        self.form.begin()
        self.confirmed.emit(settings, self._kept_logo)
        self._offer()
        return True

    def _is_refused(self) -> bool:
        """Go to what cannot be taken over, and say why."""
        name, words = self.form.problem
        if not name:
            return False
        place = next(
            number for number in range(self.pages.count()) if name in self._page_at(number).names
        )
        self.list.setCurrentRow(place)
        self.form[name].widget.setFocus()
        self._tell(words, NOTHING_TAKEN)
        return True

    def _page_at(self, number: int) -> SettingsPage:
        page = self.pages.widget(number)
        assert isinstance(page, SettingsPage)
        return page

    @property
    def is_changed(self) -> bool:
        """Whether anything is not as it is in use."""
        return bool(self.form.changes) or self.logo.png != self._kept_logo

    def restore(self) -> None:
        """Show the page as it was when the program was new."""
        self.form.show(Settings(), set(self.page.names) - NEVER_RESTORED)

    # Pages

    def _make_pages(self, use: MemoryUse) -> list[SettingsPage]:
        return [
            self._general(),
            self._picture(),
            self._measures(),
            self._reading(),
            self._reports(),
            self._privacy(),
            self._memory(use),
        ]

    def _general(self) -> SettingsPage:
        page, form = SettingsPage(PageName.GENERAL), self.form
        page.put("theme", form.choice("theme", THEMES))
        page.put("analyses_at_once", form.tick("analyses_at_once"))
        page.put("wheel_leafs", form.tick("wheel_leafs"))
        return page

    def _picture(self) -> SettingsPage:
        page, form = SettingsPage(PageName.PICTURE), self.form
        page.say("What lies over a picture when it is opened, and now:", "muted")
        for name in (
            "show_overlay", "show_measures", "show_heatmap", "show_reference_lines",
        ):  # fmt: skip
            page.put(name, form.tick(name))
            if name == "show_measures":
                page.column.addWidget(self._overlay_is_off)
        overlay = form["show_overlay"].widget
        assert isinstance(overlay, QCheckBox)
        overlay.toggled.connect(self._overlay_is_off.setHidden)
        self._overlay_is_off.setHidden(overlay.isChecked())
        page.put("overlay_style", form.choice("overlay_style", STYLES))
        page.put("overlay_opacity", form.share("overlay_opacity"))
        return page

    def _measures(self) -> SettingsPage:
        page, form, choice = SettingsPage(PageName.MEASURES), self.form, MeasureChoice()
        settings = self._preferences.settings
        # One editor for two fields: each shows both as they are, with its own one new.
        form.add(
            "shown_measures",
            Editor(choice, lambda: choice.shown, lambda t: choice.show_choice(t, choice.hidden)),
        )
        form.add(
            "hidden_measures",
            Editor(choice, lambda: choice.hidden, lambda t: choice.show_choice(choice.shown, t)),
        )
        choice.show_choice(settings.shown_measures, settings.hidden_measures)
        choice.edited.connect(form.edited)
        words = SETTING_WORDS["shown_measures"]
        label = QLabel(words.label)
        label.setBuddy(choice)
        page.column.addWidget(label)
        page.column.addWidget(choice, _MOST_OF_THE_PAGE)
        page.say(words.note, "muted")
        choice.setAccessibleName(words.label.replace("&", ""))
        page.names += ["shown_measures", "hidden_measures"]
        page.put("drawn_lengths", form.choice("drawn_lengths", LENGTH_WORDS))
        return page

    def _reading(self) -> SettingsPage:
        page, form = SettingsPage(PageName.READING), self.form
        page.put("reader_name", form.line("reader_name"))
        page.put("asks_password_to_sign", form.tick("asks_password_to_sign"))
        page.column.addWidget(_button(SETTING_WORDS["phrases"].label, self.phrases_wanted.emit))
        page.say(SETTING_WORDS["phrases"].note, "muted")
        return page

    def _reports(self) -> SettingsPage:
        page, form = SettingsPage(PageName.REPORTS), self.form
        for name in ("institution_name", "institution_address"):
            page.put(name, form.line(name))
        page.put("logo", self.logo)
        page.names.remove("logo")
        page.say(LETTERHEAD_NOTE, "muted")
        page.put("paper", form.choice("paper", PAPER_WORDS))
        page.say(SETTING_WORDS["left_out_parts"].label)
        parts = {part: QCheckBox(words) for part, words in PART_WORDS.items()}
        for box in parts.values():
            box.toggled.connect(form.edited)
            page.column.addWidget(box)

        def left_out() -> tuple[ReportPart, ...]:
            return tuple(part for part, box in parts.items() if not box.isChecked())

        def show(wanted: tuple[ReportPart, ...]) -> None:
            for part, box in parts.items():
                box.setChecked(part not in wanted)

        form.add("left_out_parts", Editor(page, left_out, show))
        page.names.append("left_out_parts")
        page.say(SETTING_WORDS["left_out_parts"].note, "muted")
        root = form.line("dicom_uid_root")
        root.setMaxLength(LONGEST_ROOT)
        page.put("dicom_uid_root", root)
        page.put("dicom_label_map", form.tick("dicom_label_map"))
        return page

    def _privacy(self) -> SettingsPage:
        page, form = SettingsPage(PageName.PRIVACY), self.form
        for name in ("hide_patient_data", "remember_recent"):
            page.put(name, form.tick(name))
        self.lock_after = form.minutes("lock_after_minutes", FEWEST_LOCK_MINUTES, MOST_LOCK_MINUTES)
        page.put("lock_after_minutes", self.lock_after)
        self.lock_note = page.say("", "muted")
        self.lock_note.hide()
        page.column.addWidget(_button("&Clear recent files now", self.clear_recent_wanted.emit))
        page.column.addWidget(_button("&File locations…", self.places_wanted.emit))
        self.encryption = _button("&Encryption without accounts…", self.encryption_wanted.emit)
        page.column.addWidget(self.encryption)
        return page

    def offer_lock_minutes(self, reason: str) -> None:
        """Let the minutes until it locks be changed, or say below them why not."""
        self.lock_after.setEnabled(not reason)
        self.lock_after.setToolTip(reason)
        self.lock_note.setText(reason)
        self.lock_note.setVisible(bool(reason))

    def _memory(self, use: MemoryUse) -> SettingsPage:
        page, form = SettingsPage(PageName.MEMORY), self.form
        for name, least, most, used in (
            ("case_memory_mb", FEWEST_CASE_MB, MOST_CASE_MB, use.cases),
            ("slice_memory_mb", FEWEST_SLICE_MB, MOST_SLICE_MB, use.slices),
        ):
            told = wrapped_label("")
            box = form.megabytes(name, least, most)
            tell = partial(_tell_memory, told, box, used)
            box.valueChanged.connect(tell)
            tell()
            page.put(name, box, told)
        return page

    # The frame around them

    def _make_list(self) -> QListWidget:
        pages = QListWidget()
        for name in PageName:
            item = QListWidgetItem(name.value, pages)
            item.setSizeHint(QSize(0, 2 * self.fontMetrics().lineSpacing()))
        pages.setObjectName("settingsPages")
        pages.setAccessibleName("Pages of the settings")
        pages.setFixedWidth(_LIST_EM * self.fontMetrics().averageCharWidth())
        pages.currentRowChanged.connect(self.pages.setCurrentIndex)
        return pages

    def _make_buttons(self) -> QDialogButtonBox:
        kind = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(kind.Ok | kind.Cancel | kind.Apply | kind.RestoreDefaults)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        buttons.clicked.connect(self._clicked)
        without_icons(buttons)
        restore = buttons.button(kind.RestoreDefaults)
        assert restore is not None
        restore.setToolTip(RESTORE_TIP)
        restore.setText("Restore &defaults")
        return buttons

    def _clicked(self, button: QAbstractButton) -> None:
        standard, kind = self.buttons.standardButton(button), QDialogButtonBox.StandardButton
        if standard == kind.Apply:
            self.apply()
        elif standard == kind.RestoreDefaults:
            self.restore()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.list)
        row.addWidget(self.pages, 1)
        column = QVBoxLayout(self)
        column.addLayout(row, 1)
        column.addWidget(self.problem)
        column.addWidget(self.buttons)

    def _offer(self) -> None:
        """Offer what changed, and take back what was said of the state before."""
        if self.problem.isVisible() and not self.form.problem[0]:
            self.problem.hide()
        apply = self.buttons.button(QDialogButtonBox.StandardButton.Apply)
        assert apply is not None
        apply.setEnabled(self.is_changed)

    def _tell(self, sentence: str, advice: str) -> None:
        self.problem.setText(f"{sentence} {advice}")
        self.problem.show()

    def _fit(self) -> None:
        em = self.fontMetrics().averageCharWidth()
        width, height = _WIDTH_EM * em, _HEIGHT_EM * em
        parent = self.parentWidget()
        if parent is not None:
            width, height = min(width, parent.width() - 40), min(height, parent.height() - 60)
        self.resize(width, height)


def _tell_memory(told: QLabel, box: MegabytesBox, used: int, _chosen: int = 0) -> None:
    """Say beside a number of megabytes what is used now, and what the number would do."""
    told.setText(memory_text(used, box.value(), box.least, box.most))
    told.setProperty("kind", "" if box.is_within else "warning")
    style = told.style()
    if style is not None:
        style.polish(told)


def _button(words: str, act: Callable[[], object]) -> QPushButton:
    button = QPushButton(words)
    button.clicked.connect(lambda: act())
    return button
