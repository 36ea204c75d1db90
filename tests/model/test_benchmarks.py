"""Every script under benchmarks/ loads and explains itself; the short ones measure something."""

import ast
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from spinealign.imaging.samples import list_samples

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = {sample.name: sample for sample in list_samples()}
PARTS = {"engine_answers", "engine_files", "fuzz_documents", "fuzz_structures"}
"""What `engines` and `fuzz_readers` are made of."""
FILES = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))
NAMES = [name for name in FILES if name not in PARTS]
NEEDS = {
    "engines": "tensorflow",
    "killed_training": "tensorflow",
    "mr_bodies": "sklearn",
    "t1_reports": "sklearn",
    "xray_ablation": "tensorflow",
}


def load(name):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    if name == "fuzz_readers" and sys.platform == "win32":
        pytest.skip("limits of processes are POSIX")
    return importlib.import_module(f"benchmarks.{name}")


def test_the_page_names_every_script():
    page = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert [name for name in FILES if f"{name}.py" not in page] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_script_loads_and_explains_itself(name, monkeypatch, capsys):
    script = load(name)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit) as ended:
        script.main()
    assert ended.value.code == 0
    assert "usage: " in capsys.readouterr().out


@pytest.mark.model
@pytest.mark.train
@pytest.mark.parametrize("openvino", [True, False])
def test_engines_take_turns_on_a_sample(openvino, tmp_path, monkeypatch, capsys):
    engines = load("engines")
    if openvino:
        pytest.importorskip("openvino")
    monkeypatch.setattr(engines, "is_installed", lambda name: openvino and name == "openvino")
    given = ["--runs", 1, "--threads", 1, "--only", "disc_grading", "--made", tmp_path, "--memory"]
    assert not run_script("engines", monkeypatch, *given)
    told = capsys.readouterr().out
    assert (engines.NO_OPENVINO in told) is not openvino
    assert "disc_grading 1.0.0, 1 threads, 1 rounds, 7 inputs" in told
    assert told.count("largest gap of t1 ") == (3 if openvino else 1)
    held = float(told.split("disc_grading: LiteRT ")[1].split(",")[0])
    assert 5 < held < 500
    assert "view_gate" not in told


@pytest.mark.model
@pytest.mark.train
@pytest.mark.filterwarnings(r"ignore:\s*Warning. tf.lite.Interpreter is deprecated:UserWarning")
def test_a_network_in_int8_answers_nearly_as_it_did(tmp_path):
    load("engines")
    from benchmarks import engine_files as files

    card = files.ModelStore().load("view_gate").card
    inputs = files.sample_inputs(4)["view_gate"]
    with_openvino = all(importlib.util.find_spec(name) for name in ("openvino", "nncf"))
    files.make_int8(tmp_path, card, inputs, with_openvino=with_openvino)
    ways = (files.LITERT_INT8[1], files.OPENVINO_INT8) if with_openvino else files.LITERT_INT8[1:]
    expected = files.LITERT.engine(tmp_path, card, 1).run(inputs[0]["image"])["logits"]
    for way in ways:
        told = way.engine(tmp_path, card, 1).run(inputs[0]["image"])["logits"]
        assert 0 < np.abs(told - expected).max() < 0.1 * np.abs(expected).max()


