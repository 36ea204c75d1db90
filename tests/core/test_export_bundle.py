import errno
import json
import os
import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from spinealign import files
from spinealign.domain.errors import ExportError, ExportProblem
from spinealign.domain.report_details import ReportDetails
from spinealign.export import bundle, overlay
from spinealign.export.bundle import write_bundle, write_one
from spinealign.export.exporters import EXPORTERS, available_kinds
from spinealign.export.tables import analysis_schema
from tests.disc_models import graded_analysis
from tests.located import located
from tests.phantoms import ct_analysis, failed_view_analysis, mr_analysis

CT_FILES = ["overlay.png", "heatmap.png", "report.pdf", "regions.csv", "analysis.json"]
MR_FILES = [
    "overlay.png", "mask.png", "report.pdf", "regions.csv", "measurements.csv", "analysis.json",
]  # fmt: skip
OTHER_FILES = ["overlay.png", "report.pdf", "regions.csv", "analysis.json"]

SMALL_CT = ct_analysis(side=64)
SMALL_MR = mr_analysis((64, 40))
OTHER = failed_view_analysis()


@pytest.fixture(autouse=True, scope="module")
def small_pictures():
    """Draw small pictures: what matters here is where they go."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlay, "MIN_LONGEST_PX", 64)
        yield


def snapshot(folder):
    """Return the bytes of every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def os_error(code):
    return OSError(code, os.strerror(code))


