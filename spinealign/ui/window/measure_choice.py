"""Which measures are drawn on the picture: a list of all, in groups, with a tick each."""

from __future__ import annotations

from collections.abc import Mapping

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtWidgets import QTreeWidget, QTreeWidgetItem, QWidget

from spinealign.domain.measures import MEASURES, DrawnOn, Extent, MeasureGroup
from spinealign.wording.definitions import GROUP_TITLES
from spinealign.wording.measures import measure_name

_CODE = Qt.ItemDataRole.UserRole
_BETWEEN = "|"
_LEAST_LINES = 9


def codes_by_group() -> Mapping[MeasureGroup, tuple[str, ...]]:
    """Return the measures that the program takes by itself, in the order of the tables."""
    found: dict[MeasureGroup, list[str]] = {}
    for definition in MEASURES.values():
        if definition.extent is not Extent.DRAWING:
            found.setdefault(definition.group, []).append(definition.code.value)
    return {group: tuple(found[group]) for group in MeasureGroup if group in found}


class MeasureChoice(QTreeWidget):
    """Edits the settings `shown_measures` and `hidden_measures` together.

    A tick is for all levels of a measure. Levels that were ticked one by one in the table stay as
    they are until the measure itself is ticked here or not; its box is filled half till then.
    """

    edited = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("measures")
        self.setHeaderHidden(True)
        self.setMinimumHeight(_LEAST_LINES * self.fontMetrics().lineSpacing())
        self._items: dict[str, QTreeWidgetItem] = {}
        for group, codes in codes_by_group().items():
            top = QTreeWidgetItem([GROUP_TITLES[group]])
            top.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            self.addTopLevelItem(top)
            for code in codes:
                name = measure_name(MEASURES_BY_NAME[code])
                item = QTreeWidgetItem([f"{name[0].upper()}{name[1:]}"])
                item.setSizeHint(0, QSize(0, 3 * self.fontMetrics().lineSpacing() // 2))
                item.setData(0, _CODE, code)
                top.addChild(item)
                self._items[code] = item
            top.setExpanded(True)
        self._ticks: dict[str, bool] = {}
        self.itemChanged.connect(self._take)

    def show_choice(self, shown: tuple[str, ...], hidden: tuple[str, ...]) -> None:
        """Show which measures are drawn."""
        self._ticks = {**dict.fromkeys(shown, True), **dict.fromkeys(hidden, False)}
        self.blockSignals(True)
        for code, item in self._items.items():
            item.setCheckState(0, self._state(code))
        self.blockSignals(False)
        viewport = self.viewport()
        assert viewport is not None
        viewport.update()

    @property
    def shown(self) -> tuple[str, ...]:
        """Measures, and levels of measures, that are drawn against the default."""
        return tuple(text for text, on in self._ticks.items() if on)

    @property
    def hidden(self) -> tuple[str, ...]:
        """Measures, and levels of measures, that are not drawn against the default."""
        return tuple(text for text, on in self._ticks.items() if not on)

    def _state(self, code: str) -> Qt.CheckState:
        of_all = self._ticks.get(code, _is_usual(code))
        levels = {on for text, on in self._ticks.items() if _is_level_of(text, code)}
        if levels - {of_all}:
            return Qt.CheckState.PartiallyChecked
        return Qt.CheckState.Checked if of_all else Qt.CheckState.Unchecked

    def _take(self, item: QTreeWidgetItem) -> None:
        code, state = item.data(0, _CODE), item.checkState(0)
        if code is None or state is Qt.CheckState.PartiallyChecked:
            return
        kept = {t: on for t, on in self._ticks.items() if t != code and not _is_level_of(t, code)}
        wanted = state is Qt.CheckState.Checked
        # Without levels the default needs no note; a later version may have another one.
        self._ticks = kept if wanted == _is_usual(code) else {**kept, code: wanted}
        self.edited.emit()


MEASURES_BY_NAME = {code.value: code for code in MEASURES}


def _is_level_of(text: str, code: str) -> bool:
    return text.startswith(code + _BETWEEN)


def _is_usual(code: str) -> bool:
    return MEASURES[MEASURES_BY_NAME[code]].drawn_on is DrawnOn.SCREEN_AND_REPORT
