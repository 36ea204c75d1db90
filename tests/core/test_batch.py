"""Batches: what is listed, what is remembered, workers that die, and tables of all results."""

import base64
import csv
import hashlib
import itertools
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from spinealign.batch.cohort import IMAGE_COLUMNS, PATIENT_COLUMNS, image_row, write_tables
from spinealign.batch.gallery import confidence, remove_gallery, write_gallery
from spinealign.batch.listing import BatchItem, list_items
from spinealign.batch.options import BatchOptions, UsedModel, counts_no_more, models_of
from spinealign.batch.parquet import remove_parquet, write_parquet
from spinealign.batch.pool import MOST_ATTEMPTS, Pool
from spinealign.batch.run import Progress, TableChoice, Waits, opened_batch
from spinealign.batch.state import (
    STATE_NAME,
    TABLES,
    BatchState,
    ItemStatus,
    Outcome,
    Row,
    TakenIn,
    picture_path,
)
from spinealign.batch.watch import Watch
from spinealign.batch.worker import Look, Task
from spinealign.cli.main import run_command
from spinealign.domain.errors import BatchError, BatchProblem
from spinealign.domain.generators import run_to_end
from spinealign.export.gallery_picture import SIDE_PX
from spinealign.files import held_if_free
from spinealign.inference.catalog import ModelStore
from spinealign.wording.batch import batch_begin_text
from spinealign.wording.batch_gallery import ORDERS
from tests.batch_workers import serve_names, serve_nothing

ROOT = Path(__file__).resolve().parents[2]
COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"
MODELS = {
    "film": UsedModel("1", ("lateral_neck_radiograph",)),
    "ct": UsedModel("1", ("neck_ct_slice",)),
    "gate": UsedModel("1", ()),
}


