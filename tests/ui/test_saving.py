"""The ways out: folders of results, single files, the clipboard, and what can go wrong."""

from pathlib import Path

import pytest
from PyQt6.QtGui import QGuiApplication

from spinealign import wording
from spinealign.domain.errors import ExportError, ExportProblem
from spinealign.domain.report_details import ReportDetails
from spinealign.export.exporters import EXPORTERS, HTML, PDF
from spinealign.ui.cases.jobs import file_stem
from spinealign.ui.cases.saving import with_suffix_of
from spinealign.ui.window.actions import REPORTS
from spinealign.ui.window.crash import CrashDialog
from spinealign.ui.work.services import program_services
from spinealign.wording.report import NOT_READ


@pytest.fixture
def out(tmp_path, monkeypatch):
    """A folder that the dialog answers with."""
    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.setattr(
        "spinealign.ui.cases.saving.QFileDialog.getExistingDirectory", lambda *_: str(folder)
    )
    return folder


def test_results_go_into_a_folder_of_their_own(qtbot, window, analysed, fake, out):
    analysed("mr_1.nii.gz")
    with qtbot.waitSignal(window.workbench.saver.saved):
        window.actions_by_name["save"].trigger()
    assert fake.written == [("bundle", out / "mr_1")]
    assert "Saved “mr_1”" in window.banner.text
    assert str(out) in window.banner.text
    assert window.workbench.preferences.state.last_export_folder == str(out)


def test_an_existing_folder_is_not_written_into(qtbot, window, analysed, fake, out):
    (out / "ct_1").mkdir()
    (out / "ct_1 (2)").mkdir()
    analysed("ct_1.dcm")
    with qtbot.waitSignal(window.workbench.saver.saved):
        window.actions_by_name["save"].trigger()
    assert fake.written == [("bundle", out / "ct_1 (3)")]


def test_all_results_are_saved_together(qtbot, window, analysed, fake, out, files):
    analysed("ct_1.dcm")
    analysed("mr_2.nii")
    with qtbot.waitSignal(window.workbench.messages.failed):
        window.workbench.opener.open_paths(files("bad_3"))
    window.workbench.step(-1)
    with qtbot.waitSignal(window.workbench.saver.saved):
        window.actions_by_name["save_all"].trigger()
    assert fake.written == [("bundle", out / "ct_1"), ("bundle", out / "mr_2")]
    assert "2 results were saved" in window.banner.text


def test_results_that_were_let_go_are_named_not_forgotten(qtbot, window, analysed, fake, out):
    window.workbench.session.limit_memory(1)
    analysed("ct_1.dcm")
    analysed("mr_2.nii")
    with qtbot.waitSignal(window.workbench.saver.saved):
        window.actions_by_name["save_all"].trigger()
    assert fake.written == [("bundle", out / "mr_2")]
    assert "1 result was not saved" in window.banner.text


@pytest.mark.parametrize("kind", [kind for kind, one in EXPORTERS.items() if not one.is_dicom])
def test_one_part_is_saved_under_the_name_given(
    qtbot, window, analysed, demonstrated, fake, tmp_path, monkeypatch, kind
):
    asked = []

    def answer(_parent, title, proposed, filters):
        asked.extend((title, proposed, filters))
        return str(tmp_path / "mine"), ""

    monkeypatch.setattr("spinealign.ui.cases.saving.QFileDialog.getSaveFileName", answer)
    if kind == "heatmap":
        demonstrated("ct_1.dcm")
    else:
        analysed({"discs": "disc_1.png", "points": "points_1.png"}.get(kind, "mr_1.nii"))
    assert asked == []
    with qtbot.waitSignal(window.workbench.saver.saved):
        window.actions_by_name[f"save_{kind}"].trigger()
    exporter = EXPORTERS[kind]
    suffix = Path(exporter.file_name).suffix
    assert fake.written == [(kind, tmp_path / f"mine{suffix}")]
    title, proposed, filters = asked
    assert title == exporter.title
    assert proposed.endswith(f"_1_{exporter.file_name}")
    assert filters == f"{exporter.file_type.title} (*{suffix});;All files (*)"


