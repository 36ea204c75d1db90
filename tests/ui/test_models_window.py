"""The window of the models by mouse and keys: listed, installed, removed, checked, chosen."""

from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QFileDialog, QLabel, QMessageBox, QPushButton

from spinealign.domain.errors import ModelError, ModelProblem
from spinealign.domain.examination import ImageKind
from spinealign.domain.model_store import (
    BrokenFile,
    FileState,
    ListedModel,
    ModelPlace,
    ModelStoreError,
    ShadowOutline,
    ShadowResult,
    Signature,
    SignatureState,
    StoreProblem,
    Verified,
)
from spinealign.domain.protection import Right
from spinealign.model_store import ModelStore
from spinealign.ui.models.manager_dialog import ModelManager
from spinealign.ui.widgets.labels import Fold
from spinealign.wording.finding_text import finding_text
from spinealign.wording.model_manager import REMOVE_MEANS_IN_USE, removal_text
from tests.core.test_catalog import MODULES_THAT_LOOK, write_model
from tests.fakes import own_model
from tests.phantoms import mr_model
from tests.ui.access_keys import clashing_keys, unnamed

LEFT = Qt.MouseButton.LeftButton
CT, MR = "ct_fracture_vgg16", "mr_sagittal_unet"


@pytest.fixture
def manage(qtbot, window):
    """Return a function that opens the window of the models by its keys and waits for the list."""

    def run(*own):
        window.resize(1284, 691)
        window.workbench.services.open_models(None).models.extend(own)
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        QTest.keyClick(window, Qt.Key.Key_M, keys)
        qtbot.waitUntil(lambda: window.findChild(ModelManager) is not None)
        dialog = window.findChild(ModelManager)
        qtbot.waitUntil(lambda: dialog.list.topLevelItemCount() > 0)
        return dialog

    return run


def words_of(widget):
    return "\n".join(label.text() for label in widget.findChildren(QLabel))


def cells(dialog, name):
    for place in range(dialog.list.topLevelItemCount()):
        item = dialog.list.topLevelItem(place)
        if item.data(0, Qt.ItemDataRole.UserRole) == name:
            return [item.text(column) for column in range(dialog.list.columnCount())]
    raise AssertionError(name)


def pick(dialog, name):
    """Click the row of a model."""
    for place in range(dialog.list.topLevelItemCount()):
        item = dialog.list.topLevelItem(place)
        if item.data(0, Qt.ItemDataRole.UserRole) == name:
            where = dialog.list.visualItemRect(item).center()
            QTest.mouseClick(dialog.list.viewport(), LEFT, pos=QPoint(20, where.y()))
            return
    raise AssertionError(name)


def press(qtbot, dialog, button):
    """Click a button and wait until what it began is done."""
    assert button.isEnabled(), button.toolTip()
    QTest.mouseClick(button, LEFT)
    rest(qtbot, dialog)


def rest(qtbot, dialog):
    qtbot.waitUntil(lambda: dialog._task is None and not dialog._desk._runner.is_busy)


def answer(qtbot, dialog, words):
    """Press a button of the question that stands over a dialog."""
    qtbot.waitUntil(lambda: bool(dialog.findChildren(QMessageBox)))
    [box] = dialog.findChildren(QMessageBox)
    [button] = [each for each in box.findChildren(QPushButton) if each.text() == words]
    QTest.mouseClick(button, LEFT)
    QApplication.processEvents()


def drop(dialog, *paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, keys = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), copy, data, LEFT, keys)
    QApplication.sendEvent(dialog, enter)
    if enter.isAccepted():
        QApplication.sendEvent(dialog, QDropEvent(QPointF(5, 5), copy, data, LEFT, keys))
    return enter.isAccepted()


def test_shipped_and_own_models_are_listed_with_all_that_tells_them_apart(manage):
    dialog = manage(own_model("ward", SignatureState.TRUSTED))
    assert cells(dialog, CT) == [
        "CT fracture classifier (VGG16)", "answers", "SpineAlign", "demonstration",
        "Classification", "Neck CT", "1.0.0",
    ]  # fmt: skip
    assert cells(dialog, "ward") == [
        "Own ward", "", "own, signer trusted", "internally validated", "Outlines", "Spine MR",
        "2.1",
    ]  # fmt: skip
    assert dialog.none_own.isHidden()


def test_without_own_models_the_window_says_how_to_get_some(manage):
    dialog = manage()
    assert dialog.none_own.isVisible()
    assert "spinealign package" in dialog.none_own.text()