def test_end_answers_that_differ_are_counted_and_told():
    pytest.importorskip("tensorflow")
    from benchmarks import engine_answers
    from spinealign.domain.examination import ImageKind
    from spinealign.gate.classify import KindPrediction
    from tests.fakes import answer_for

    analysis = answer_for(Path("film.png"), None)
    first, last = (analysis.vertebrae[place] for place in (0, -1))
    moved = [replace(mark, x=mark.x + 30) for mark in first.landmarks]
    others = (replace(first, landmarks=tuple(moved)), *analysis.vertebrae[1:])
    mask = analysis.segmentation.mask.copy()
    mask[: mask.shape[0] // 2] = 0
    kinds = (ImageKind.LATERAL_FILM, ImageKind.SPINE_MR)

    def gaps(share, **changes):
        gate = [KindPrediction(dict(zip(kinds, (p, 1 - p), strict=True)), 0) for p in (share, 0.9)]
        found = engine_answers.Gaps()
        found.add(
            engine_answers.Answer(gate[0], replace(analysis, **changes), 1.0),
            engine_answers.Answer(gate[1], analysis, 2.0),
        )
        return found

    assert gaps(0.9).beyond() == []
    assert "2.00 times as fast" in engine_answers.told("OpenVINO", "film", gaps(0.9))
    assert gaps(0.4).beyond() == ["kind", "gate"]
    assert gaps(0.9, vertebrae=others).beyond() == ["corners"]
    assert gaps(0.9, vertebrae=(*others[:-1], replace(last, level="T2"))).renamed == 1
    halved = replace(analysis.segmentation, mask=mask)
    assert gaps(0.9, segmentation=halved).beyond() == ["outlines"]


@pytest.mark.skipif(sys.platform != "linux", reason="preloaded by Linux's loader")
def test_an_older_processor_lacks_avx_512_and_nothing_before_it(tmp_path):
    compiler = shutil.which("cc")
    if compiler is None or platform.machine() != "x86_64":
        pytest.skip("needs a C compiler for x86-64")
    library = tmp_path / "older.so"
    source = ROOT / "benchmarks" / "older_processor.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    code = "import numpy as n; print(n.show_config('dicts')['SIMD Extensions']['found'])"

    def features(preloaded):
        env = {**os.environ, "LD_PRELOAD": preloaded}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode == 3:
            pytest.skip(done.stderr)
        assert done.returncode == 0, done.stderr
        return set(ast.literal_eval(done.stdout))

    own, older = features(""), features(str(library))
    assert older == own & {"X86_V3"}


def test_the_readers_take_every_kind_of_damage(tmp_path, monkeypatch):
    fuzz = load("fuzz_readers")
    # Its limits are those of a child that reads and does nothing else.
    monkeypatch.setattr(fuzz, "MEMORY_BYTES", float("inf"))
    monkeypatch.setattr(fuzz, "CPU_SECONDS", float("inf"))
    whole = fuzz.seeds()[:12]
    inputs = [fuzz.make_input(number, whole) for number in range(25)]
    outcomes = {fuzz.outcome(*one, tmp_path) for one in inputs}
    assert {"opened", "truncated"} <= outcomes


def test_a_series_is_read_to_its_end(tmp_path):
    from tests.image_files import write_series

    write_series(tmp_path)
    assert load("fuzz_readers").volume_outcome(tmp_path) == "opened"


def test_quality_checks_are_counted(tmp_path, monkeypatch, capsys):
    pytest.importorskip("scipy")
    for sample, folder in (("ct_axial", "ct_fracture/val/normal"),
                           ("mr_lumbar_phantom", "mr_sagittal_segmentation/images")):  # fmt: skip
        (tmp_path / folder).mkdir(parents=True)
        shutil.copy(SAMPLES[sample].path, tmp_path / folder)
    run_script("quality_checks", monkeypatch, "--data", tmp_path, "--every", 1)
    told = capsys.readouterr().out
    assert "spine MR: 1 good pictures, 1 spoilt in each way" in told
    assert "lateral film: 0 good pictures" in told


def test_the_middle_slices_of_held_out_patients_are_measured():
    bodies = load("mr_bodies")
    mask = np.zeros((4, 4), np.uint8)
    one = bodies.LabelledSlice("", "", mask.astype(np.float32), mask)
    slices = [
        replace(one, name=f"{patient}_{number}", patient=str(patient))
        for patient in range(40)
        for number in range(5)
    ]
    chosen = list(bodies.middle_slices(slices, 3))
    assert {item.name[-1] for item in chosen} == {"1", "2", "3"}
    assert len(chosen) == 3 * 40 * bodies.HELD_OUT


@pytest.mark.train
@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked and killed: POSIX only")
def test_a_training_is_killed_and_goes_on_with_the_same_curve():
    """In a process of its own: one that has computed with TensorFlow cannot be forked."""
    pytest.importorskip("tensorflow")
    command = [sys.executable, "-m", "benchmarks.killed_training", "--kinds", "plain-cnn"]
    done = subprocess.run(
        [*command, "--kills", "1"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 kills in" in done.stdout
    assert "FAULTS" not in done.stdout


def test_other_curves_and_predictions_are_told():
    killed = load("killed_training")
    rows = [{"image": "a.png", "p": "0.25"}]
    same = killed.differences(
        [{"final": [{"loss": 4.0}]}, rows], [{"final": [{"loss": 4.0}]}, rows]
    )
    assert same == (0.0, [])
    assert killed.differences({"loss": 4.0}, {"loss": 5.0}) == (0.25, [])
    assert killed.differences(rows, [{"image": "a.png", "p": "0.35"}])[0] == pytest.approx(0.1)
    assert killed.differences(rows, [{"image": "b.png", "p": "0.25"}])[1] == ["'a.png' and 'b.png'"]
    assert killed.differences([1, 2], [1])[1] == ["2 entries and 1"]
    assert killed.differences({"fold 1": []}, {"final": []})[1]


def test_the_arithmetic_of_another_processor_is_forced(monkeypatch):
    kernels = load("kernels")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    assert "OPENBLAS_CORETYPE" not in kernels.environment(kernels.PROCESSORS["this computer"])
    zen = kernels.environment(kernels.PROCESSORS["AMD Zen"])
    assert zen["OPENBLAS_CORETYPE"] == "Zen"
    assert zen["PATH"] == kernels.os.environ["PATH"]


def test_a_planted_text_that_lies_in_plain_is_told(tmp_path, capsys):
    texts = load("planted_texts")
    planted = texts.Planted(seed=1)
    trial = texts.Trial(tmp_path / "trial", planted, {"password": planted.password})
    trial.expect_none("before")
    assert trial.faults == []
    (tmp_path / "trial" / "home" / "log").write_text(f"read by {planted.texts['operator']}")
    (tmp_path / "trial" / "disk" / "copy").write_bytes(zlib.compress(planted.password.encode()))
    trial.expect_none("after")
    assert trial.faults == [
        "after: ['operator'] in home/log", "after: ['password'] in disk/copy"
    ]  # fmt: skip
    assert "2 of 22 texts found" in capsys.readouterr().out
    film = pydicom.dcmread(trial.film)
    assert film.PatientName.given_name == planted.texts["given name"]
    assert len({*planted.texts.values()}) == 21


def run_script(name, monkeypatch, *given):
    script = load(name)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, given)])
    return script.main()