def draw(path, value=1):
    """Write a small picture that no two values share."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.add.outer(np.arange(80), np.arange(80)).astype(np.uint8) + np.uint8(value)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    return [draw(folder / f"{name}.png", k) for k, name in enumerate(("a", "b", "c"))]


def items_of(*paths):
    return run_to_end(list_items(paths)).items


@pytest.fixture
def state(tmp_path):
    state = BatchState(tmp_path / STATE_NAME)
    yield state
    state.close()


def rows(state):
    return {row.path.stem: row for row in state.rows()}


class TestListing:
    def test_a_folder_a_list_and_a_file_lead_to_each_image_once(self, images, tmp_path):
        table = tmp_path / "list.csv"
        table.write_text("patient,Path\n1,images/b.png\n2,images/c.png\n2,images/c.png\n")
        items = items_of(images[0].parent, table, images[0])
        assert sorted(item.path.stem for item in items) == ["a", "b", "c"]
        assert all(item.source == item.path for item in items)

    def test_a_broken_file_is_an_item_with_its_reason(self, images):
        broken = images[0].parent / "empty.png"
        broken.touch()
        (images[0].parent / "notes.txt").write_text("no picture")
        listing = run_to_end(list_items([images[0].parent]))
        [refused] = [item for item in listing.items if item.source is None]
        assert refused.path == broken
        assert refused.problem is not None
        assert any("notes" in one.part.path.name for one in listing.skipped)

    def test_every_bad_file_is_named_and_what_nobody_takes_for_an_image_is_counted(
        self, images, monkeypatch
    ):
        """Also where so many are skipped that a looking does not name them all."""
        monkeypatch.setattr("spinealign.imaging.study.MOST_SKIPPED", 1)
        folder = images[0].parent
        sample = (ROOT / "resources/samples/ct_axial/CT_small.dcm").read_bytes()
        bad = {
            "text.png": b"<html>not found</html>", "zeros.dcm": bytes(9000), "head": sample[:200],
            "cut.dcm": sample[:1000], "no.zip": b"PK no archive", "empty.JPG": b"",
            "IM0001": b"", "1.2.840": b"",
        }  # fmt: skip
        for name, content in bad.items():
            (folder / name).write_bytes(content)
        plain = ("README.txt", "list.csv", "case.docx", "empty.txt")
        for name in plain:
            (folder / name).write_text("" if name == "empty.txt" else "no picture")
        (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
        listing = run_to_end(list_items([folder]))
        assert {item.path.name for item in listing.items if item.source is None} == set(bad)
        assert (listing.skipped_count, len(listing.skipped)) == (len(plain), 1)
        assert len(listing.items) == len(bad) + 3
        for path in images:
            path.unlink()
        assert {item.path.name for item in items_of(folder)} == set(bad)

    def test_pictures_of_an_earlier_batch_are_no_images(self, images):
        out = images[0].parent / "results"
        (out / "gallery").mkdir(parents=True)
        for name in ("a.jpg", "own.jpg"):
            (out / "gallery" / name).write_bytes(images[0].read_bytes())
        assert len(items_of(images[0].parent)) == len(images) + 2
        (out / "batch.sqlite").write_bytes(b"SQLite format 3\0")
        (out / "a").mkdir()
        (out / "a" / "analysis.json").write_text("{}")
        named = {item.path.name for item in items_of(images[0].parent)}
        assert named == {"a.png", "b.png", "c.png", "own.jpg"}

    @pytest.mark.parametrize("damaged", ["a.dcm", "z.dcm"])
    def test_a_copy_that_was_cut_off_takes_no_whole_one_away(self, tmp_path, damaged):
        sample = (ROOT / "resources/samples/ct_axial/CT_small.dcm").read_bytes()
        (tmp_path / "m.dcm").write_bytes(sample)
        (tmp_path / damaged).write_bytes(sample[: len(sample) // 2])
        listing = run_to_end(list_items([tmp_path]))
        assert [item.path.name for item in listing.items] == ["m.dcm"]
        assert listing.copies == 1

    def test_copies_are_left_out_and_counted(self, images):
        folder = images[0].parent
        sample = (ROOT / "resources/samples/ct_axial/CT_small.dcm").read_bytes()
        for name in ("a.dcm", "copy.dcm"):
            (folder / name).write_bytes(sample)
        (folder / "link.png").symlink_to(images[0])
        listing = run_to_end(list_items([folder]))
        assert (len(listing.items), listing.copies) == (4, 2)
        said = batch_begin_text(4, 0, 0, 0, listing.copies)
        assert said.endswith(
            "; 2 pictures left out that have the identifiers of one listed already"
        )
        assert batch_begin_text(4, 0, 0, 0, forgotten=1).endswith(
            "; 1 result of an earlier run is of files that are not listed any more, or changed: "
            "what was written stays, in no table"
        )

    def test_reports_and_segmentations_beside_images_are_no_failures(self, images, tmp_path):
        path = images[0].parent / "report.dcm"
        data = pydicom.dcmread(ROOT / "resources/samples/ct_axial/CT_small.dcm")
        data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = COMPREHENSIVE_SR
        data.Modality = "SR"
        del data.PixelData, data.Rows, data.Columns
        data.save_as(path)
        listing = run_to_end(list_items([images[0].parent]))
        assert all(item.source is not None for item in listing.items)
        assert listing.skipped_count == 1
        [named] = items_of(path)
        assert named.problem is not None

    def test_members_of_an_archive_are_named_each(self, images, tmp_path):
        path = tmp_path / "study.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(images[0], "a/film.png")
            archive.write(images[1], "b/film.png")
            archive.write(images[2], "b/x:y.png")
            archive.writestr("b/film.jpg", b"nothing")
            archive.writestr("b/other.jpg", b"nothing")
            archive.writestr("notes.txt", b"nothing")
        listing = run_to_end(list_items([path]))
        assert {str(item.path.relative_to(path)): item.stem for item in listing.items} == {
            "a/film.png": "film", "b/film.png": "film", "b/x:y.png": "study",
            "b/film.jpg": "film", "b/other.jpg": "other",
        }  # fmt: skip
        assert len({item.identity for item in listing.items}) == 5
        refused = {item.path.name for item in listing.items if item.problem is not None}
        assert refused == {"film.jpg", "other.jpg"}
        before = {item.identity for item in listing.items}
        os.utime(path, ns=(1, 1))
        assert not before & {item.identity for item in items_of(path)}

    def test_a_changed_file_is_another_item(self, images):
        before = {item.identity for item in items_of(*images)}
        draw(images[0], 9)
        os.utime(images[0], ns=(1, 1))
        after = {item.identity for item in items_of(*images)}
        assert len(before & after) == 2

    @pytest.mark.parametrize("text", ["a,b\n1,2\n", "", "\udcff"])
    def test_a_list_without_paths_is_told(self, tmp_path, text):
        table = tmp_path / "list.csv"
        table.write_bytes(text.encode(errors="surrogateescape"))
        with pytest.raises(BatchError) as caught:
            run_to_end(list_items([table]))
        assert caught.value.problem is BatchProblem.NO_LIST


class TestState:
    def done(self, state, identity, examination="neck_ct_slice", models=("ct",)):
        record = json.dumps({"examination": examination, "models": list(models)})
        state.note(identity, Outcome(ItemStatus.DONE, record=record))

    def test_what_is_done_stays_done_and_new_images_come_behind(self, state, images):
        [a, b, c] = items_of(*images)
        assert state.begin([a, b], "r", MODELS) == TakenIn()
        self.done(state, a.identity)
        assert state.begin([a, b, c], "r", MODELS) == TakenIn()
        assert [(row.number, row.status.value) for row in state.rows()] == [
            (1, "done"), (2, "waiting"), (3, "waiting"),
        ]  # fmt: skip

    def test_folders_of_one_name_get_numbers_and_keep_them(self, state, tmp_path):
        paths = [draw(tmp_path / str(k) / "Film.png", k) for k in range(3)]
        items = items_of(*paths)
        state.begin(items[:2], "r", MODELS)
        state.begin(items, "r", MODELS)
        assert [row.folder for row in state.rows()] == ["Film", "Film_2", "Film_3"]

    def test_no_image_is_called_as_what_the_batch_itself_writes(self, state, tmp_path):
        names = ("gallery.png", "GALLERY.html.png", "batch.sqlite.png", "images.csv.png", "x.png")
        state.begin(items_of(*(draw(tmp_path / "i" / n, k) for k, n in enumerate(names))), "r", {})
        assert sorted(row.folder for row in state.rows()) == [
            "GALLERY.html_2", "batch.sqlite_2", "gallery_2", "images.csv_2", "x",
        ]  # fmt: skip

    def test_another_recipe_makes_all_anew_and_what_failed_too(self, state, images):
        items = items_of(*images)
        state.begin(items, "r", MODELS)
        self.done(state, items[0].identity)
        state.note(items[1].identity, Outcome(ItemStatus.FAILED, "No.", "Do."))
        assert state.begin(items, "other", MODELS) == TakenIn(stale=2)
        assert state.count(ItemStatus.WAITING) == 3

    def test_only_results_that_depend_on_a_new_model_are_made_anew(self, state, images):
        items = items_of(*images)
        state.begin(items, "r", MODELS)
        self.done(state, items[0].identity)
        self.done(state, items[1].identity, "lateral_neck_radiograph", ("film",))
        state.begin(items, "r", {**MODELS, "ct": UsedModel("2", ("neck_ct_slice",))})
        assert [row.status.value for row in state.rows()] == ["waiting", "done", "waiting"]

    def test_what_is_listed_no_more_is_forgotten(self, state, images):
        items = items_of(*images)
        state.begin(items, "r", MODELS)
        assert state.begin(items[1:], "r", MODELS) == TakenIn(forgotten=1)
        assert [*rows(state)] == ["b", "c"]

    def test_failures_wait_again_when_asked(self, state, images):
        items = items_of(*images)
        state.begin(items, "r", MODELS)
        state.note(items[0].identity, Outcome(ItemStatus.FAILED, "No.", "Do."))
        assert (state.try_again(), state.count(ItemStatus.WAITING)) == (1, 3)

    def test_attempts_are_counted_within_a_run(self, state, images):
        [item, *_] = items_of(*images)
        for _ in range(2):
            state.begin([item], "r", MODELS)
            assert [state.hand_out(item.identity) for _ in range(3)] == [1, 2, 3]

    def test_a_damaged_and_a_newer_database_are_told(self, tmp_path):
        path = tmp_path / "damaged"
        path.write_bytes(b"not a database, and long enough to be looked at" * 30)
        with pytest.raises(BatchError) as caught:
            BatchState(path)
        assert caught.value.problem is BatchProblem.DAMAGED
        newer = tmp_path / "newer"
        BatchState(newer).close()
        with sqlite3.connect(newer) as database:
            database.execute("UPDATE run SET format = 99")
        with pytest.raises(BatchError) as caught:
            BatchState(newer)
        assert caught.value.problem is BatchProblem.NEWER


@pytest.mark.parametrize(
    ("now", "used", "examination", "expected"),
    [
        ({}, {"ct"}, "neck_ct_slice", False),
        ({"ct": UsedModel("2", ("neck_ct_slice",))}, {"ct"}, "neck_ct_slice", True),
        ({"ct": UsedModel("2", ("neck_ct_slice",))}, {"film"}, "lateral_neck_radiograph", False),
        ({"new": UsedModel("1", ("neck_ct_slice",))}, {"ct"}, "neck_ct_slice", True),
        ({"new": UsedModel("1", ("neck_ct_slice",))}, {"film"}, "lateral_neck_radiograph", False),
        ({"gate": UsedModel("2", ())}, {"film"}, "lateral_neck_radiograph", True),
        ({"new": UsedModel("1", ("neck_ct_slice",))}, set(), "", True),
        ({"film": UsedModel("1", ("neck_ct_slice",))}, {"x"}, "lateral_neck_radiograph", True),
    ],
)
def test_which_changed_models_count(now, used, examination, expected):
    assert counts_no_more(MODELS, MODELS | now, frozenset(used), examination) is expected


def test_models_are_those_that_answer_and_for_what():
    answering = models_of(ModelStore())
    assert answering["view_gate"].examinations == ()
    assert answering["mr_segmentation"].examinations == ("sagittal_spine_mr",)
    assert set(answering) <= {card.name for card in ModelStore().cards()}


class TestPool:
    def run(self, tmp_path, names, count=2, **options):
        tasks = [Task(name, Path(f"{name}.png"), Path(name), tmp_path / name) for name in names]
        given = []

        def hand_out(identity):
            given.append(identity)
            assert given.count(identity) <= MOST_ATTEMPTS
            return given.count(identity)

        with Pool(count, BatchOptions(), serve_as=serve_names, **options) as pool:
            told = [what for what in pool.run(tasks, hand_out) if not isinstance(what, Look)]
            ended = {task.identity: outcome for task, outcome in told}
            processes = [worker.process for worker in pool._workers]
        assert not any(process.is_alive() for process in processes)
        return ended, given

    def test_a_worker_that_dies_costs_nothing_and_one_image_that_kills_three_is_named(
        self, tmp_path
    ):
        ended, given = self.run(tmp_path, ["a", "once", "die", "b"])
        assert {name: ended[name].status.value for name in ended} == {
            "a": "done", "once": "done", "die": "failed", "b": "done",
        }  # fmt: skip
        assert (given.count("die"), given.count("once")) == (MOST_ATTEMPTS, 2)
        assert "“die.png” ended by signal 9 while reading the image" in ended["die"].sentence

    def test_a_step_without_end_is_given_up_and_the_others_go_on(self, tmp_path):
        ended, given = self.run(tmp_path, ["hang", "a", "b"], step_limit_s=1.5)
        assert ended["hang"].status is ItemStatus.FAILED
        assert "longer than 2 s" in ended["hang"].sentence
        assert given.count("hang") == 1
        assert {ended["a"].status, ended["b"].status} == {ItemStatus.DONE}

    def test_what_the_program_stands_still_says_nothing_against_an_image(self, tmp_path):
        """Ctrl+Z, or a computer that sleeps: an hour goes by between each two looks."""
        hours = itertools.count()
        ended, given = self.run(
            tmp_path, ["a", "b"], 1, step_limit_s=60, clock=lambda: 3600.0 * next(hours)
        )
        assert {ended["a"].status, ended["b"].status} == {ItemStatus.DONE}
        assert given == ["a", "b"]

    def test_a_pause_begins_nothing_and_lets_come_to_an_end_what_is_begun(self, tmp_path):
        pause, given, ended, idle = threading.Event(), [], [], 0
        tasks = [Task(name, Path(f"{name}.png"), Path(name), tmp_path / name) for name in "ab"]

        def hand_out(identity):
            given.append(identity)
            pause.set()
            return 1

        with Pool(1, BatchOptions(), serve_as=serve_names, is_paused=pause.is_set) as pool:
            for what in pool.run(tasks, hand_out):
                if not isinstance(what, Look):
                    ended.append(what[0].identity)
                elif what.is_paused and not what.working:
                    idle += 1
                    assert given == ended
                    if idle == 2:
                        pause.clear()
        assert ended == ["a", "b"]
        assert idle >= 2

    def test_workers_that_cannot_start_fail_no_image(self, tmp_path):
        given = []
        with (
            pytest.raises(BatchError) as caught,
            Pool(2, BatchOptions(), serve_as=serve_nothing) as pool,
        ):
            list(pool.run([Task("a", Path("a"), Path("a"), tmp_path)], given.append))
        assert caught.value.problem is BatchProblem.NO_WORKER
        assert given == []


def test_a_watch_counts_little_of_a_standstill_and_nothing_of_a_pause():
    times = iter((100.0, 101.0, 103.5, 9000.0, 9002.0, 9003.0))
    watch = Watch(5.0, lambda: next(times))
    assert [watch.look(), watch.look(), watch.look()] == [1.0, 3.5, 8.5]
    assert (watch.look(counts=False), watch.look()) == (8.5, 9.5)


class FakeWorkers:
    """Ends an image at each call; looks in between take what the test says."""

    def __init__(self, looks):
        self.looks = looks

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run(self, tasks, hand_out):
        for task in tasks:
            yield from self.looks
            yield task, Outcome(ItemStatus.FAILED, "No.", "Do.")


def test_a_pause_is_no_time_of_the_run(images, tmp_path):
    seconds = itertools.count(step=4.0)
    looks = [Look(False, 1), Look(True, 1), Look(True, 0), Look(True, 0), Look(False, 1)]
    with opened_batch(tmp_path / "out", BatchOptions(gallery=False), TableChoice()) as batch:
        run_to_end(batch.begin([images[0].parent]))
        told = list(batch.work(FakeWorkers(looks), lambda: next(seconds)))
    ended = [one for one in told if isinstance(one, Progress)]
    assert [one.seconds for one in ended] == [16.0, 32.0, 48.0]
    assert [one for one in told if not isinstance(one, Progress)] == 3 * [
        Waits(1), Waits(), Waits()
    ]  # fmt: skip


def test_the_tables_of_a_batch_hold_every_image_and_say_what_columns_mean(state, images, tmp_path):
    items = items_of(*images)
    state.begin(items, "r", MODELS)
    state.note(items[1].identity, Outcome(ItemStatus.FAILED, "Damaged.", "Copy it."))
    write_tables(state, tmp_path)
    with (tmp_path / "images.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [(row["number"], row["status"], row["sentence"]) for row in table] == [
        ("1", "waiting", ""), ("2", "failed", "Damaged."), ("3", "waiting", ""),
    ]  # fmt: skip
    with (tmp_path / "dictionary.csv").open(newline="") as file:
        told = {row["column"] for row in csv.DictReader(file) if row["table"] == "images"}
    assert told == set(table[0])


def test_every_column_that_may_be_written_has_a_type_and_a_meaning(state, tmp_path):
    write_tables(state, tmp_path, tuple(PATIENT_COLUMNS))
    told = dictionary_of(tmp_path)
    assert [one["column"] for one in told if one["table"] == "images"] == [
        *IMAGE_COLUMNS[:2], *PATIENT_COLUMNS, *IMAGE_COLUMNS[2:],
    ]  # fmt: skip
    assert all(one["meaning"].endswith(".") for one in told)
    types = {one["column"]: one["type"] for one in told}
    assert (types["number"], types["value"], types["patient_id"]) == (
        "whole number", "number", "text",
    )  # fmt: skip


def dictionary_of(folder):
    with (folder / "dictionary.csv").open(newline="") as file:
        return list(csv.DictReader(file))


RECORD = {
    "input": {"sha256": "f", "modality": "CT", "spacing_mm": [0.5, 0.25], "spacing_source": "x"},
    "view": {"confidence": 0.75}, "headline": 'A, "quoted"; line', "classification": None,
    "warnings": [], "examination": "neck_ct_slice", "program_version": "1", "models": ["m"],
    "model_versions": ["m 1"], "bodies": ["C2", "C3"], "least_confidence": None,
    "measures": [
        {"code": "a", "name": "A", "levels": ["C2", "C3"], "value": 1.5, "unit": "mm",
         "interval": [1.0, 2.0], "state": "automatic", "reason": "", "method": "", "source": "s"},
        {"code": "b", "name": "B", "levels": [], "value": None, "unit": "mm", "interval": None,
         "state": "automatic", "reason": "No spacing, none.", "method": "", "source": "s"},
    ],
}  # fmt: skip


def done_row(record):
    return Row("i", 1, Path("a.png"), "a", ItemStatus.DONE, 1, "", "", 1.0, json.dumps(record))


def test_what_an_earlier_run_wrote_and_this_one_does_not_goes(state, images, tmp_path):
    state.begin(items_of(*images), "recipe", {})
    write_tables(state, tmp_path)
    pictures = tmp_path / "gallery"
    pictures.mkdir()
    for name in ("a", "own"):
        (pictures / f"{name}.jpg").touch()
    remove_gallery(state, tmp_path)
    assert (pictures / "a.jpg").exists()  # no page: nobody's gallery but the user's
    write_gallery(state, tmp_path)
    *others, last = (tmp_path / f"{name}.parquet" for name in TABLES)
    for path in others:
        path.touch()
    remove_parquet(tmp_path)
    assert all(path.exists() for path in others)  # not all three: not this batch's
    last.touch()
    remove_parquet(tmp_path)
    remove_gallery(state, tmp_path)
    left = {path.name for path in tmp_path.iterdir() if path.suffix != ".sqlite"}
    assert "images.csv" in left
    assert not left & {"images.parquet", "measures.parquet", "gallery.html"}
    assert [path.name for path in pictures.iterdir()] == ["own.jpg"]


def test_parquet_files_hold_what_the_tables_hold_with_numbers_as_numbers(state, images, tmp_path):
    duckdb = pytest.importorskip("duckdb", reason="the extra cohort is not installed")
    items = items_of(*images)
    state.begin(items, "r", MODELS)
    state.note(items[0].identity, Outcome(ItemStatus.DONE, record=json.dumps(RECORD)))
    state.note(items[1].identity, Outcome(ItemStatus.FAILED, "Damaged.", "Copy it."))
    write_tables(state, tmp_path)
    names = {path.name for path in write_parquet(tmp_path)}
    assert names == {"images.parquet", "measures.parquet", "dictionary.parquet"}
    with duckdb.connect() as database:
        table = database.read_parquet(str(tmp_path / "images.parquet"))
        wanted = "number, status, headline, spacing_row_mm, measures_taken, least_confidence"
        assert table.project(wanted).fetchall() == [
            (1, "done", 'A, "quoted"; line', 0.5, 1, None),
            (2, "failed", None, None, None, None), (3, "waiting", None, None, None, None),
        ]  # fmt: skip
        assert tuple(table.columns) == IMAGE_COLUMNS
        table = database.read_parquet(str(tmp_path / "measures.parquet"))
        assert table.project("code, levels, value, interval_high, reason").fetchall() == [
            ("a", "C2/C3", 1.5, 2.0, None), ("b", None, None, None, "No spacing, none."),
        ]  # fmt: skip
    before = [(tmp_path / name).read_bytes() for name in sorted(names)]
    write_parquet(tmp_path)
    assert before == [(tmp_path / name).read_bytes() for name in sorted(names)]
    assert not list(tmp_path.glob(".spinealign-*"))


class TestGallery:
    """What gallery.js does with these data was looked at in a browser; see docs/design/batch.md."""

    def page(self, state, folder, *outcomes):
        paths = [Path(f"/x/{k} </script> & ü.png") for k in range(len(outcomes))]
        items = [BatchItem(str(k), path, path) for k, path in enumerate(paths)]
        state.begin(items, "r", MODELS)
        for item, outcome in zip(items, outcomes, strict=True):
            state.note(item.identity, outcome)
        for row in state.rows():
            (folder / row.folder).mkdir()
            (folder / row.folder / "report.pdf").touch()
            picture_path(folder / row.folder).parent.mkdir(exist_ok=True)
            picture_path(folder / row.folder).touch()
        return write_gallery(state, folder).read_text(encoding="utf-8")

    def test_its_data_cannot_leave_their_block_and_only_its_own_script_runs(self, state, tmp_path):
        failure = Outcome(ItemStatus.FAILED, "<b>Damaged</b>.", "Copy it.")
        page = self.page(
            state, tmp_path, Outcome(ItemStatus.DONE, record=json.dumps(RECORD)), failure
        )
        data, script = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)
        assert len(re.findall("</script", page)) == 2
        assert "<b>" not in page
        checksum = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        [policy] = re.findall('Content-Security-Policy" content="([^"]*)"', page)
        assert f"script-src 'sha256-{checksum}'" in policy
        assert policy.startswith("default-src 'none'")
        done, failed = json.loads(data)["rows"]
        assert done["name"] == "script> & ü.png"
        assert [one["target"] for one in done["links"]] == [
            "script%3E%20%26%20%C3%BC/report.pdf", "script%3E%20%26%20%C3%BC/",
        ]  # fmt: skip
        assert done["picture"] == "gallery/script%3E%20%26%20%C3%BC.jpg"
        assert (failed["said"], failed["picture"], failed["links"]) == ("<b>Damaged</b>.", "", [])

    def test_what_waits_for_another_result_shows_no_older_one(self, state, images, tmp_path):
        items = items_of(*images)
        state.begin(items, "r", MODELS)
        state.note(items[0].identity, Outcome(ItemStatus.DONE, record=json.dumps(RECORD)))
        state.begin(items, "other", MODELS)
        page = write_gallery(state, tmp_path).read_text(encoding="utf-8")
        rows = json.loads(re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)[0])["rows"]
        assert {(row["status"], row["confidence"], row["said"]) for row in rows} == {
            ("waiting", None, ""),
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("landmark", "kind", "classes", "expected"),
        [
            (0.4, 0.9, None, 0.4), (0.9, 0.3, None, 0.3), (None, None, None, None),
            (None, 0.9, [("yes", 0.2), ("no", 0.8)], 0.8), (0.0, 0.9, None, 0.0),
        ],
    )  # fmt: skip
    def test_confidence_is_the_least_of_what_a_result_states(
        self, landmark, kind, classes, expected
    ):
        answer = classes and {
            "predicted": max(classes, key=lambda one: one[1])[0],
            "classes": [{"name": name, "probability": share} for name, share in classes],
        }
        record = RECORD | {
            "least_confidence": landmark, "view": {"confidence": kind}, "classification": answer,
        }  # fmt: skip
        assert confidence(record) == expected

    def test_confidence_is_that_of_findings_and_grades_too(self):
        findings = [
            {"name": "narrow", "probability": 0.9, "reported": True},
            {"name": "bulging", "probability": 0.3, "reported": False},
        ]
        grade = {
            "grades": [{"name": "1", "probability": 0.4}, {"name": "2", "probability": 0.6}],
            "predicted": "2", "expected_place": 1.6,
        }  # fmt: skip
        record = RECORD | {"least_confidence": None, "view": {"confidence": None}}
        assert confidence(record | {"findings": {"findings": findings}}) == 0.7
        assert confidence(record | {"picture_grade": grade}) == 0.6

    def test_findings_and_grades_have_columns_of_their_own(self):
        findings = [
            {"name": "narrow", "probability": 0.91234, "reported": True},
            {"name": "bulging", "probability": 0.3, "reported": False},
        ]
        grade = {
            "grades": [{"name": "1", "probability": 0.4}, {"name": "2", "probability": 0.6}],
            "predicted": "2", "expected_place": 1.6,
        }  # fmt: skip
        told = RECORD | {"findings": {"findings": findings}, "picture_grade": grade}
        row = image_row(done_row(told))
        assert row["findings"] == "narrow"
        assert row["finding_probabilities"] == "narrow 0.9123; bulging 0.3000"
        assert (row["grade"], row["grade_probability"], row["expected_grade"]) == ("2", 0.6, 1.6)
        assert "findings" not in image_row(done_row(RECORD))

    def test_the_page_and_its_script_name_the_same_things(self, state, tmp_path):
        page = self.page(state, tmp_path, Outcome(ItemStatus.DONE, record=json.dumps(RECORD)))
        data, script = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)
        told = json.loads(data)
        assert set(re.findall(r"\bwords\.(\w+)", script)) == set(told["words"])
        assert set(re.findall(r"\b(?:row|a)\.(\w+)", script)) - {"searched", "main"} == set(
            told["rows"][0]
        )
        orders = re.search(r"const orders = \{(.*?)\n\};", script, re.DOTALL)[1]
        assert set(re.findall(r"^  (\w+):", orders, re.MULTILINE)) == set(ORDERS)
        fields = re.search(r"const fields = \[(.*?)\]", script)[1]
        assert set(re.findall(r'"(\w+)"', fields)) == set(
            re.findall(r'<(?:input|select)[^>]* name="(\w+)"', page)
        )
        assert set(re.findall(r'getElementById\("(\w+)"\)', script)) <= set(
            re.findall(r' id="(\w+)"', page)
        )


class TestCommand:
    def test_wrong_kinds_are_told_before_anything_is_made(self, images, tmp_path, capsys):
        out = tmp_path / "out"
        assert (
            run_command(["batch", str(images[0]), "--out", str(out), "--only", "csv,pictures"]) == 2
        )
        assert "not pictures" in capsys.readouterr().err
        assert not out.exists()

    def test_what_was_refused_before_the_work_is_named_each_time(self, images, tmp_path, capsys):
        empty = images[0].parent / "empty.png"
        empty.touch()
        for _ in range(2):
            assert run_command(["batch", str(empty), "--out", str(tmp_path / "out")]) == 1
            assert capsys.readouterr().err.count("“empty.png” is empty.") == 1

    @pytest.mark.parametrize(
        "wrong", [("--step-limit", "0"), ("--step-limit", "x"), ("--workers", "x")]
    )
    def test_wrong_numbers_are_told_in_words(self, images, tmp_path, capsys, wrong):
        given = ["batch", str(images[0]), "--out", str(tmp_path / "out"), *wrong]
        assert run_command(given) == 2
        said = capsys.readouterr().err
        assert "not a" in said
        assert "_count" not in said

    def test_parquet_without_its_software_and_unknown_columns_are_told_first(
        self, images, tmp_path, capsys, monkeypatch
    ):
        monkeypatch.setitem(sys.modules, "duckdb", None)
        out = tmp_path / "out"
        given = ["batch", str(images[0]), "--out", str(out)]
        assert run_command([*given, "--parquet"]) == 1
        assert "spinealign[cohort]" in capsys.readouterr().err
        assert run_command([*given, "--patient-columns", "sex,shoes"]) == 2
        assert "not shoes" in capsys.readouterr().err
        assert not out.exists()

    def test_a_flat_batch_has_all_files_in_one_folder_and_none_of_an_older_result(self, tmp_path):
        sample = ROOT / "resources/samples/ct_axial/CT_small.dcm"
        other = tmp_path / "in" / sample.name
        other.parent.mkdir()
        data = pydicom.dcmread(sample)
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        data.SeriesInstanceUID = "1.2.3.4"
        data.save_as(other)
        out, flat = tmp_path / "out", tmp_path / "out" / "results"
        given = ["batch", str(sample), str(other), "--out", str(out), "--workers", "1", "--flat"]
        assert run_command([*given, "--only", "overlay,csv,gallery"]) == 0
        (flat / "CT_small_report.pdf").write_text("another program's")
        prefixes = ("CT_small_", "CT_small_2_")
        for prefix in prefixes:
            told = json.loads((flat / f"{prefix}analysis.json").read_text())
            assert all(name.startswith(prefix) for name in told["files"].values())
            assert {*told["files"]} == {"overlay", "json", "regions"}
            assert all((flat / name).is_file() for name in told["files"].values())
        assert not (out / "CT_small").exists()
        page = (out / "gallery.html").read_text(encoding="utf-8")
        assert "results/CT_small_2_overlay.png" in page
        assert {path.name for path in (out / "gallery").iterdir()} == {
            "CT_small.jpg", "CT_small_2.jpg",
        }  # fmt: skip
        # A batch that finds its own results takes none of their pictures for an image.
        assert [item.path.name for item in items_of(tmp_path)] == [sample.name]
        assert run_command([*given, "--only", "csv"]) == 0
        assert {path.suffix for path in flat.iterdir()} == {".json", ".csv", ".pdf"}
        assert run_command([*given[:-1], "--only", "csv"]) == 0
        assert (out / "CT_small_2" / "analysis.json").is_file()

    def test_tables_alone_are_written_and_a_second_run_has_nothing_to_do(self, tmp_path, capsys):
        sample = ROOT / "resources/samples/xray_lateral_phantom/neck_phantom.dcm"
        packed = tmp_path / "study.zip"
        with zipfile.ZipFile(packed, "w") as archive:
            archive.write(ROOT / "resources/samples/ct_axial/CT_small.dcm", "a/slice.dcm")
            archive.writestr("b/slice.png", b"no picture")
        given = ["batch", str(sample), str(packed), "--out", str(tmp_path), "--workers", "1"]
        given += ["--only", "csv,gallery"]
        assert run_command(given) == 1
        assert "2 done, 0 refused, 1 failed;" in capsys.readouterr().out
        folder, pictures = tmp_path / sample.stem, tmp_path / "gallery"
        assert {path for path in tmp_path.iterdir() if path.is_dir()} == {
            folder, pictures, tmp_path / "slice",
        }  # fmt: skip
        of_archive = json.loads((tmp_path / "slice" / "analysis.json").read_text())
        assert of_archive["examination"]["kind"] == "cervical_ct_slice"
        with Image.open(pictures / f"{sample.stem}.jpg") as picture:
            assert max(picture.size) == SIDE_PX
            colours = np.ptp(np.asarray(picture).astype(int), axis=2)
        assert (colours > 40).sum() > 300  # outlines
        assert f"gallery/{sample.stem}.jpg" in (tmp_path / "gallery.html").read_text()
        result = json.loads((folder / "analysis.json").read_text())
        assert {path.suffix for path in folder.iterdir()} == {".json", ".csv"}
        assert set(result["files"].values()) == {path.name for path in folder.iterdir()}
        before = (folder / "analysis.json").stat().st_mtime_ns
        assert run_command(given) == 1
        assert "3 ended in an earlier run" in capsys.readouterr().out
        with (tmp_path / "images.csv").open(newline="") as file:
            rows = {Path(row["path"]).name: row for row in csv.DictReader(file)}
        assert set(rows) == {sample.name, "slice.dcm", "slice.png"}
        assert rows["slice.png"]["status"] == "failed"
        assert not set(rows[sample.name]) & set(PATIENT_COLUMNS)
        assert run_command([*given, "--patient-columns", "patient_id,study_date"]) == 1
        with (tmp_path / "images.csv").open(newline="") as file:
            rows = {Path(row["path"]).name: row for row in csv.DictReader(file)}
        assert rows["slice.dcm"]["patient_id"] == "1CT1"
        row = rows[sample.name]
        told = pydicom.dcmread(sample, stop_before_pixels=True)
        assert (row["patient_id"], row["study_date"]) == (told.PatientID, told.StudyDate)
        assert row["patient_id"]
        assert "patient_name" not in row
        assert (folder / "analysis.json").stat().st_mtime_ns == before
        assert run_command(["analyze", str(sample), "--out", str(tmp_path / "single")]) == 0
        single = json.loads(next((tmp_path / "single").rglob("analysis.json")).read_text())
        for told in (result, single):
            del told["created_utc"], told["seconds"], told["files"]
        assert result == single

    def test_a_file_in_the_folder_pauses_it_until_the_file_is_gone(
        self, images, tmp_path, monkeypatch, capsys
    ):
        pause = tmp_path / "out" / "pause"
        pause.parent.mkdir()
        pause.touch()

        class PausedPool(FakeWorkers):
            def __init__(self, *_, is_paused, **__):
                self.is_paused = is_paused

            def run(self, tasks, hand_out):
                yield Look(self.is_paused(), 0)
                yield Look(self.is_paused(), 0)
                pause.unlink()
                self.looks = [Look(self.is_paused(), 1)]
                yield from super().run(tasks, hand_out)

        monkeypatch.setattr("spinealign.batch.pool.Pool", PausedPool)
        assert run_command(["batch", str(images[0].parent), "--out", str(pause.parent)]) == 1
        told = capsys.readouterr()
        assert told.err.count("Paused: ") == 1
        assert f"remove {pause}\n" in told.err
        assert "3 failed;" in told.out

    def test_two_programs_do_not_work_on_one_batch(self, images, tmp_path, capsys):
        (tmp_path / "out").mkdir()
        with held_if_free(tmp_path / "out" / ".batch-lock"):
            assert run_command(["batch", str(images[0]), "--out", str(tmp_path / "out")]) == 1
        assert "Another program works on the batch" in capsys.readouterr().err

    def test_killed_at_any_moment_it_goes_on_and_ends_with_the_same_tables(self, tmp_path):
        for k in range(6):
            draw(tmp_path / "images" / f"film_{k}.png", k)
        (tmp_path / "images" / "empty.png").touch()

        def command(out):
            wanted = [str(tmp_path / "images"), "--out", str(out), "--workers", "2"]
            return [sys.executable, "-m", "tests.batch_workers", *wanted]

        subprocess.run(command(tmp_path / "undisturbed"), cwd=ROOT, check=False, timeout=60)
        out = tmp_path / "killed"
        for done in (1, 4):
            process = subprocess.Popen(command(out), cwd=ROOT, stdout=subprocess.DEVNULL)
            end = time.monotonic() + 60
            while count_done(out) < done and time.monotonic() < end:
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
            process.wait()
        ended = subprocess.run(command(out), cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert "6 done, 0 refused, 1 failed;" in ended.stdout
        for name in ("images.csv", "measures.csv", "dictionary.csv"):
            alike = [(tmp_path / run / name).read_text() for run in ("undisturbed", "killed")]
            assert alike[0] == alike[1]
        names = (out / "analysed.txt").read_text().split()
        assert set(names) == {f"film_{k}" for k in range(6)}
        # What was not noted yet when the program was killed is done once more, no other image.
        assert len(names) <= 6 + 2 * 2


def count_done(out):
    """How many images a batch has done, looked at from outside."""
    if not (out / STATE_NAME).exists():
        return 0
    try:
        with sqlite3.connect(f"file:{out / STATE_NAME}?mode=ro", uri=True, timeout=0) as database:
            return database.execute("SELECT COUNT(*) FROM item WHERE status='done'").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