def test_the_card_says_in_words_what_the_model_is(manage):
    dialog = manage(own_model("ward", SignatureState.TRUSTED))
    pick(dialog, "ward")
    said = words_of(dialog.card)
    for words in (
        "Own ward", "INTERNALLY VALIDATED MODEL", "Drawings; no patient, no network.",
        "dice, disc: 0.9 (95 % CI 0.88 to 0.92; 12 independent units)", "GPL-3.0-or-later",
        "Everything that is not drawn by the tests.", "It is not asked now.",
        "Signed by Our ward, who is trusted.",
    ):  # fmt: skip
        assert words in said
    pick(dialog, CT)
    said = words_of(dialog.card)
    assert "It answers for: Neck CT." in said
    assert "“fracture” is reported from 0.50 on; probabilities are not calibrated" in said


def test_all_figures_are_written_when_they_are_asked_for(manage):
    dialog = manage()
    [fold] = dialog.card.findChildren(Fold)
    before = words_of(fold)
    fold.findChild(QPushButton).click()
    assert "0.88 to 0.92" in words_of(fold)
    assert "0.88 to 0.92" not in before


def test_a_damaged_model_is_listed_and_can_only_be_removed(manage):
    signature = Signature(SignatureState.UNSIGNED)
    where = Path("profile/models/torn")
    torn = ListedModel("torn", ModelPlace.INSTALLED, where, None, "limits are missing", signature)
    dialog = manage(torn)
    assert cells(dialog, "torn")[:2] == ["torn", "damaged"]
    pick(dialog, "torn")
    assert "limits are missing." in words_of(dialog.card)
    offered = [b.isEnabled() for b in (dialog.remove, dialog.verify, dialog.use, dialog.shadow)]
    assert offered == [True, True, False, False]


def test_what_came_with_the_program_stays(manage):
    dialog = manage()
    pick(dialog, CT)
    assert not dialog.remove.isEnabled()
    assert "came with SpineAlign" in dialog.remove.toolTip()
    assert "answers already" in dialog.use.toolTip()
    assert "its own candidate" in dialog.shadow.toolTip()


def test_a_model_is_used_and_the_shipped_one_used_again(qtbot, manage, fake):
    dialog = manage(own_model("ward"))
    pick(dialog, "ward")
    press(qtbot, dialog, dialog.use)
    assert cells(dialog, "ward")[1] == "answers"
    assert cells(dialog, MR)[1] == ""
    assert "“Own ward” answers" in dialog.told.text()
    assert not dialog.use.isEnabled()
    pick(dialog, MR)
    press(qtbot, dialog, dialog.use)
    assert cells(dialog, MR)[1] == "answers"
    assert cells(dialog, "ward")[1] == ""
    assert [call for call, _ in fake.installed.calls] == ["choose", "choose_shipped"]


@pytest.mark.parametrize("is_alone", [True, False])
def test_a_model_that_was_chosen_is_let_go(qtbot, manage, fake, is_alone):
    mine = replace(own_model("ward"), is_chosen=True)
    if is_alone:
        films = (ImageKind.OBLIQUE_FILM,)
        card = replace(mine.card, task="landmarks", examinations=(), image_kinds=films)
        mine = replace(mine, card=card, answers_alone=films)
    else:
        mine = replace(mine, answers_for=mine.card.examinations)
    dialog = manage(mine)
    pick(dialog, MR)
    assert dialog.end_use.isHidden()
    pick(dialog, "ward")
    assert dialog.use.isHidden()
    assert cells(dialog, "ward")[1] == "answers"
    press(qtbot, dialog, dialog.end_use)
    assert fake.installed.calls == [("end_use", "ward")]
    assert cells(dialog, "ward")[1] == ""
    assert dialog.told.text() == "“Own ward” is not chosen any more. It is not asked now."
    assert dialog.end_use.isHidden()
    assert dialog.use.isEnabled()


def test_removing_says_of_which_images_no_model_is_asked_then(manage):
    mine = replace(own_model("ward"), is_chosen=True, answers_alone=(ImageKind.OBLIQUE_FILM,))
    told = removal_text(mine)
    assert told.endswith("and then none is: Oblique film of the spine.")
    assert REMOVE_MEANS_IN_USE not in told


