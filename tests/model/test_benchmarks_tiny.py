"""Scripts under benchmarks/ that take long are run with the smallest setting, on made data."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests import data_sets, films, frontal, mr_slices
from tests.dicom_objects import require_program
from tests.loopback import only_loopback
from tests.model.test_benchmarks import FILES, PARTS, ROOT, SAMPLES, load, run_script

MODELS = ROOT / "models"
MR_SAMPLE = SAMPLES["mr_lumbar_phantom"].path
IN_PART = {
    "killed_readings": "a whole reading takes 20 s; one is killed at its first step",
    "killed_windows": "a whole round takes 10 s; one is killed at its first steps",
    "planted_texts": "drives the whole program for minutes; its search is tested",
    "worklist": "a run did not end once, and why is not known; its films are drawn",
    "window_worker": "eight starts of the program, a minute; how it counts memory is tested",
}
"""Scripts of which tests run functions only, and why."""
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="kills by signals")


def run_module(name, *given, code=0):
    """Run a script in a process of its own; return what it printed."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *map(str, given)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode in {code, 0}, done.stdout + done.stderr
    return done.stdout


def number_in(told, pattern):
    """Return the number that a pattern finds in what was printed."""
    found = re.search(pattern, told)
    assert found is not None, f"{pattern!r} is not in {told}"
    return float(found[1])


RUN = re.compile(
    r"""run_(?:script|module)\(\s*"(\w+)"|"-m", "benchmarks\.(\w+)"|"benchmarks" / "(\w+)\.py\""""
)


def test_every_script_is_run_or_has_a_reason():
    texts = [
        file.read_text(encoding="utf-8")
        for file in Path(__file__).parent.glob("test_benchmarks*.py")
    ]
    run = {name for text in texts for names in RUN.findall(text) for name in names if name}
    loaded = {name for text in texts for name in re.findall(r'load\("(\w+)"\)', text)}
    assert sorted(set(FILES) - run - IN_PART.keys() - PARTS) == []
    assert sorted(IN_PART.keys() & run) == []
    assert sorted(IN_PART.keys() - loaded) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")
def test_an_archive_is_looked_through_below_a_limit(monkeypatch, capsys):
    script = load("archive_memory")
    monkeypatch.setattr(script, "MEMBERS", 30)
    for limit, code in ((script.LIMIT_BYTES, 0), (10**6, 1)):
        monkeypatch.setattr(script, "LIMIT_BYTES", limit)
        with pytest.raises(SystemExit) as ended:
            run_script("archive_memory", monkeypatch, "--only", "small_slices")
        assert ended.value.code == code
        told = capsys.readouterr().out
        assert "| small slices | 30 |" in told
        assert "| 1 series; read; read |" in told
        assert 40 < number_in(told, r"worst (\d+) MB") < 600


@pytest.mark.train
def test_shapes_of_drawn_bodies_are_those_drawn(tmp_path, monkeypatch, capsys):
    for number in range(4):
        films.write_film(tmp_path, f"{number:03}")
    run_script("body_shapes", monkeypatch, tmp_path)
    told = capsys.readouterr().out
    assert "3 training films" in told
    assert number_in(told, r"area, body +9 +(\S+)") == pytest.approx(1, abs=0.01)
    gap = 8 / films.SIDE
    assert number_in(told, r"gap of facing endplates +9 +(\S+)") == pytest.approx(gap, abs=0.001)
    assert number_in(told, r"centres, others +6 +(\S+)") == pytest.approx(1 + gap, abs=0.001)