def test_outcomes_of_a_folder_are_listed(monkeypatch, capsys):
    run_script("read_outcomes", monkeypatch, ROOT / "resources" / "samples" / "ct_axial")
    assert "| CT_small.dcm | 1 | 128 x 128 |" in capsys.readouterr().out


def test_an_archive_of_few_examinations_is_searched(monkeypatch, capsys):
    run_script("archive_speed", monkeypatch, "--examinations", 5, "--events", 5, "--runs", 1)
    told = capsys.readouterr().out
    assert "5 examinations kept" in told
    assert "events verified in" in told
    assert "a password " in told


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signals")
def test_an_archive_is_killed_once_in_each_way(monkeypatch, capsys):
    run_script("killed_archive", monkeypatch, "--kills", 1)
    assert ", 0 faults" in capsys.readouterr().out.splitlines()[-1]


@pytest.fixture
def stub_batches(monkeypatch):
    """Batches whose workers do what `tests.batch_workers` does, in place of networks."""
    batch = load("batch")
    command = batch.command

    def stub(*given):
        return [sys.executable, "-m", "tests.batch_workers", *command(*given)[4:]]

    monkeypatch.setattr(batch, "command", stub)
    return batch


@pytest.mark.skipif(sys.platform != "linux", reason="processes and their memory are those of Linux")
def test_a_batch_is_killed_and_its_tables_are_those_of_an_undisturbed_one(
    stub_batches, monkeypatch, capsys
):
    assert run_script("batch", monkeypatch, "--images", 20, "--kills", 1, "--scaling", 0) == 0
    told = capsys.readouterr().out
    assert "20 images, 1 of them broken" in told
    assert "tables: alike, byte by byte" in told


@pytest.mark.skipif(sys.platform != "linux", reason="processes and their memory are those of Linux")
def test_many_images_are_killed_by_turns_and_none_is_lost(
    stub_batches, tmp_path, monkeypatch, capsys
):
    many = load("many_images")
    monkeypatch.setattr(many, "SOURCES", (("samples", 1),))
    given = ["--data", tmp_path, "--folder", tmp_path, "--images", 20, "--kills", 1]
    assert run_script("many_images", monkeypatch, *given) == 0
    told = capsys.readouterr().out
    assert "undisturbed: 20 of 20 images, 0 twice" in told
    assert "killed: 20 of 20 images, 0 twice" in told
    # The broken one was refused, or lost all that names it: either way it has its row.
    (tmp_path / "killed" / "images.csv").write_text("path,status\na,done\na,done\n")
    assert not many.count_rows(tmp_path / "killed", 2)


