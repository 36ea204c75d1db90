"""Lists all models beside the card of the chosen one; installs, removes, checks and chooses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QByteArray, Qt
from PyQt6.QtGui import QDragEnterEvent, QDropEvent, QHideEvent, QResizeEvent, QShowEvent
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QMenu,
    QProgressBar,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from spinealign.domain.errors import SpineAlignError
from spinealign.domain.model_store import (
    ListedModel,
    ModelPlace,
    ModelStoreError,
    StoreProblem,
    Verified,
)
from spinealign.domain.protection import Right
from spinealign.ui.manual.manual_window import explain
from spinealign.ui.models.card_pane import CardPane
from spinealign.ui.models.desk import ModelDesk, Report
from spinealign.ui.models.jobs import Listing
from spinealign.ui.network.forms import Told, buttons_of, end_with_close, exchange, fit
from spinealign.ui.network.tables import Rows
from spinealign.ui.widgets.labels import offer, wrapped_label
from spinealign.ui.widgets.questions import ask
from spinealign.ui.work.tasks import Task
from spinealign.ui.workbench import Workbench
from spinealign.wording.model_manager import (
    ANSWERS_ALREADY,
    BUSY,
    CANDIDATE_ALREADY,
    CANNOT_ANSWER,
    DONE,
    END_SHADOW,
    END_USE,
    END_USE_TIP,
    FOLDER_TITLE,
    FROM_FOLDER,
    FROM_ZIP,
    HEADINGS,
    INSTALL,
    INSTALL_TIP,
    INTRODUCTION,
    IS_NAMED_FOLDER,
    IS_SHIPPED,
    KEEP_IT,
    LOADING,
    MODEL_LIST,
    MODELS_TITLE,
    NO_MODEL_CHOSEN,
    NO_OWN_MODELS,
    NOT_ADMINISTRATOR,
    NOT_IN_SHADOW,
    ONE_AT_A_TIME,
    PROGRESS,
    REMOVE,
    REMOVE_NOW,
    REMOVE_QUESTION,
    REMOVE_TIP,
    REPLACE_MEANS,
    REPLACE_NOW,
    REPLACE_QUESTION,
    SHADOW,
    SHADOW_TIP,
    STOP,
    STOPPED,
    STOPPING,
    USE,
    USE_TIP,
    VERIFY,
    VERIFY_TIP,
    WORKING,
    ZIP_FILTER,
    ZIP_TITLE,
    failure_text,
    model_cells,
    model_title,
    removal_text,
    use_text,
    verified_text,
)
from spinealign.wording.text import safe_text

_WIDTH_EM, _HEIGHT_EM = 160, 92
_SHARES, _CARD_EM = (66, 34), 34
"""Of list and card in the width, and what the card needs of it at least."""

_LOW_LINES = 26
"""A lower window than this has no room for its introduction."""


class ModelManager(QDialog):
    """The window of the models; what lies in it is the desk's, and the store's below that.

    Parameters
    ----------
    desk : ModelDesk
    bench : Workbench
        Knows where this window stood last time, and who is at work.
    """

    def __init__(self, desk: ModelDesk, bench: Workbench, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAcceptDrops(True)
        self.setWindowTitle(MODELS_TITLE)
        explain(self, "models")
        self._desk, self._bench = desk, bench
        self._listing, self._models = Listing(), dict[str, ListedModel]()
        self._task: Task | None = None
        self._kind = self._name = ""
        self._source = Path()
        self._wanted = ""
        self.list, self.card = Rows(MODEL_LIST, HEADINGS), CardPane()
        self.introduction = wrapped_label(INTRODUCTION, "muted")
        self.none_own = wrapped_label(NO_OWN_MODELS, "muted")
        self.told, self.progress = Told(), QProgressBar()
        self.install, self.remove = QPushButton(INSTALL), QPushButton(REMOVE)
        self.verify, self.use = QPushButton(VERIFY), QPushButton(USE)
        self.end_use = QPushButton(END_USE)
        self.shadow, self.end_shadow = QPushButton(SHADOW), QPushButton(END_SHADOW)
        self.stop = QPushButton(STOP)
        self._lay_out()
        self._connect()
        self._begin_listing()
        fit(self, _WIDTH_EM, _HEIGHT_EM)
        self.restoreGeometry(
            QByteArray.fromBase64(bench.preferences.state.models_geometry.encode())
        )
        self.resize(self.size().boundedTo(parent.size()))

    def _lay_out(self) -> None:
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.progress.setAccessibleName(PROGRESS)
        self.progress.setTextVisible(False)
        self.progress.setMaximumHeight(self.fontMetrics().height())
        self.progress.hide()
        self.none_own.hide()
        tips = (INSTALL_TIP, REMOVE_TIP, VERIFY_TIP, USE_TIP, END_USE_TIP, SHADOW_TIP)
        shown = (self.install, self.remove, self.verify, self.use, self.end_use, self.shadow)
        for button, tip in zip(shown, tips, strict=True):
            button.setToolTip(tip)
        for button in (self.end_use, self.end_shadow, self.stop):
            button.hide()
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.list, 1)
        column.addWidget(self.none_own)
        self.halves = QSplitter()
        self.halves.setChildrenCollapsible(False)
        self.halves.addWidget(left)
        self.halves.addWidget(self.card)
        self.card.setMinimumWidth(_CARD_EM * self.fontMetrics().averageCharWidth())
        for place, share in enumerate(_SHARES):
            self.halves.setStretchFactor(place, share)
        top = QWidget()
        above = QVBoxLayout(top)
        above.setContentsMargins(0, 0, 0, 0)
        above.addWidget(self.introduction)
        above.addWidget(self.halves, 1)
        above.addLayout(buttons_of(*shown, self.end_shadow, self.stop, None))
        end_with_close(self, top, self.progress, self.told)

    def _connect(self) -> None:
        menu = QMenu(self.install)
        folder, archive = menu.addAction(FROM_FOLDER), menu.addAction(FROM_ZIP)
        assert folder is not None
        assert archive is not None
        folder.triggered.connect(self._ask_folder)
        archive.triggered.connect(self._ask_zip)
        self.install.setMenu(menu)
        self._desk.listed.connect(self._show)
        self._desk.copied.connect(self._show_progress)
        self._bench.at_work.changed.connect(self._follow)
        self.list.itemSelectionChanged.connect(self._show_card)
        self.list.itemActivated.connect(lambda: self.card.setFocus())
        self.remove.clicked.connect(self._ask_removal)
        self.verify.clicked.connect(partial(self._run, "verify", self._desk.verify))
        self.use.clicked.connect(partial(self._run, "choose", self._desk.use))
        self.end_use.clicked.connect(partial(self._run, "end_use", self._desk.end_use))
        self.shadow.clicked.connect(partial(self._run, "shadow", self._desk.shadow))
        self.end_shadow.clicked.connect(partial(self._run, "end_shadow", self._desk.end_shadow))
        self.stop.clicked.connect(self.run_stop)

    # What is shown

    def _begin_listing(self) -> None:
        self.told.say(LOADING, "muted")
        self._follow()
        self._desk.refresh(self._fail)

    def _show(self, listing: Listing) -> None:
        models, self._listing = listing.models, listing
        if self.told.text() == LOADING:
            self.told.say("")
        self._models = {each.name: each for each in models}
        self.list.put([(model_cells(each), each.name) for each in models])
        self.none_own.setVisible(all(each.place is ModelPlace.SHIPPED for each in models))
        if self._wanted in self._models:
            self.list.choose(self._wanted)
        self._wanted = ""
        if self.list.current is None:
            self.list.setCurrentItem(self.list.topLevelItem(0))
        self._show_card()

    def _show_card(self) -> None:
        model = self._chosen
        files = () if model is None else self._listing.files.get(model.name, ())
        self.card.show_model(model, files)
        self._follow()

    @property
    def _chosen(self) -> ListedModel | None:
        names = self.list.chosen
        return self._models.get(str(names[0])) if names else None

    def _follow(self) -> None:
        """Offer what can be done with the model that is chosen, and say why the rest cannot."""
        model, is_busy = self._chosen, self._task is not None
        may = self._bench.at_work.refusal(Right.CHANGE_MODELS, NOT_ADMINISTRATOR)
        busy = BUSY if is_busy else ""
        none = busy or ("" if model is not None else NO_MODEL_CHOSEN)
        offer(self.install, busy or may)
        offer(self.verify, none)
        offer(self.remove, none or may or ("" if model is None else _why_stays(model)))
        why_not_used = "" if model is None else _why_not_used(model)
        offer(self.use, none or may or why_not_used)
        offer(self.end_use, none or may)
        exchange(self.use, self.end_use, not (why_not_used and model and model.is_chosen))
        offer(self.shadow, none or may or ("" if model is None else _why_no_candidate(model)))
        offer(self.end_shadow, none or may)
        exchange(self.shadow, self.end_shadow, model is None or not model.is_shadow)
        self._show_stop(is_busy and self._kind == "install")
        self.progress.setVisible(is_busy)

    def _show_stop(self, is_shown: bool) -> None:
        if self.stop.hasFocus() and not is_shown:
            self.list.setFocus()
        self.stop.setVisible(is_shown)

    # What is done

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, FOLDER_TITLE, self._last_folder)
        if name:
            self.run_install(Path(name))

    def _ask_zip(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, ZIP_TITLE, self._last_folder, ZIP_FILTER)
        if name:
            self.run_install(Path(name))

    @property
    def _last_folder(self) -> str:
        return self._bench.preferences.state.last_folder

    def run_install(self, path: Path, is_replacing: bool = False) -> None:
        """Copy a model folder or zip file to the person's own models."""
        self._source = path
        self._watch(self._desk.install(path, is_replacing, self._fail), "install", path.name)

    def _ask_replacing(self, name: str) -> None:
        """Ask whether another model of that name may go, as that is all that is wrong."""
        question = REPLACE_QUESTION.format(name=safe_text(name))
        words = MODELS_TITLE, question, REPLACE_MEANS, REPLACE_NOW, KEEP_IT
        ask(self, words, partial(self.run_install, self._source, True))

    def _ask_removal(self) -> None:
        model = self._chosen
        if model is None:
            return
        title = model_title(model)
        question, more = REMOVE_QUESTION.format(name=title), removal_text(model)
        words = MODELS_TITLE, question, more, REMOVE_NOW, KEEP_IT
        ask(self, words, partial(self._run, "remove", self._desk.remove))

    def _run(
        self, kind: str, begin: Callable[[ListedModel, Report], Task], _checked: bool = False
    ) -> None:
        model = self._chosen
        if model is not None:
            self._watch(begin(model, self._fail), kind, model_title(model))

    def _watch(self, task: Task, kind: str, name: str) -> None:
        self._task, self._kind, self._name = task, kind, safe_text(name)
        # Methods of a Qt object are let go with it: this window may be closed before the end.
        task.finished.connect(self._end)
        task.cancelled.connect(self._stopped)
        self.progress.setRange(0, 0)
        self.told.say(WORKING[kind].format(name=safe_text(name)), "muted")
        self._follow()

    def _show_progress(self, fraction: float) -> None:
        # Once all is copied the network is tried, and nobody knows how long that takes.
        self.progress.setRange(0, 1000 if fraction < 1 else 0)
        self.progress.setValue(round(1000 * fraction))

    def run_stop(self) -> None:
        """Install nothing."""
        self._desk.stop()
        self.told.say(STOPPING, "muted")

    def _end(self, result: object) -> None:
        name, self._task = self._name, None
        if isinstance(result, Verified):
            self.told.say(verified_text(result, name), "good" if result.is_sound else "danger")
        else:
            if isinstance(result, ListedModel):
                self._wanted, name = result.name, model_title(result)
            done = DONE[self._kind].format(name=name)
            if isinstance(result, ListedModel) and self._kind == "end_use":
                done = f"{done} {use_text(result)}"
            self.told.say(done, "good")
        self._follow()

    def _stopped(self) -> None:
        self._task = None
        self.told.say(STOPPED, "warning")
        self._follow()

    def _fail(self, error: Exception) -> None:
        """Say why it was not done, and offer all again."""
        self._task = None
        if isinstance(error, SpineAlignError):
            self.told.say(failure_text(error), "danger")
        else:
            self.told.say("")
            self._bench.messages.report(error)
        self._follow()
        if isinstance(error, ModelStoreError) and error.problem is StoreProblem.OTHER_INSTALLED:
            self._ask_replacing(error.name)

    # Dropped, and where it stands

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take files and folders, nothing else."""
        data = None if event is None else event.mimeData()
        if event is not None and data is not None and data.hasUrls() and self.install.isEnabled():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Install what was dropped."""
        data = None if event is None else event.mimeData()
        if event is None or data is None:
            return
        event.acceptProposedAction()
        paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        if len(paths) == 1:
            self.run_install(paths[0])
        else:
            self.told.say(ONE_AT_A_TIME, "danger")

    def reject(self) -> None:
        """Close, and install nothing any more."""
        self._desk.stop()
        super().reject()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Share the width between list and card."""
        super().showEvent(event)
        self.halves.setSizes([share * self.width() // 100 for share in _SHARES])

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Leave most of a low window to list and card."""
        super().resizeEvent(event)
        self.introduction.setVisible(self.height() > _LOW_LINES * self.fontMetrics().height())

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Remember where this window stood."""
        geometry = self.saveGeometry().toBase64().data().decode()
        self._bench.preferences.note(models_geometry=geometry)
        super().hideEvent(event)


def _why_stays(model: ListedModel) -> str:
    """Return why the program does not take a model away; empty where it does."""
    reasons = {ModelPlace.SHIPPED: IS_SHIPPED, ModelPlace.NAMED_FOLDER: IS_NAMED_FOLDER}
    return "" if model.can_be_removed else reasons[model.place]


def _why_not_used(model: ListedModel) -> str:
    """Return why a model cannot be made the one that answers; empty where it can."""
    if model.card is None:
        return CANNOT_ANSWER
    if model.card.is_for_all:
        return ANSWERS_ALREADY if model.answers_all else ""
    kinds = {*model.card.examinations, *filter(model.card.serves, model.card.image_kinds)}
    answers = bool(kinds) and kinds <= {*model.answers_for, *model.answers_alone}
    return ANSWERS_ALREADY if answers else ""


def _why_no_candidate(model: ListedModel) -> str:
    """Return why a model cannot run in shadow; empty where it can."""
    if model.card is None:
        return CANNOT_ANSWER
    return NOT_IN_SHADOW.get(model.card.task, "") or (CANDIDATE_ALREADY if model.answers else "")