def fail_on_write(monkeypatch, name, code):
    """Let the writing of one file fail after half of its bytes; None means any file."""
    real = files._write_new

    def write(path, content, *mode):
        if name in (None, path.name):
            real(path, content[: len(content) // 2], *mode)
            raise os_error(code)
        real(path, content, *mode)

    monkeypatch.setattr(files, "_write_new", write)


def fail_on_replace(monkeypatch, name, code):
    """Let a finished file's move to its final place fail, as folders cannot be exchanged."""
    monkeypatch.setattr(files, "_exchange", lambda *_: False)
    real = Path.replace

    def move(self, target):
        if self.name == name and self.parent.name.startswith(".spinealign-"):
            raise os_error(code)
        return real(self, target)

    monkeypatch.setattr(Path, "replace", move)


class TestWriteBundle:
    @pytest.mark.parametrize(
        ("analysis", "names"),
        [(SMALL_CT, CT_FILES), (SMALL_MR, MR_FILES), (OTHER, OTHER_FILES)],
        ids=["ct", "mr", "other"],
    )
    def test_writes_what_the_analysis_has(self, tmp_path, analysis, names):
        folder = tmp_path / "deep" / "case"
        written = write_bundle(analysis, folder)
        assert [path.name for path in written] == names
        assert sorted(path.name for path in folder.iterdir()) == sorted(names)
        assert all(path.stat().st_size > 0 for path in written)

    def test_json_fits_the_schema_and_names_the_files_beside_it(self, tmp_path):
        write_bundle(SMALL_MR, tmp_path)
        table = json.loads((tmp_path / "analysis.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(analysis_schema()).validate(table)
        assert sorted(table["files"].values()) == sorted(MR_FILES)

    def test_results_of_several_images_lie_in_one_folder(self, tmp_path):
        for prefix in ("a_", "b_"):
            write_bundle(SMALL_MR, tmp_path, ReportDetails(prefix=prefix))
        names = {f"{prefix}{name}" for prefix in ("a_", "b_") for name in MR_FILES}
        assert {path.name for path in tmp_path.iterdir()} == names
        table = json.loads((tmp_path / "b_analysis.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(analysis_schema()).validate(table)
        assert sorted(table["files"].values()) == sorted(f"b_{name}" for name in MR_FILES)
        write_bundle(SMALL_MR, tmp_path, ReportDetails(prefix="b_", kinds=frozenset({"mask"})))
        left = {path.name for path in tmp_path.iterdir() if path.name.startswith("b_")}
        assert left == {"b_analysis.json", "b_mask.png"}
        assert (tmp_path / "a_overlay.png").exists()

    def test_a_result_beside_others_is_whole_where_its_analysis_is_there(
        self, tmp_path, monkeypatch
    ):
        details = ReportDetails(prefix="a_")
        write_bundle(SMALL_MR, tmp_path, details)
        real, written = bundle.write_export, []

        def write(path, content):
            assert not (tmp_path / "a_analysis.json").exists()
            written.append(path.name)
            if len(written) == len(MR_FILES) // 2:
                raise ExportError(path, ExportProblem.DISK_FULL)
            real(path, content)

        monkeypatch.setattr(bundle, "write_export", write)
        with pytest.raises(ExportError):
            write_bundle(SMALL_MR, tmp_path, details)
        assert not (tmp_path / "a_analysis.json").exists()
        written[:] = [""] * len(MR_FILES)
        write_bundle(SMALL_MR, tmp_path, details)
        assert written[-1] == "a_analysis.json"

    def test_no_file_of_one_result_is_called_as_one_of_another(self):
        """“a” and “a_x” are two images: “a_” + “x_mask.png” must be no file of the first."""
        names = [exporter.file_name for exporter in EXPORTERS.values()]
        assert not [(a, b) for a in names for b in names if a != b and a.endswith(f"_{b}")]

    def test_mask_has_the_image_s_size_and_the_listed_classes(self, tmp_path):
        write_bundle(SMALL_MR, tmp_path)
        with Image.open(tmp_path / "mask.png") as picture:
            assert picture.mode == "L"
            mask = np.asarray(picture)
        assert mask.shape == SMALL_MR.image.shape
        assert (mask == SMALL_MR.segmentation.mask).all()

    @pytest.mark.parametrize("name", ["mask.png", "overlay.png"])
    def test_pictures_carry_where_they_come_from(self, tmp_path, name):
        write_bundle(SMALL_MR, tmp_path)
        with Image.open(tmp_path / name) as picture:
            notes = picture.text
        assert notes["Software"] == "SpineAlign 0.1.0"
        assert notes["Source SHA-256"] == SMALL_MR.image.sha256
        assert SMALL_MR.models[0].sha256 in notes["Model"]
        assert "internally validated" in notes["Model"]
        assert "not a certified medical device" in notes["Disclaimer"]

    def test_is_repeatable(self, tmp_path):
        write_bundle(SMALL_CT, tmp_path / "a")
        write_bundle(SMALL_CT, tmp_path / "b")
        assert snapshot(tmp_path / "a") == snapshot(tmp_path / "b")

    def test_replaces_an_older_result_whole(self, tmp_path):
        write_bundle(SMALL_MR, tmp_path)
        write_bundle(SMALL_CT, tmp_path)
        assert sorted(p.name for p in tmp_path.iterdir()) == sorted(CT_FILES)
        table = json.loads((tmp_path / "analysis.json").read_text(encoding="utf-8"))
        assert table["view"]["name"] == "ct"

    @pytest.mark.parametrize(
        "older",
        [
            None,
            "no json",
            '{"schema": "something else", "files": {"mask": "mask.png"}}',
            '{"schema": "spinealign-analysis-1", "files": {"notes": "notes.txt"}}',
            '{"schema": "spinealign-analysis-1", "files": [["mask.png"]]}',
            "[]",
            "[" * 200_000,
            '{"schema": "spinealign-analysis-1", "files": {"mask": ["mask.png"]}}',
        ],
        ids=[
            "no result", "not json", "other program", "foreign name", "no names", "no object",
            "deep", "no text",
        ],
    )  # fmt: skip
    def test_foreign_files_stay(self, tmp_path, older):
        (tmp_path / "notes.txt").write_text("mine")
        (tmp_path / "mask.png").write_bytes(b"mine too")
        (tmp_path / "sub").mkdir()
        if older is not None:
            (tmp_path / "analysis.json").write_text(older)
        write_bundle(SMALL_CT, tmp_path)
        assert (tmp_path / "notes.txt").read_text() == "mine"
        assert (tmp_path / "mask.png").read_bytes() == b"mine too"
        assert (tmp_path / "sub").is_dir()


@pytest.fixture(scope="module")
def older(tmp_path_factory):
    """The folder of an earlier result."""
    folder = tmp_path_factory.mktemp("older")
    write_bundle(SMALL_CT, folder)
    return folder


class TestFailures:
    @pytest.mark.parametrize("name", MR_FILES)
    @pytest.mark.parametrize("fail", [fail_on_write, fail_on_replace], ids=["write", "move"])
    def test_an_older_result_survives(self, tmp_path, monkeypatch, older, fail, name):
        shutil.copytree(older, tmp_path, dirs_exist_ok=True)
        (tmp_path / "notes.txt").write_text("mine")
        before = snapshot(tmp_path)
        fail(monkeypatch, name, errno.ENOSPC)
        with pytest.raises(ExportError) as caught:
            write_bundle(SMALL_MR, tmp_path)
        assert caught.value.problem is ExportProblem.DISK_FULL
        assert snapshot(tmp_path) == before

    @pytest.mark.parametrize("fail", [fail_on_write, fail_on_replace], ids=["write", "move"])
    def test_nothing_half_written_remains(self, tmp_path, monkeypatch, fail):
        fail(monkeypatch, "report.pdf", errno.EIO)
        with pytest.raises(ExportError):
            write_bundle(SMALL_CT, tmp_path / "new" / "case")
        assert list(tmp_path.iterdir()) == []

    def test_folders_that_were_there_stay(self, tmp_path, monkeypatch):
        (tmp_path / "there").mkdir()
        fail_on_write(monkeypatch, "report.pdf", errno.EIO)
        with pytest.raises(ExportError):
            write_bundle(OTHER, tmp_path / "there" / "case")
        assert [path.name for path in tmp_path.rglob("*")] == ["there"]

    @pytest.mark.parametrize(
        ("code", "problem"),
        [
            (errno.ENOSPC, ExportProblem.DISK_FULL),
            (errno.EDQUOT, ExportProblem.DISK_FULL),
            (errno.EACCES, ExportProblem.NOT_WRITABLE),
            (errno.EPERM, ExportProblem.NOT_WRITABLE),
            (errno.EROFS, ExportProblem.NOT_WRITABLE),
            (errno.ENOTDIR, ExportProblem.NOT_WRITABLE),
            (errno.EIO, ExportProblem.FAILED),
        ],
        ids=lambda v: errno.errorcode[v] if isinstance(v, int) else "",
    )
    def test_the_system_s_reasons_are_told_apart(self, tmp_path, monkeypatch, code, problem):
        fail_on_write(monkeypatch, "analysis.json", code)
        with pytest.raises(ExportError) as caught:
            write_bundle(OTHER, tmp_path / "case")
        assert caught.value.problem is problem
        assert caught.value.path == tmp_path / "case"

    @pytest.mark.parametrize("folder", ["file", "file/case", "file/deep/case"])
    def test_a_file_in_the_way_of_the_folder(self, tmp_path, folder):
        (tmp_path / "file").write_text("mine")
        with pytest.raises(ExportError) as caught:
            write_bundle(OTHER, tmp_path / folder)
        assert caught.value.problem is ExportProblem.NOT_WRITABLE
        assert snapshot(tmp_path) == {"file": b"mine"}

    def test_a_folder_in_the_way_of_a_file(self, tmp_path):
        (tmp_path / "overlay.png").mkdir()
        (tmp_path / "overlay.png" / "keep.txt").write_text("mine")
        before = snapshot(tmp_path)
        with pytest.raises(ExportError) as caught:
            write_bundle(OTHER, tmp_path)
        assert caught.value.problem is ExportProblem.NOT_WRITABLE
        assert snapshot(tmp_path) == before

    def test_a_folder_made_by_no_one_may_not_be_written(self, tmp_path, monkeypatch):
        def refuse(*args, **kwargs):
            raise os_error(errno.EROFS)

        monkeypatch.setattr(Path, "mkdir", refuse)
        with pytest.raises(ExportError) as caught:
            write_bundle(OTHER, tmp_path / "case")
        assert caught.value.problem is ExportProblem.NOT_WRITABLE

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
    def test_a_truly_full_disk_is_recognised(self):
        with pytest.raises(OSError, match="Errno 28") as caught:
            Path("/dev/full").write_bytes(b"x")
        error = files.export_error(Path("/dev/full"), caught.value)
        assert error.problem is ExportProblem.DISK_FULL

    def test_the_user_s_interruption_leaves_nothing_either(self, tmp_path, monkeypatch):
        def interrupt(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(files, "_write_new", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_bundle(OTHER, tmp_path / "case")
        assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An analysis with everything there is to write, and its bundle."""
    heatmap = np.ones(SMALL_MR.image.shape, np.float32)
    graded = graded_analysis()
    analysis = replace(
        SMALL_MR,
        classification=replace(SMALL_CT.classification, heatmap=heatmap),
        discs=graded.discs,
        disc_model=graded.disc_model,
        located=located(),
    )
    folder = tmp_path_factory.mktemp("whole") / "case"
    write_bundle(analysis, folder)
    return analysis, folder


class TestWriteOne:
    @pytest.mark.parametrize("kind", [k for k, one in EXPORTERS.items() if one.is_in_folder])
    def test_gives_the_same_bytes_as_the_bundle(self, whole, tmp_path, kind):
        analysis, folder = whole
        write_one(analysis, kind, tmp_path / "mine.bin")
        bundled = folder / EXPORTERS[kind].file_name
        assert (tmp_path / "mine.bin").read_bytes() == bundled.read_bytes()

    def test_writes_one_file(self, tmp_path):
        write_one(SMALL_MR, "mask", tmp_path / "m.png")
        assert Image.open(BytesIO((tmp_path / "m.png").read_bytes())).size == (40, 64)

    @pytest.mark.parametrize(
        ("analysis", "kind"),
        [(SMALL_CT, "mask"), (SMALL_MR, "heatmap"), (OTHER, "mask"), (OTHER, "poster")],
        ids=["ct mask", "mr heat map", "other mask", "unknown kind"],
    )
    def test_what_there_is_not_is_not_written(self, tmp_path, analysis, kind):
        assert kind not in available_kinds(analysis)
        with pytest.raises(ValueError, match=kind):
            write_one(analysis, kind, tmp_path / "x")
        assert list(tmp_path.iterdir()) == []

    def test_an_older_file_is_replaced_only_by_a_whole_one(self, tmp_path, monkeypatch):
        target = tmp_path / "overlay.png"
        target.write_bytes(b"older")
        fail_on_write(monkeypatch, None, errno.ENOSPC)
        with pytest.raises(ExportError) as caught:
            write_one(OTHER, "overlay", target)
        assert caught.value.problem is ExportProblem.DISK_FULL
        assert snapshot(tmp_path) == {"overlay.png": b"older"}

    @pytest.mark.parametrize("name", ["missing/x.png", "file/x.png", "folder"])
    def test_places_where_nothing_can_be_written(self, tmp_path, name):
        (tmp_path / "file").write_text("mine")
        (tmp_path / "folder").mkdir()
        with pytest.raises(ExportError) as caught:
            write_one(OTHER, "overlay", tmp_path / name)
        assert caught.value.problem is ExportProblem.NOT_WRITABLE
        assert snapshot(tmp_path) == {"file": b"mine"}
        assert (tmp_path / "folder").is_dir()
