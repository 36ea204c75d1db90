"""A case restored from its own objects: as it was, by these networks and by other ones."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spinealign.analysis import analyze_image
from spinealign.cli.main import EXIT_DONE, EXIT_REFUSED, run_command
from spinealign.dicom.program_state import (
    as_said,
    packed_mask,
    program_state,
    unpacked_mask,
)
from spinealign.dicom.restoring import restored, with_restored
from spinealign.dicom.segmentation import segmentation_of
from spinealign.dicom.segmentation_file import read_segmentation
from spinealign.dicom.source import source_of
from spinealign.domain.dicom_choices import DicomChoices
from spinealign.domain.findings import CorrectionKind
from spinealign.domain.generators import run_to_end
from spinealign.domain.measurements import DrawingTool, MeasureState
from spinealign.export.corrections import save_corrections
from spinealign.export.disc_tables import grading_record
from spinealign.imaging.read import read_image
from spinealign.inference.catalog import ModelStore
from spinealign.measure.correction.changes import add_drawing, delete_vertebra, move_landmark
from spinealign.measure.correction.corrected import (
    apply_corrections,
    correction_kinds,
    initial_corrections,
)
from tests.dicom_objects import kind_analysis
from tests.dicom_reports import with_measures
from tests.examinations import WHOLE_SPINE

TOLD = (
    "vertebrae", "suggestions", "facing", "levels_uncertain", "segmentation", "disc_grading",
    "measurements", "height_losses", "corrections", "automatic", "warnings", "headline",
)  # fmt: skip


def sample(name: str, folder: Path) -> Path:
    from spinealign.imaging.samples import list_samples

    folder.mkdir(parents=True)
    found = next(one.path for one in list_samples() if one.path.name == name)
    return Path(shutil.copy(found, folder / name))


def result(folder: Path) -> dict:
    [path] = folder.rglob("analysis.json")
    return json.loads(path.read_text(encoding="utf-8"))


def corrected_by_hand(path: Path) -> None:
    """Delete the two lowest bodies, move a corner, and draw; beside the image."""
    analysis = run_to_end(analyze_image(read_image(path), ModelStore()))
    wanted = initial_corrections(analysis)
    for body in reversed(analysis.vertebrae[-2:]):
        wanted = delete_vertebra(wanted, body.index)
    mark = wanted.vertebrae[0].landmarks[0]
    wanted = move_landmark(wanted, 1, mark.name, mark.x + 2.5, mark.y - 1.5)
    wanted = add_drawing(wanted, DrawingTool.DISTANCE, [(9.25, 9.5), (39.0, 49.0)])
    wanted = add_drawing(wanted, DrawingTool.TEXT, [(5.0, 6.0)], "a note")
    save_corrections(apply_corrections(analysis, wanted))


@pytest.mark.model
@pytest.mark.parametrize("name", ["lumbar_phantom.dcm", "neck_phantom.dcm"])
def test_bodies_that_were_deleted_are_told_after_restoring(name, tmp_path):
    path = sample(name, tmp_path / "one")
    corrected_by_hand(path)
    command = ["analyze", str(path), "--out", str(tmp_path / "first"), "--dicom"]
    assert run_command(command) == EXIT_DONE
    before = result(tmp_path / "first")
    assert "bodies_deleted" in json.dumps(before["corrections"])

    bare = sample(name, tmp_path / "other")
    objects = next((tmp_path / "first").rglob("segmentation.dcm")).parent
    command = ["analyze", str(bare), "--out", str(tmp_path / "second"),
               "--segmentation", str(objects / "segmentation.dcm"),
               "--structured-report", str(objects / "measurements.dcm")]  # fmt: skip
    assert run_command(command) == EXIT_DONE
    after = result(tmp_path / "second")
    for key in TOLD:
        assert after[key] == before[key], key
    assert before["automatic"]["vertebrae"]


def other_program(analysis):
    """Return what another network would say: bodies elsewhere, another mask, other grades."""
    moved = tuple(
        replace(body, landmarks=tuple(replace(m, x=m.x + 3) for m in body.landmarks))
        for body in analysis.vertebrae
    )
    mask = np.roll(analysis.segmentation.mask, 3, axis=1)
    model = replace(analysis.segmentation.model, sha256="f" * 64)
    discs = tuple(
        replace(disc, grades=tuple(replace(g, probabilities=g.probabilities[::-1]) for g in grades))
        for disc in analysis.discs
        for grades in (disc.grades,)
    )
    return replace(
        analysis, vertebrae=moved, discs=discs, models=(model,),
        segmentation=replace(analysis.segmentation, mask=mask, model=model),
    )  # fmt: skip


def changed(analysis):
    wanted = delete_vertebra(initial_corrections(analysis), 2)
    mark = wanted.vertebrae[0].landmarks[0]
    wanted = move_landmark(wanted, 1, mark.name, mark.x + 1.5, mark.y)
    return apply_corrections(analysis, wanted)


@pytest.mark.parametrize("is_changed", [False, True], ids=["automatic", "corrected"])
@pytest.mark.parametrize("name", ["film", "slice", "slice turned and mirrored"])
def test_what_the_program_said_then_is_kept_whatever_it_says_now(name, is_changed, tmp_path):
    plain = with_measures(kind_analysis(name, tmp_path))
    plain = as_said_anew(replace(plain, automatic=None, corrections=None))
    written = changed(plain) if is_changed else plain
    source = source_of(plain.image)
    path = tmp_path / "seg.dcm"
    segmentation_of(written, source).save_as(path)
    now = other_program(plain)
    found = restored(now, read_segmentation(path), source)
    back = with_restored(now, found)
    assert back.vertebrae == written.vertebrae
    np.testing.assert_array_equal(back.segmentation.mask, written.segmentation.mask)
    assert back.segmentation.model == written.segmentation.model
    assert grading_record(back) == grading_record(written)
    assert states(back) == states(written)
    assert (back.automatic is None) == (not is_changed)
    if is_changed:
        assert back.automatic.vertebrae == plain.vertebrae
        kinds = correction_kinds(back.automatic, back.corrections)
        assert kinds == (CorrectionKind.POINTS_MOVED, CorrectionKind.BODIES_DELETED)


def states(analysis) -> dict:
    return {
        one.key: (one.state, one.value, one.automatic_value)
        for one in analysis.measurements
        if one.state is not MeasureState.DRAWN
    }


def as_said_anew(analysis):
    """Return an analysis whose measures are those of its bodies."""
    marked = replace(program_state(analysis), rule=analysis.interval_rule)
    away = replace(analysis, vertebrae=())
    return as_said(away, marked, analysis.segmentation.mask)


def test_where_nothing_differs_the_analysis_is_the_very_same(tmp_path):
    analysis = kind_analysis("slice", tmp_path)
    assert as_said(analysis, program_state(analysis), analysis.segmentation.mask) is analysis


def test_a_mask_comes_back_from_text_and_nothing_else_does():
    mask = np.random.default_rng(4).integers(0, 4, (37, 21), dtype=np.uint8)
    np.testing.assert_array_equal(unpacked_mask(packed_mask(mask), mask.shape), mask)
    bomb = packed_mask(np.zeros((4000, 4000), np.uint8))
    for text in ("", "no text of this kind", "AAAA", packed_mask(mask)[:-8], bomb):
        assert unpacked_mask(text, mask.shape) is None
    assert unpacked_mask(packed_mask(mask), (37, 22)) is None


def test_drawings_go_with_an_image_that_is_taken_for_another_kind(tmp_path):
    film = with_measures(kind_analysis("film", tmp_path))
    source = source_of(film.image)
    path = tmp_path / "seg.dcm"
    segmentation_of(film, source).save_as(path)
    other = replace(film, examination=WHOLE_SPINE, corrections=None, automatic=None)
    found = restored(other, read_segmentation(path), source)
    assert not found.is_own
    assert found.other_view == film.view_name
    assert found.corrections.drawings == film.corrections.drawings
    assert [body.level for body in found.corrections.vertebrae] == ["C3", "C4"]


@pytest.mark.model
def test_the_command_line_says_that_corrections_are_of_another_kind(tmp_path, capsys):
    path = sample("neck_phantom.dcm", tmp_path / "one")
    corrected_by_hand(path)
    command = [
        "analyze",
        str(path),
        "--out",
        str(tmp_path / "out"),
        "--examination",
        "lateral-spine",
    ]
    assert run_command(command) in (EXIT_DONE, EXIT_REFUSED)
    assert "lateral cervical radiograph” is not used for" in capsys.readouterr().err
    drawn = [one for one in result(tmp_path / "out")["measurements"] if one["state"] == "drawn"]
    assert [one["code"] for one in drawn] == ["drawn_distance"]


@pytest.mark.model
def test_the_window_takes_another_program_s_discs_as_the_command_line_does(tmp_path):
    """The service behind the window's command, on the networks that are shipped."""
    from spinealign.ui.work.services import program_services
    from tests.core.test_dicom_export import thinner_disc

    path = sample("lumbar_phantom.dcm", tmp_path / "one")
    command = ["analyze", str(path), "--out", str(tmp_path / "first"), "--dicom"]
    assert run_command(command) == EXIT_DONE
    seg = next((tmp_path / "first").rglob("segmentation.dcm"))
    thinner_disc(seg, "L4/L5")
    command = ["analyze", str(path), "--out", str(tmp_path / "second"), "--segmentation", str(seg)]
    assert run_command(command) == EXIT_DONE
    services = program_services(tmp_path / "profile")
    models, choices = services.models(), DicomChoices()
    own = run_to_end(analyze_image(read_image(path), models))
    assert services.restore(own, seg, choices).needs_analysis
    work = services.analyse_outlined(path, models, None, None, False, seg, choices)
    told = result(tmp_path / "second")
    here = grading_record(run_to_end(work))
    heights = [{d["level"]: d["height_px"] for d in one["discs"]}
               for one in (here, told["disc_grading"])]  # fmt: skip
    assert heights[0] == heights[1]
    assert heights[0] != {d["level"]: d["height_px"] for d in grading_record(own)["discs"]}
