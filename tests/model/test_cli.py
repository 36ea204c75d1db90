"""The command line end to end, on real files and the shipped models."""

import json
import os
from pathlib import Path

import jsonschema
import numpy as np
import pypdf
import pytest
import skimage
from PIL import Image

from spinealign.__main__ import main
from spinealign.cli import main as cli
from spinealign.domain.errors import ExportError, ExportProblem
from spinealign.domain.examination import ImageKind
from spinealign.domain.findings import Caution, WarningCode
from spinealign.domain.paths import resources_dir
from spinealign.imaging.samples import list_samples
from spinealign.wording import caution_statement

pytestmark = pytest.mark.model
SCHEMA = json.loads((resources_dir() / "schemas" / "analysis.schema.json").read_text("utf-8"))
SAMPLES = {sample.name: sample.path for sample in list_samples()}
ALWAYS = {"analysis.json", "overlay.png", "regions.csv", "report.pdf"}


def analyze(*arguments):
    return cli.run_command(["analyze", *map(str, arguments)])


def result(folder):
    value = json.loads((folder / "analysis.json").read_text("utf-8"))
    jsonschema.validate(value, SCHEMA)
    return value


def test_an_mr_becomes_outlines_and_statistics(tmp_path):
    assert analyze(SAMPLES["mr_lumbar_phantom"], "--out", tmp_path) == 0
    folder = tmp_path / "lumbar_phantom"
    written = {"mask.png", "measurements.csv", "discs.csv"}
    assert {p.name for p in folder.iterdir()} == ALWAYS | written
    found = result(folder)
    assert found["disc_grading"]["model"] == "disc_grading"
    assert found["segmentation"]["classes"] == {"1": "vertebra", "2": "disc", "3": "canal"}
    mask = np.asarray(Image.open(folder / "mask.png"))
    assert mask.shape == (found["input"]["height_px"], found["input"]["width_px"])
    for region in found["segmentation"]["regions"]:
        if region["class_id"] is not None:
            assert region["pixels"] == int((mask == region["class_id"]).sum())
            assert region["area_mm2"] == pytest.approx(
                region["pixels"] * np.prod(found["input"]["spacing_mm"]), rel=1e-3
            )
    check = found["view"].pop("check")
    assert found["view"] == {"name": "mr", "chosen_by": "dicom", "confidence": None}
    assert check["accepted"]
    assert check["tags"] == check["pixels"] == check["kind"] == "spine_mr"


def test_a_film_becomes_measures_near_the_drawn_ones(tmp_path, capsys):
    assert analyze(SAMPLES["xray_lateral_phantom"], "--out", tmp_path) == 0
    folder = tmp_path / "neck_phantom"
    assert {p.name for p in folder.iterdir()} == ALWAYS | {"mask.png", "measurements.csv"}
    found = result(folder)
    values = {m["code"]: m for m in found["measurements"] if m["value"] is not None}
    low, high = values["cobb_c2_c7"]["interval"]
    assert low < 14.0 < high
    assert values["cobb_c2_c7"]["value"] == pytest.approx(14.0, abs=3)
    assert values["sagittal_vertical_axis"]["unit"] == "mm"
    assert "C2–C7 Cobb lordosis" in capsys.readouterr().out


def test_a_ct_is_not_assessed_unless_the_demonstration_is_asked(tmp_path, capsys):
    assert analyze(SAMPLES["ct_axial"], "--out", tmp_path) == 0
    assert {p.name for p in (tmp_path / "CT_small").iterdir()} == ALWAYS
    assert result(tmp_path / "CT_small")["classification"] is None
    printed = capsys.readouterr().out
    assert "Nothing is assessed" in printed
    assert "fracture" not in printed


def test_a_demonstration_is_opened_for_one_image(tmp_path, capsys):
    inputs = (SAMPLES["ct_axial"], SAMPLES["ct_axial"])
    assert analyze(*inputs, "--demonstration", "--out", tmp_path) == cli.EXIT_WRONG_USE
    assert "for one image" in capsys.readouterr().err