def test_a_candidate_runs_in_shadow_until_it_is_ended(qtbot, manage):
    dialog = manage(own_model("ward"))
    pick(dialog, "ward")
    press(qtbot, dialog, dialog.shadow)
    assert cells(dialog, "ward")[1] == "candidate"
    assert dialog.shadow.isHidden()
    assert "runs in shadow" in words_of(dialog.card)
    press(qtbot, dialog, dialog.end_shadow)
    assert cells(dialog, "ward")[1] == ""
    assert dialog.end_shadow.isHidden()


@pytest.mark.parametrize("source", ["folder", "zip"])
def test_a_model_is_installed_and_chosen_in_the_list(qtbot, manage, fake, monkeypatch, source):
    dialog = manage()
    wanted = Path("/data/ward.zip" if source == "zip" else "/data/ward")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(wanted))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(wanted), ""))
    [action] = [each for each in dialog.install.menu().actions() if source in each.text()]
    action.trigger()
    rest(qtbot, dialog)
    assert fake.installed.calls == [("install", wanted)]
    assert dialog._chosen.name == "ward"
    assert dialog.told.text().startswith("“Own ward” is installed.")
    assert dialog.none_own.isHidden()


def test_a_dropped_folder_is_installed_and_two_are_not(qtbot, manage, fake):
    dialog = manage()
    assert drop(dialog, "/data/one", "/data/two")
    assert "one model folder" in dialog.told.text()
    assert fake.installed.calls == []
    assert drop(dialog, "/data/ward")
    rest(qtbot, dialog)
    assert fake.installed.calls == [("install", Path("/data/ward"))]


def test_a_refusal_is_one_sentence_with_what_to_do(qtbot, manage, fake):
    dialog = manage()
    fake.installed.failure = ModelStoreError(StoreProblem.NO_CARD, "holiday")
    dialog.run_install(Path("/data/holiday"))
    rest(qtbot, dialog)
    assert "“holiday”" in dialog.told.text()
    assert dialog.told.property("kind") == "danger"
    assert dialog.install.isEnabled()
    assert dialog.progress.isHidden()


def test_an_installation_is_stopped_and_leaves_nothing(qtbot, manage, fake):
    dialog = manage()
    fake.installed.hold = True
    dialog.run_install(Path("/data/ward"))
    qtbot.waitUntil(fake.installed.reached.is_set)
    qtbot.waitUntil(lambda: dialog.progress.value() == 300)
    assert dialog.stop.isVisible()
    assert not dialog.install.isEnabled()
    QTest.mouseClick(dialog.stop, LEFT)
    fake.installed.gate.set()
    rest(qtbot, dialog)
    assert [one.name for one in fake.installed.models] == [CT, MR]
    assert dialog.told.text() == "Stopped. Nothing was installed."
    assert dialog.stop.isHidden()


def test_closing_stops_an_installation(qtbot, manage, fake, window):
    dialog = manage()
    desk = dialog._desk
    fake.installed.hold = True
    dialog.run_install(Path("/data/ward"))
    qtbot.waitUntil(fake.installed.reached.is_set)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    fake.installed.gate.set()
    qtbot.waitUntil(lambda: not desk._runner.is_busy)
    assert [one.name for one in fake.installed.models] == [CT, MR]


@pytest.mark.parametrize("answered", ["Replace", "Keep"])
def test_another_model_of_the_name_goes_only_after_a_question(qtbot, manage, fake, answered):
    dialog = manage(own_model("ward"))
    dialog.run_install(Path("/data/ward"))
    rest(qtbot, dialog)
    answer(qtbot, dialog, answered)
    rest(qtbot, dialog)
    assert len(fake.installed.calls) == (2 if answered == "Replace" else 1)
    assert ("is installed. It answers" in dialog.told.text()) == (answered == "Replace")


@pytest.mark.parametrize("answered", ["Remove", "Keep"])
def test_a_model_is_removed_only_after_a_question(qtbot, manage, fake, answered):
    used = replace(own_model("ward"), is_chosen=True)
    used = replace(used, answers_for=used.card.examinations)
    dialog = manage(used)
    pick(dialog, "ward")
    QTest.mouseClick(dialog.remove, LEFT)
    [box] = dialog.findChildren(QMessageBox)
    assert "Own ward" in box.text()
    assert "It answers now" in box.informativeText()
    answer(qtbot, dialog, answered)
    rest(qtbot, dialog)
    is_gone = "ward" not in [one.name for one in fake.installed.models]
    assert is_gone == (answered == "Remove")
    assert dialog.list.topLevelItemCount() == (2 if is_gone else 3)