def test_rates_become_the_page_of_ten_million_studies(tmp_path, monkeypatch, capsys):
    from tools import ten_million

    rates = load("batch_rates")
    source = tmp_path / "ct_fracture" / "a.png"
    source.parent.mkdir()
    Image.fromarray(np.zeros((60, 60), np.uint8)).save(source)
    asked = []

    def run_batch(images, out, workers, only="", processors=0):
        assert processors in (0, workers)
        asked.append((workers, only, len(list(images.iterdir()))))
        return {"seconds": 9.0 if only else 36.0, "memory_mb": 700.0, "bytes": 4000.0}

    monkeypatch.setattr(rates, "run_batch", run_batch)
    monkeypatch.setattr(rates, "run_report", lambda _: {"seconds": 18.0})
    file, page = tmp_path / "rates.json", tmp_path / "page.md"
    given = ["--data", tmp_path, "--out", file, "--images", 4, "--rounds", 2, "--kinds", "ct"]
    assert run_script("batch_rates", monkeypatch, *given, "--workers", 2) == 0
    assert "tables 1,600, whole 400, report 800; tables 2.00 times" in capsys.readouterr().out
    assert set(asked) == {(2, "csv", 4), (2, "", 4), (1, "csv", 4)}
    figures = json.loads(file.read_text())
    # 10,000,000 images, 1,600 an hour on two cores.
    need = ten_million.needs(figures, "ct", "tables", ten_million.Assumptions())
    assert need.core_hours == pytest.approx(12_500)
    assert need.machines == 1  # 12,500 / (24 x 30 x 32) = 0.54
    assert need.gigabytes == pytest.approx(10)
    assert need.cost == pytest.approx(12_500 * 0.05 + 10 * 0.02)
    assert ten_million.needs(figures, "ct", "whole", ten_million.Assumptions()).machines == 3
    monkeypatch.setattr(
        sys, "argv", ["ten_million", "--figures", str(file), "--page", str(page), "--cores", "16"]
    )
    ten_million.main()
    assert (
        "| CT slices, one image a study, kind only | tables | 12,500 | 2 | 10 |" in page.read_text()
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's list of pages")
def test_memory_that_processes_share_counts_once():
    window = load("window_worker")
    own = window.held_mb([window.os.getpid()])
    assert own > 20
    assert window.held_mb([window.os.getpid()] * 2) < 2 * own


@pytest.mark.parametrize(
    ("text", "finding", "discs"),
    [
        ("Diffuse disc bulge noted at L4/L5 & L5-S1 levels.", "bulge", ["L4/L5", "L5/S1"]),
        ("L4-L5: disc bulge compressing the thecal sac.", "pressed", ["L4/L5"]),
        ("Disc bulge at L4-5  Compressing the thecal sac", "pressed", ["L4/L5"]),
        ("Disc bulge at L4/L5, mildly compressing thecal sac.", "pressed", []),
        ("Spondylolisthesis of L5 over S1.", "slip", ["L5/S1"]),
        ("No disc herniation at L4/L5.", "herniation", []),
        ("Multilevel bulges, noticeably at L3/L4.", "bulge",
         ["L1/L2?", "L2/L3?", "L3/L4", "L4/L5?", "L5/S1?"]),
    ],
)  # fmt: skip
def test_reports_name_the_discs_of_their_findings(text, finding, discs):
    reports = load("t1_reports")
    assert reports.positive(reports.read_report(text)).get(finding, []) == discs


@pytest.mark.model
def test_reports_are_laid_beside_the_program(tmp_path, monkeypatch, capsys):
    from tests import mr_slices

    mr_slices.write_sources(tmp_path)
    assert run_script("t1_reports", monkeypatch, "--data", tmp_path, "--patients", 2) is None
    told = capsys.readouterr().out
    assert "2 patients" in told
    assert "canal_below_one_third: 0 discs" in told