def test_a_demonstration_becomes_a_probability_a_heat_map_and_a_warning(tmp_path):
    assert analyze(SAMPLES["ct_axial"], "--out", tmp_path, "--demonstration") == 0
    folder = tmp_path / "CT_small"
    assert {p.name for p in folder.iterdir()} == ALWAYS | {"heatmap.png"}
    found = result(folder)
    statuses = {model["name"]: model["status"] for model in found["models"]}
    assert statuses["ct_fracture_vgg16"] == "demonstration"
    assert "demonstration_model" in {w["code"] for w in found["warnings"]}
    classes = {c["name"]: c["probability"] for c in found["classification"]["classes"]}
    assert sum(classes.values()) == pytest.approx(1)
    positive = classes[found["classification"]["positive_class"]]
    is_positive = positive >= found["classification"]["threshold"]
    reported = found["classification"]["predicted"]
    assert (reported == found["classification"]["positive_class"]) is is_positive


def test_the_users_view_is_recorded(tmp_path):
    assert analyze(SAMPLES["ct_axial"], "--out", tmp_path, "--examination", "spine-mr") == 0
    found = result(tmp_path / "CT_small")
    assert found["view"]["chosen_by"] == "user"
    assert "view_overruled" in {w["code"] for w in found["warnings"]}


def foreign_picture(tmp_path):
    path = tmp_path / "cat.png"
    Image.open(Path(skimage.__file__).parent / "data" / "chelsea.png").save(path)
    return path


def test_a_foreign_picture_is_refused_with_a_code_of_its_own(tmp_path, capsys):
    assert analyze(foreign_picture(tmp_path), "--out", tmp_path / "out") == cli.EXIT_REFUSED
    found = result(tmp_path / "out" / "cat")
    assert found["view"]["name"] == "other"
    assert not found["view"]["check"]["accepted"]
    assert found["segmentation"] is None
    assert found["classification"] is None
    assert [model["name"] for model in found["models"]] == ["view_gate"]
    printed = capsys.readouterr().out
    assert "it was not analysed" in printed
    assert "0 done, 1 refused, 0 not done" in printed


def test_overruling_a_refusal_is_recorded(tmp_path):
    assert analyze(foreign_picture(tmp_path), "--out", tmp_path / "out", "--view", "xray") == 0
    found = result(tmp_path / "out" / "cat")
    assert (found["view"]["name"], found["view"]["chosen_by"]) == ("xray", "user")
    assert found["view"]["check"]["overruled"]
    assert "view_overruled" in {w["code"] for w in found["warnings"]}
    caution = Caution(WarningCode.VIEW_OVERRULED, kind=ImageKind.NONE_OF_THESE)
    assert caution_statement(caution) in printed_report(tmp_path / "out" / "cat")


def printed_report(folder):
    """Return all words of a report, white space reduced to single blanks."""
    pages = pypdf.PdfReader(folder / "report.pdf").pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def test_the_report_names_the_patient_only_where_that_is_asked_for(tmp_path):
    film = SAMPLES["xray_lateral_phantom"]
    assert analyze(film, "--out", tmp_path / "silent") == 0
    assert analyze(film, "--out", tmp_path / "named", "--patient-data") == 0
    assert "Phantom, Neck" not in printed_report(tmp_path / "silent" / "neck_phantom")
    assert "Phantom, Neck" in printed_report(tmp_path / "named" / "neck_phantom")


def test_one_bad_input_does_not_stop_the_others(tmp_path, capsys):
    bad = tmp_path / "notes.png"
    bad.write_text("not an image")
    out = tmp_path / "out"
    assert analyze(bad, tmp_path / "missing.dcm", SAMPLES["ct_axial"], "--out", out) == 1
    captured = capsys.readouterr()
    assert "notes.png" in captured.err
    assert "missing.dcm" in captured.err
    assert [p.name for p in out.iterdir()] == ["CT_small"]
    assert "1 done, 2 not done" in captured.out