@pytest.mark.parametrize(
    ("files", "said", "kind"),
    [
        ((), "is whole", "good"),
        (
            (BrokenFile("model.tflite", FileState.CHANGED),),
            "“model.tflite” is not the file",
            "danger",
        ),
    ],
    ids=["sound", "changed"],
)
def test_a_model_is_checked(qtbot, manage, fake, files, said, kind):
    dialog = manage(own_model("ward"))
    fake.installed.verified = Verified("ward", files, Signature(SignatureState.UNSIGNED))
    pick(dialog, "ward")
    press(qtbot, dialog, dialog.verify)
    assert said in dialog.told.text()
    assert dialog.told.property("kind") == kind


def test_with_accounts_only_administrators_change_models(manage, window):
    dialog = manage(own_model("ward"))
    pick(dialog, "ward")
    window.workbench.at_work.may = lambda right: right is not Right.CHANGE_MODELS
    window.workbench.at_work.changed.emit()
    for button in (dialog.install, dialog.remove, dialog.use, dialog.end_use, dialog.shadow):
        assert not button.isEnabled()
        assert "administrators" in button.toolTip()
    assert dialog.verify.isEnabled()
    assert not drop(dialog, "/data/ward")


def test_the_size_is_remembered(qtbot, manage, window):
    dialog = manage()
    dialog.resize(701, 407)
    dialog.reject()
    qtbot.waitUntil(lambda: window.findChild(ModelManager) is None)
    again = manage()
    assert (again.width(), again.height()) == (701, 407)


def test_keys_and_names(manage):
    dialog = manage(own_model("ward"))
    assert clashing_keys(dialog) == {}
    assert unnamed(dialog) == []


def test_everything_is_done_by_keys_alone(qtbot, manage, fake):
    dialog = manage(own_model("ward"))
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    dialog.list.setFocus()
    for _ in range(2):
        QTest.keyClick(dialog.list, Qt.Key.Key_Down)
    assert dialog._chosen.name == "ward"
    QTest.keyClick(dialog.list, Qt.Key.Key_Return)
    assert dialog.card.hasFocus()
    QTest.keyClick(dialog, Qt.Key.Key_U, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: bool(fake.installed.calls))
    rest(qtbot, dialog)
    assert fake.installed.calls == [("choose", "ward")]


def test_the_real_store_installs_chooses_and_removes(
    qtbot, fake, open_window, tmp_path, monkeypatch
):
    shipped = write_model(tmp_path / "shipped", "shipped_net", title="Shipped net").parent
    for module in MODULES_THAT_LOOK:
        monkeypatch.setattr(f"{module}.models_dirs", lambda: (shipped,))
    store = ModelStore(tmp_path / "profile", trial=lambda folder: None)
    build = fake.build
    fake.build = lambda: replace(build(), open_models=lambda _: store)
    window = open_window()
    window.resize(1284, 691)
    window.models.show_models()
    dialog = window.findChild(ModelManager)
    qtbot.waitUntil(lambda: dialog.list.topLevelItemCount() == 1)
    assert drop(dialog, write_model(tmp_path / "from", "mine", title="My net"))
    rest(qtbot, dialog)
    assert dialog.told.text().startswith("“My net” is installed.")
    assert "model.tflite, " in words_of(dialog.card)
    press(qtbot, dialog, dialog.use)
    assert [cells(dialog, name)[1] for name in ("mine", "shipped_net")] == ["answers", ""]
    press(qtbot, dialog, dialog.verify)
    assert "“My net” is whole" in dialog.told.text()
    pick(dialog, "shipped_net")
    press(qtbot, dialog, dialog.use)
    pick(dialog, "mine")
    press(qtbot, dialog, dialog.shadow)
    assert [cells(dialog, name)[1] for name in ("mine", "shipped_net")] == ["candidate", "answers"]
    QTest.mouseClick(dialog.remove, LEFT)
    answer(qtbot, dialog, "Remove")
    rest(qtbot, dialog)
    assert dialog.list.topLevelItemCount() == 1
    assert not (tmp_path / "profile" / "models" / "mine").exists()


# Open cases


def test_results_keep_their_model_and_are_offered_again(qtbot, manage, analysed, window, fake):
    case = analysed("mr_1.nii")
    dialog = manage(own_model("ward"))
    pick(dialog, "ward")
    press(qtbot, dialog, dialog.use)
    note = window.results.model_note
    assert note.isVisibleTo(window)
    assert note.words.text() == (
        "This result was made by “Sagittal MR segmentation (U-Net) 1.0.0”; “Own ward 2.1” "
        "answers now."
    )
    assert not window.banner.isVisible()
    assert case.finding.analysis.models[-1].name == MR
    dialog.reject()
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        QTest.mouseClick(note.again, LEFT)
    assert len(fake.analyser.calls) == 2