def test_texts_on_plain_pictures_are_all_found(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "xray_lateral" / "images"
    folder.mkdir(parents=True)
    shade = np.broadcast_to(np.linspace(60, 120, 500).astype(np.uint8), (400, 500))
    for number in range(2):
        cv2.imwrite(str(folder / f"{number}.jpg"), shade)
    run_script("burned_in_text", monkeypatch, "--data", tmp_path, "--pictures", 2)
    told = capsys.readouterr().out
    assert "lateral neck films: 2 pictures, false alarm in 0; " in told
    assert "CT: 0 pictures" in told
    texts, touched = (
        number_in(told, rf"all: .*?; .*?(\d+) {word}") for word in ("texts", "touched")
    )
    assert texts == touched > 0


@pytest.mark.model
@pytest.mark.train
def test_a_constant_is_varied(tmp_path, monkeypatch, capsys):
    script = load("constants")
    mr_slices.write_sources(tmp_path)
    films.write_film(tmp_path / "xray_lateral", "000")
    films.write_film(tmp_path / "xray_lateral", "001")
    for path in (tmp_path / "xray_lateral" / "images").glob("*.png"):
        cv2.imwrite(str(path.with_suffix(".jpg")), cv2.imread(str(path)))
    monkeypatch.setattr(script.os, "nice", lambda _: None)
    monkeypatch.setattr(script.RememberingEngine, "is_learning", True)
    given = ["--films", 1, "--slices", 1, "--only", "mr_pieces._LEAST_AREA"]
    run_script("constants", monkeypatch, tmp_path, *given)
    told = capsys.readouterr().out
    assert "2 images, 1 with bodies or discs" in told
    rows = [line for line in told.splitlines() if " | " in line]
    assert [line.split()[0] for line in rows] == ["measure.outlines.mr_pieces._LEAST_AREA"]


def test_a_copy_under_another_patient_is_counted(tmp_path, capsys, monkeypatch):
    drawn = tmp_path / "data" / "made"
    for patient in range(1, 4):
        for number in range(3):
            pixels = data_sets.draw_slice(patient, number)
            data_sets.encoded(pixels, drawn / f"patient{patient}_slice{number}.png")
    shutil.copy(drawn / "patient1_slice0.png", drawn / "patient2_slice9.png")
    given = ["--data", drawn.parent, "--out", tmp_path / "out", "--sets", "made"]
    run_script("data_audit", monkeypatch, *given)
    told = capsys.readouterr().out
    assert "## made" in told
    assert number_in(told, r"of two patients: (\d+)") == 1


def test_objects_are_judged_and_read_back(monkeypatch, capsys):
    require_program("dciodvfy", "dicom3tools")
    require_program("dsrdump", "dcmtk")
    assert run_script("dicom_objects", monkeypatch, "--only", "slice turned") == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if "turned" in line)
    objects, errors, _, warnings, pixels, wrong, numbers, wrong_numbers = map(
        int, row.split("|")[2:-1]
    )
    assert (errors, warnings, wrong, wrong_numbers) == (0, 0, 0, 0)
    assert objects >= 8
    assert pixels > 1000
    assert numbers > 10


@pytest.mark.model
@pytest.mark.train
def test_discs_of_two_networks_are_graded_beside_the_readers(tmp_path, monkeypatch, capsys):
    mr_slices.write_disc_grading(tmp_path, patients=1)
    model = MODELS / "mr_segmentation"
    given = ["--data", tmp_path, "--model", model, shutil.copytree(model, tmp_path / "other")]
    run_script("disc_grades", monkeypatch, *given)
    told = capsys.readouterr().out
    assert "other: 1 patients, 5 of 5 discs; no column 0" in told
    assert "discs, the same grade 1.000" in told
    assert "other number of discs: 0 patients" in told


def test_a_corner_is_dragged_and_painted():
    told = run_module("dragging", "--frames", 2, "--changes", 2, "--side", 600)
    assert "600 x 600 film, 7 bodies" in told
    drawn = [int(count) for count in re.findall(r", (\d+) measures drawn", told)]
    assert len(drawn) == 4
    assert drawn[1] > drawn[0]
    assert all(float(rate) > 0 for rate in re.findall(r"([\d.]+) frames/s", told))
    assert told.count("every number anew after a change: median ") == 4