def picture(size=(200, 160), mode="L"):
    rng = np.random.default_rng(0)
    smooth = np.kron(rng.integers(0, 256, (8, 10)), np.ones((size[1] // 8, size[0] // 10)))
    return Image.fromarray(smooth.astype(np.uint8)).convert(mode)


def write_truncated(path):
    picture().save(path, format="PNG")
    path.write_bytes(path.read_bytes()[:200])


def write_bomb(path):
    """A PNG header that claims 20,000 x 20,000 pixels."""
    import struct
    import zlib

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 20000, 20000, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x"))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(os.urandom(3000)),
        write_truncated,
        write_bomb,
        lambda path: Image.new("L", (1, 1), 7).save(path, format="PNG"),
        lambda path: Image.new("L", (300, 300), 7).save(path, format="PNG"),
        lambda path: path.mkdir(),
    ],
    ids=["empty", "noise", "truncated", "20000x20000", "1x1", "one grey", "folder without images"],
)
def test_bad_input_gets_one_line_and_leaves_nothing(tmp_path, capsys, write):
    path = tmp_path / "input.png"
    write(path)
    out = tmp_path / "out"
    assert analyze(path, "--out", out) == 1
    error = capsys.readouterr().err.strip()
    assert "input.png" in error
    assert len(error.splitlines()) == 1
    assert not out.exists() or not list(out.iterdir())


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("RGBA", ".png"), ("CMYK", ".jpg"), ("I;16", ".tif"), ("P", ".gif")],
)
def test_unusual_pictures_are_read(tmp_path, mode, suffix):
    path = tmp_path / f"input{suffix}"
    if mode == "I;16":
        Image.fromarray(np.asarray(picture(), np.uint16) * 200).save(path)
    elif mode == "P":
        frames = [picture().rotate(angle) for angle in (0, 90)]
        frames[0].save(path, save_all=True, append_images=frames[1:])
    else:
        picture(mode=mode).save(path)
    assert analyze(path, "--out", tmp_path / "out", "--examination", "spine-mr") == 0
    found = result(tmp_path / "out" / "input")
    assert (found["input"]["width_px"], found["input"]["height_px"]) == (200, 160)


def test_inputs_of_one_name_do_not_overwrite_each_other(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        picture().save(tmp_path / folder / "same.png")
    out = tmp_path / "out"
    assert analyze(tmp_path / "a", tmp_path / "b", "--out", out, "--examination", "spine-mr") == 0
    assert sorted(p.name for p in out.iterdir()) == ["same", "same_2"]


def test_output_that_cannot_be_written_is_named(tmp_path, capsys):
    in_the_way = tmp_path / "out"
    in_the_way.write_text("a file, not a folder")
    assert analyze(SAMPLES["ct_axial"], "--out", in_the_way) == 1
    assert in_the_way.read_text() == "a file, not a folder"
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_full_disk_is_named(tmp_path, capsys, monkeypatch):
    def full(analysis, folder, details):
        raise ExportError(folder, ExportProblem.DISK_FULL)

    monkeypatch.setattr("spinealign.export.bundle.write_bundle", full)
    assert analyze(SAMPLES["ct_axial"], "--out", tmp_path) == 1
    assert "full" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["analyze"], ["analyze", "x.png"], ["analyze", "x.png", "--out", "o", "--view", "cat"],
     ["train"], ["models", "--unknown"]],
    ids=" ".join,
)  # fmt: skip
def test_wrong_use_exits_with_2(arguments, capsys):
    assert cli.run_command(arguments) == 2
    assert "usage" in capsys.readouterr().err


def test_json_lines_hold_each_result_or_its_reason(tmp_path, capsys):
    out = tmp_path / "out"
    assert analyze(tmp_path / "no.png", SAMPLES["ct_axial"], "--out", out, "--json") == 1
    failed, done = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert set(failed) == {"path", "error"}
    assert set(failed["error"]) == {"sentence", "advice"}
    jsonschema.validate(done["result"], SCHEMA)


def test_models_lists_every_card_with_its_status(capsys):
    assert cli.run_command(["models"]) == 0
    text = capsys.readouterr().out
    assert cli.run_command(["models", "--json"]) == 0
    cards = json.loads(capsys.readouterr().out)
    assert {"ct_fracture_vgg16", "mr_segmentation", "view_gate", "xray_bodies"} <= {
        c["name"] for c in cards
    }
    assert all(c["name"] in text and c["status"] in text for c in cards)


def test_the_self_test_passes_and_says_so(capsys):
    assert main(["--self-test"]) == 0
    captured = capsys.readouterr()
    assert "self-test passed" in captured.out
    assert captured.err == ""


def test_the_self_test_notices_a_broken_network(capsys, monkeypatch):
    monkeypatch.setattr("spinealign.predict.MIN_PART_SHARE", 1.0)
    only = [sample for sample in list_samples() if sample.name == "mr_lumbar_phantom"]
    monkeypatch.setattr("spinealign.selftest.list_samples", lambda: only)
    assert cli.run_command(["self-test"]) == 1
    assert "Dice" in capsys.readouterr().err


def test_without_a_display_the_command_line_is_offered(monkeypatch, capsys):
    monkeypatch.setattr("spinealign.__main__.has_display", lambda: False)
    assert main([]) == 1
    assert "spinealign analyze" in capsys.readouterr().err