def test_the_notice_analyses_all_that_is_open_again(qtbot, manage, analysed, window, fake):
    analysed("mr_1.nii")
    analysed("ct_1.dcm")
    dialog = manage(own_model("ward"))
    pick(dialog, "ward")
    press(qtbot, dialog, dialog.use)
    assert window.results.model_note.isHidden()
    assert "“mr_1.nii” was analysed by another model" in window.banner.text
    dialog.reject()
    [again] = [b for b in window.banner.findChildren(QPushButton) if b.text() == "Analyse again"]
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        QTest.mouseClick(again, LEFT)
    assert [name for name, _ in fake.analyser.calls] == ["mr_1.nii", "ct_1.dcm", "mr_1.nii"]


def test_nothing_is_said_where_the_same_model_answers(qtbot, manage, analysed, window):
    analysed("ct_1.dcm")
    dialog = manage(own_model("ward"))
    pick(dialog, "ward")
    press(qtbot, dialog, dialog.use)
    assert window.results.model_note.isHidden()
    assert not window.banner.isVisible()


def test_a_model_of_the_same_weights_and_another_card_is_another_one(
    qtbot, manage, analysed, window
):
    case = analysed("mr_1.nii")
    own = own_model("ward")
    same = replace(own.card, sha256=case.finding.analysis.models[-1].sha256)
    dialog = manage(replace(own, card=same))
    pick(dialog, "ward")
    press(qtbot, dialog, dialog.use)
    assert "“Own ward 2.1” answers now" in window.results.model_note.words.text()


def test_a_model_that_was_only_renamed_is_the_same(qtbot, manage, analysed, window, fake):
    analysed("mr_1.nii")
    [ct, mr] = fake.installed.models
    fake.installed.models = [ct, replace(mr, name="renamed", card=replace(mr.card, name="renamed"))]
    dialog = manage(own_model("ward"))
    pick(dialog, "ward")
    press(qtbot, dialog, dialog.shadow)
    assert window.results.model_note.isHidden()


def test_a_result_of_a_removed_model_says_so(qtbot, manage, analysed, window, fake):
    analysed("mr_1.nii")
    dialog = manage(own_model("ward"))
    fake.installed.models = [one for one in fake.installed.models if one.name != MR]
    pick(dialog, "ward")
    press(qtbot, dialog, dialog.use)
    assert "is not installed any more" in window.results.model_note.words.text()


# Candidates


def candidate_sections(page):
    folds = page.findChildren(Fold)
    return {
        title: words_of(fold)
        for fold in folds
        for title in [fold.findChild(QPushButton).text()]
        if title.startswith("Candidate")
    }


def test_a_candidate_tells_its_differences_only_and_changes_nothing(window, analysed, fake):
    identity = mr_model()
    fake.candidates = (
        ShadowResult(
            replace(identity, title="Own ward", version="2.1"),
            (identity,),
            outlines=(ShadowOutline("disc", 0.812, 100, 90),),
        ),
        ShadowResult(replace(identity, title="Own other", version="1"), (identity,)),
    )
    case = analysed("mr_1.nii")
    found = candidate_sections(window.results.page)
    assert list(found) == ["Candidate: Own ward 2.1", "Candidate: Own other 1, no difference"]
    assert "disc: Dice 0.812 between the two outlines" in found["Candidate: Own ward 2.1"]
    assert "nothing of this is part of the result" in found["Candidate: Own ward 2.1"]
    assert "finds the same" in found["Candidate: Own other 1, no difference"]
    assert "Own ward" not in finding_text(case.finding.analysis)


def test_a_candidate_that_fails_leaves_the_answer_as_it_is(window, analysed, fake):
    fake.candidate_failure = ModelError("ward", ModelProblem.UNLOADABLE)
    case = analysed("mr_1.nii")
    found = candidate_sections(window.results.page)
    assert "“ward” could not be loaded" in found["Candidate: no answer"]
    assert case.finding.analysis.segmentation is not None


def test_without_candidates_nothing_is_said_of_them(window, analysed):
    analysed("mr_1.nii")
    assert candidate_sections(window.results.page) == {}


def test_a_result_names_the_model_that_answered(window, analysed):
    analysed("mr_1.nii")
    said = words_of(window.results.page)
    assert "Answered by Sagittal MR segmentation (U-Net), version 1.0.0." in said