HAND_MADE = """
[tests]
"spinealign/twice.py" = ["tests/core/test_twice.py"]
[[fault]]
title = "thrice"
package = "spinealign/twice.py"
kind = "arithmetic"
old = "2 * value"
new = "3 * value"
[[fault]]
title = "a name is lost"
package = "spinealign/twice.py"
kind = "text"
old = "NAME = 'twice'"
new = "NAME = ''"
"""


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_fault_is_caught_and_one_survives(tmp_path):
    tree = tmp_path / "tree"
    texts = {
        "spinealign/__init__.py": "",
        "spinealign/twice.py": "NAME = 'twice'\ndef of(value):\n    return 2 * value\n",
        "tools/__init__.py": "",
        "tests/core/test_twice.py":
            "from spinealign.twice import of\ndef test_of():\n    assert of(2) == 4\n",
        "faults.toml": HAND_MADE,
    }  # fmt: skip
    for name, text in texts.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text, encoding="utf-8")
    assert len(tomllib.loads(HAND_MADE)["fault"]) == 2
    subprocess.run(["git", "init", "-q", tree], check=True)
    # The script imports nothing of the program, so that the copy's is the only one.
    command = [
        sys.executable,
        ROOT / "benchmarks" / "faults.py",
        "--tree",
        tree,
        "--stages",
        "near",
    ]
    done = subprocess.run(
        [*command, "--faults", tree / "faults.toml"], cwd=tmp_path, capture_output=True, text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "(tests/core/test_twice.py::test_of)" in done.stdout
    assert "50.0% caught" in done.stdout
    assert "survived: a name is lost" in done.stdout


@pytest.mark.model
def test_films_of_a_source_are_scored(tmp_path, monkeypatch, capsys):
    films.write_sources(tmp_path)
    run_script("film_sources", monkeypatch, "--data", tmp_path, "--only", "three necks")
    told = capsys.readouterr().out
    assert "three necks: 1 films" in told
    assert 0 <= number_in(told, r"neck found +(\S+)") <= 1
    assert "whole spine" not in told


@pytest.mark.model
@pytest.mark.train
def test_the_window_is_timed_beside_the_reports_own_way(monkeypatch, capsys):
    pytest.importorskip("tensorflow")
    run_script("first_result", monkeypatch, "--runs", 1, "--cold")
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    figures = {
        row[0]: (float(row[1]), float(row[3])) for row in rows if row[0][-2:] in ("_s", "mb")
    }
    for window, result in zip(figures["window_s"], figures["result_s"], strict=True):
        assert 0 < window < result
    assert all(memory > 50 for memory in figures["resident_mb"])


@pytest.mark.model
def test_a_frontal_film_is_scored(tmp_path, monkeypatch, capsys):
    frontal.write_films(tmp_path / "xray_spine_ap")
    given = ["--data", tmp_path, "--model", MODELS / "frontal_bodies", "--limit", 1]
    run_script("frontal_films", monkeypatch, *given, "--only", "whole")
    told = capsys.readouterr().out
    assert "whole film: 1 films of 1 patients" in told
    assert "thoracic part" not in told
    assert "error" in told


def test_every_kind_of_input_comes_to_an_outcome(monkeypatch, capsys):
    load("fuzz_readers")
    told = run_module("fuzz_readers", "--inputs", 20)
    assert "20 inputs in " in told
    assert "finding" not in told
    counts = re.findall(r"^ *(\d+)  ", told, re.MULTILINE)
    assert sum(map(int, counts)) == 20
    assert number_in(told, r"(\d+)  opened") > 0


@pytest.mark.model
def test_a_squeezed_body_is_told(tmp_path, monkeypatch, capsys):
    script = load("height_loss")
    monkeypatch.setattr(script, "LOSSES", (0.1, 0.4))
    mr_slices.write_sources(tmp_path, patients=1)
    run_script("height_loss", monkeypatch, tmp_path)
    told = capsys.readouterr().out
    assert "T1, no fracture reported: 0 of " in told
    assert "VB2 and VB3: 0 of " in told
    assert "wedge 10%: {'bodies': 1, 'told': 0, 'others told': 0}" in told
    assert "wedge 40%: {'bodies': 1, 'told': 1, 'others told': 0}" in told
    run_script("height_loss", monkeypatch, tmp_path, "--levels")
    told = capsys.readouterr().out
    assert "body_height_middle of L5 over that of L3 and L4: 1.000 +- 0.000" in told


@POSIX
@pytest.mark.model
def test_results_are_old_or_new_after_kills():
    told = run_module("killed_batches", "--kills", 1, "--images", 1, "--readings", 2)
    assert "mixture" not in told
    steps = [line for line in told.splitlines() if line.startswith("every step")]
    assert len(steps) == 2
    assert all("'wholly old'" in line and "'wholly new'" in line for line in steps)
    assert told.count("'not cleared away': 0") == 4
    assert "'kills': 1" in told


@POSIX
@pytest.mark.model
def test_a_reading_is_killed_and_a_loss_would_be_told(tmp_path):
    killed = load("killed_readings")
    told, _, lost = killed.one_reading(SAMPLES["ct_axial"].path, 0.0)
    assert lost == []
    assert killed.stage_of(told) in ("opened", "being read")
    signed = told[-1]
    for name, empty, value in (
        ("signed_utc", "null", "2026-01-01T00:00:00Z"),
        ("reader", '""', "A"),
    ):
        signed = re.sub(rf'"{name}":{empty}', f'"{name}":"{value}"', signed)
    assert killed.losses([signed], tmp_path) == ["the whole reading"]


@POSIX
@pytest.mark.model
def test_a_window_is_killed_and_a_loss_would_be_told(tmp_path):
    killed = load("killed_windows")
    known = killed.Known(tmp_path)
    told = killed.Child(tmp_path, 0).end(3, 0.05)
    assert told[:3] == ["in", "opened k0", "kept k0"]
    known.note(told)
    assert known.faults() == []
    known.note(["kept nobody", "typed nothing"])
    assert known.faults() == ["not kept: ['nobody']", "not in the reading: ['nothing']"]


def test_values_find_places():
    told = run_module("labels", "--times", 1)
    rows = re.findall(r"(\d+) of +(\d+) written +median +([\d.]+) ms", told)
    assert len(rows) == 36
    assert all(0 < int(written) <= int(drawn) for written, drawn, _ in rows)
    assert all(float(median) > 0 for *_, median in rows)


def mr_options(folder):
    """Return what judges the shipped MR network on sources in a folder."""
    model = MODELS / "mr_segmentation"
    return ["--data", folder, "--cache", folder / "cache", "--model", model]


@pytest.mark.model
def test_bodies_of_a_patient_kept_aside_have_their_names(tmp_path, monkeypatch, capsys):
    mr_slices.write_sources(tmp_path, patients=2)
    run_script("mr_levels", monkeypatch, *mr_options(tmp_path))
    told = capsys.readouterr().out
    assert "mr_segmentation: 1 patients" in told
    assert re.search(r"every name right +1 +1", told)
    assert number_in(told, r"disc_angle above +4 +(\S+)") < 5


@pytest.mark.model
def test_structures_of_each_source_are_outlined(tmp_path, monkeypatch, capsys):
    mr_slices.write_sources(tmp_path)
    sources = ("--sources", "spider", "t1", "--one-look")
    run_script("mr_sources", monkeypatch, *mr_options(tmp_path), *sources)
    told = capsys.readouterr().out
    for source in ("spider", "t1"):
        row = rf"{source}, aside, mr_segmentation: 1 patients, 1 slices.*\n +vertebra +Dice (\S+)"
        assert 0.8 < number_in(told, row) < 1


@pytest.mark.model
def test_measures_of_both_masks_are_compared(tmp_path, monkeypatch, capsys):
    pytest.importorskip("sklearn")
    mr_slices.write_sources(tmp_path)
    run_script("mr_bodies", monkeypatch, tmp_path / "mr_sagittal_segmentation", "--slices", 1)
    told = capsys.readouterr().out
    assert re.search(r"levels .*: 1 slices", told)
    assert number_in(told, r"anterior_superior +5 +(\S+)") < 0.2


@pytest.mark.skipif(sys.platform == "win32", reason="pins processors")
@pytest.mark.model
def test_the_time_of_an_image_is_shared_out(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "mr_sagittal_segmentation" / "images"
    folder.mkdir(parents=True)
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.webp"), mr_slices.picture(number))
    given = ["--data", tmp_path, "--images", 1, "--kinds", "mr"]
    run_script("time_of_an_image", monkeypatch, *given)
    told = capsys.readouterr().out
    whole, *parts = map(int, re.search(
        r"mr: 1 images, (\d+) ms each: networks (\d+), decoding (\d+), writing (\d+), rest (\d+)",
        told,
    ).groups())  # fmt: skip
    assert min(whole, *parts) > 0
    assert whole == pytest.approx(sum(parts), abs=3)


def test_tests_run_with_the_arithmetic_of_another_processor(monkeypatch, capsys):
    pytest.importorskip("threadpoolctl")
    given = ["--only", "AMD Zen", "tests/model/test_square.py", "-k", "nothing_has_this_name"]
    run_script("kernels", monkeypatch, *given)
    row = capsys.readouterr().out.splitlines()[2].split(" | ")
    assert row[0] == "| AMD Zen"
    assert len(row[3].split()) == 6
    assert "deselected" in row[4] or "no tests ran" in row[4]


def test_objects_are_sent_and_received(monkeypatch, capsys):
    from tests.network.conftest import missing

    if reason := missing():
        pytest.skip(reason)
    try:
        with only_loopback():
            pass
    except OSError as error:
        pytest.skip(str(error))
    run_script("network_speed", monkeypatch, "--count", 4)
    rates = re.findall(r": (\d+) objects/s", capsys.readouterr().out)
    assert len(rates) == 4
    assert all(int(rate) > 0 for rate in rates)


@contextmanager
def x_server():
    """Run an X server of this test's own; yield its display."""
    receive, send = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(send), "-screen", "0", "1366x768x24", "-nolisten", "tcp"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=(send,),
    )  # fmt: skip
    os.close(send)
    try:
        with os.fdopen(receive) as told:
            yield f":{told.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="needs an X server")
@pytest.mark.model
def test_a_packaged_start_is_timed(tmp_path, monkeypatch, capsys):
    """The program from source stands in for the packaged one; the disk's cache is left alone."""
    absent = [name for name in ("Xvfb", "xdotool", "import") if shutil.which(name) is None]
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")
    script = load("package_start")
    program = tmp_path / "SpineAlign"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m spinealign "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(script, "IDLE_S", 0)
    monkeypatch.setattr(script, "drop_page_cache", lambda: False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    with x_server() as display:
        monkeypatch.setenv("DISPLAY", display)
        run_script("package_start", monkeypatch, "--frozen", tmp_path, "--runs", 1)
    rows = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert rows["cold_s"] == ["not", "measured", "not", "measured"]
    assert all(0.1 < float(rows["warm_s"][place]) < 60 for place in (0, 2))
    assert all(float(rows["idle_mb"][place]) > 50 for place in (0, 2))


@pytest.mark.model
def test_a_whole_case_is_timed():
    told = run_module("whole_case", "--runs", 1, "--image", MR_SAMPLE)
    assert "5 actions: Ctrl+O, choose a file, drag a corner, " in told
    parts = [number_in(told, rf"{part} +(\S+) s") for part in ("analysed", "corrected", "saved")]
    assert all(seconds > 0 for seconds in parts)
    assert number_in(told, r"whole case +(\S+) s") == pytest.approx(sum(parts), abs=1)


@pytest.mark.model
def test_actions_of_a_reading_are_counted():
    told = run_module("whole_reading", "--changes", 0, "--image", MR_SAMPLE)
    assert "lumbar_phantom.dcm, 0 changed: 4 actions" in told
    assert "open, accept all the rest, sign and save, sign" in told
    machine, person, both = (
        number_in(told, rf"{part} ([\d.]+) s") for part in ("machine", "person", "together")
    )
    assert both == pytest.approx(machine + person, abs=0.11)


def test_films_of_the_worklist_are_drawn(tmp_path):
    assert len(load("worklist").drawn_films(tmp_path, 2)) == 2


@pytest.mark.model
@pytest.mark.train
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_training_without_the_start_is_measured(tmp_path, monkeypatch, capsys):
    script = load("xray_ablation")
    films.write_sources(tmp_path)
    for name in ("ct_fracture", "mr_sagittal_segmentation"):
        films.write_film(tmp_path / name, "plain")
    tiny = script.xray.XrayRecipe(widths=(8, 8, 12), input_px=64, crop=(64, 64), batch=2)
    monkeypatch.setattr(script.xray, "XrayRecipe", lambda: tiny)
    given = ["--data", tmp_path, "--work", tmp_path / "work", "--steps", 1, "--only", "random"]
    run_script("xray_ablation", monkeypatch, *given)
    told = capsys.readouterr().out
    assert "1 steps each; 1 held-out films, 1 whole necks" in told
    rows = [line for line in told.splitlines() if line.endswith("%")]
    assert [line[:15] for line in rows] == ["shipped weights", "shipped weights", "random start in"]