@pytest.mark.parametrize(
    ("name", "enabled"),
    [
        ("ct_1.dcm", {"overlay", *REPORTS, "json"}),
        ("mr_1.nii", {"mask", "regions", "measurements", "overlay", *REPORTS, "json"}),
        ("photo_1.png", {"overlay", *REPORTS, "json"}),
    ],
)
def test_only_what_there_is_can_be_saved(window, analysed, name, enabled):
    analysed(name)
    plain = [kind for kind, one in EXPORTERS.items() if not one.is_dicom]
    offered = {kind for kind in plain if window.actions_by_name[f"save_{kind}"].isEnabled()}
    assert offered == enabled


@pytest.mark.parametrize(
    ("typed", "kind", "written"),
    [
        ("course", PDF, "course.pdf"),
        ("course.pdf", PDF, "course.pdf"),
        ("course.PDF", PDF, "course.PDF"),
        ("course.html", PDF, "course.html.pdf"),
        ("taken.html", PDF, "taken.html (2).pdf"),
        ("report.htm", HTML, "report.htm"),
        ("Doe.v2", PDF, "Doe.v2"),
    ],
)
def test_a_name_never_promises_another_type_of_file(tmp_path, typed, kind, written):
    (tmp_path / "taken.html.pdf").touch()
    assert with_suffix_of(tmp_path / typed, kind) == tmp_path / written


def test_a_dismissed_dialog_writes_nothing(qtbot, window, analysed, fake, monkeypatch):
    monkeypatch.setattr(
        "spinealign.ui.cases.saving.QFileDialog.getExistingDirectory", lambda *_: ""
    )
    monkeypatch.setattr(
        "spinealign.ui.cases.saving.QFileDialog.getSaveFileName", lambda *_: ("", "")
    )
    analysed("ct_1.dcm")
    for action in ("save", "save_all", "save_report"):
        window.actions_by_name[action].trigger()
    qtbot.waitUntil(lambda: not window.workbench.files.is_busy)
    assert fake.written == []


def test_a_full_disk_is_explained_and_the_result_stays(qtbot, window, analysed, fake, out):
    case = analysed("ct_1.dcm")
    fake.write_failure = ExportError(out / "ct_1", ExportProblem.DISK_FULL)
    with qtbot.waitSignal(window.workbench.messages.failed):
        window.actions_by_name["save"].trigger()
    assert "the disk is full" in window.banner.text
    assert window.workbench.current is case
    assert case.finding is not None


def test_an_unexpected_failure_of_writing_gets_a_report(qtbot, window, analysed, fake, out):
    analysed("ct_1.dcm")
    fake.write_failure = RuntimeError("boom")
    with qtbot.waitSignal(window.workbench.messages.crashed):
        window.actions_by_name["save"].trigger()
    assert "RuntimeError" in window.findChild(CrashDialog).report


def test_the_folder_can_be_shown(qtbot, window, analysed, out, monkeypatch):
    shown = []
    monkeypatch.setattr(
        "spinealign.ui.cases.saving.QDesktopServices.openUrl",
        lambda url: shown.append(url.toLocalFile()),
    )
    analysed("ct_1.dcm")
    with qtbot.waitSignal(window.workbench.saver.saved):
        window.actions_by_name["save"].trigger()
    window.banner._action.click()
    assert shown == [str(out)]


def test_the_finding_is_copied_as_text(window, analysed):
    case = analysed("ct_1.dcm")
    window.actions_by_name["copy_finding"].trigger()
    text = QGuiApplication.clipboard().text()
    assert text.startswith(f"{NOT_READ}\n\n{wording.headline(case.finding.analysis)}")
    assert "copied" in window.status.step.text()
    QGuiApplication.clipboard().clear()


def test_the_real_services_write_real_files(qtbot, window, analysed, fake, out, monkeypatch):
    real = program_services()
    monkeypatch.setattr(fake, "_write", lambda kind, path: None)
    case = analysed("mr_1.nii")
    real.write_bundle(case.finding.analysis, out / "bundle", ReportDetails())
    real.write_one(case.finding.analysis, "overlay", out / "one.png")
    assert (out / "bundle" / "report.pdf").stat().st_size > 0
    assert (out / "one.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("name", "stem"),
    [("a.dcm", "a"), ("a.nii.gz", "a"), ("a.b.png", "a.b"), ("noname", "noname"), (".dcm", ".dcm")],
)
def test_stems(name, stem):
    assert file_stem(Path("/x") / name) == stem
