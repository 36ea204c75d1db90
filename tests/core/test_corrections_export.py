import errno
import json
import math
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinealign import files, wording
from spinealign.domain.errors import (
    CorrectionsError,
    CorrectionsProblem,
    ExportError,
    ExportProblem,
)
from spinealign.domain.examination import LEVEL_SEQUENCE
from spinealign.domain.findings import (
    Corrections,
    Facing,
    Landmark,
    LandmarkName,
    LandmarkSource,
    Vertebra,
    VertebraState,
)
from spinealign.domain.image import ImagePart
from spinealign.domain.measurements import Calibration, Drawing, DrawingTool
from spinealign.export import corrections as store
from spinealign.wording.corrections import other_view_message
from tests import phantoms
from tests.examinations import SPINE_MR

numbers = st.floats(-500, 500)
shares = st.floats(0, 1)
places = st.tuples(numbers, numbers)
points = st.lists(places, min_size=1, max_size=5).map(tuple)
outlines = st.lists(places, min_size=3, max_size=5).map(tuple)
landmarks = st.builds(
    Landmark,
    st.sampled_from(LandmarkName), numbers, numbers, shares, st.sampled_from(LandmarkSource),
)  # fmt: skip
bodies = st.lists(
    st.builds(
        Vertebra,
        st.none() | st.sampled_from(LEVEL_SEQUENCE), st.just(0), outlines,
        st.lists(landmarks, max_size=3).map(tuple), shares, st.sampled_from(VertebraState),
    ),
    max_size=4,
    unique_by=lambda body: body.level or id(body),
).map(lambda found: tuple(replace(b, index=i) for i, b in enumerate(found, start=1)))  # fmt: skip
drawings = st.lists(
    st.builds(Drawing, st.sampled_from(DrawingTool), st.integers(1, 10**6), points),
    max_size=3,
    unique_by=lambda drawing: drawing.number,
).map(tuple)
spacings = st.floats(0.02, 20)


def calibrated(start, end, spacing_mm):
    across, down = np.subtract(end, start)
    return Calibration(
        start, end, math.hypot(across * spacing_mm[1], down * spacing_mm[0]), spacing_mm
    )


calibrations = st.builds(calibrated, places, places, spacings.map(lambda mm: (mm, mm))).filter(
    lambda found: found.length_mm > 1e-6
)
wanted = st.builds(
    Corrections, bodies, st.none() | st.sampled_from(Facing), st.booleans(), drawings,
    st.none() | calibrations, st.none() | st.booleans(), st.none() | st.dates(),
).map(
    lambda made: replace(
        made,
        levels_uncertain=made.levels_uncertain or not all(b.level for b in made.vertebrae),
    )
)  # fmt: skip

EARLIER = Path(__file__).parent.parent / "earlier_files"

SOME = Corrections(
    (
        Vertebra(
            "C4", 1, ((0.1, 1 / 3), (2.0, math.pi), (5.0, 9.0)),
            (Landmark(LandmarkName.DENS_TIP, 1e-17, 2 / 3, 0.5, LandmarkSource.USER),),
            0.7, VertebraState.ADDED,
        ),
    ),
    Facing.LEFT,
    drawings=(Drawing(DrawingTool.ANGLE, 2, ((1.0, 2.0), (3.0, 4.0))),),
    calibration=Calibration((0.0, 0.0), (30.0, 40.0), 10.0, (0.2, 0.2)),
)  # fmt: skip


@pytest.fixture
def case(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    return at(folder / "neck.dcm")


def at(path, corrections=SOME):
    base = phantoms.xray_analysis()
    return replace(base, image=replace(base.image, source_path=path), corrections=corrections)


@pytest.fixture
def profile(tmp_path):
    return tmp_path / "profile"


def other_image(analysis, sha256="f" * 64):
    return replace(analysis, image=replace(analysis.image, sha256=sha256))


def deny(monkeypatch, folder, number=errno.EACCES):
    """Let nothing be written into a folder, whoever runs the tests."""
    real = files._write_new

    def refused(path, content, mode):
        if path.parent == folder:
            raise OSError(number, "refused")
        real(path, content, mode)

    monkeypatch.setattr(files, "_write_new", refused)


class TestThereAndBack:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(wanted)
    def test_every_number_is_exactly_what_it_was(self, case, profile, corrections):
        store.save_corrections(replace(case, corrections=corrections), profile_dir=profile)
        assert store.load_corrections(case, profile_dir=profile) == corrections

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(wanted)
    def test_the_file_fits_the_published_schema(self, case, profile, corrections):
        path = store.save_corrections(
            replace(case, corrections=corrections), profile_dir=profile
        )  # fmt: skip
        table = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(store.corrections_schema()).validate(table)

    def test_it_lies_beside_the_image_and_nothing_else_is_left(self, case, profile):
        path = store.save_corrections(case, profile_dir=profile)
        assert path == store.corrections_path(case.image.source_path)
        assert path.name == "neck.dcm.spinealign.json"
        assert list(path.parent.iterdir()) == [path]
        assert not profile.exists()

    @pytest.mark.skipif(os.name == "nt", reason="Windows knows no such permissions")
    def test_colleagues_may_read_it_like_any_file_of_the_folder(self, case, tmp_path):
        other = tmp_path / "other"
        other.touch()
        assert store.save_corrections(case).stat().st_mode == other.stat().st_mode

    def test_nothing_saved_is_nothing(self, case, profile):
        assert store.load_corrections(case, profile_dir=profile) is None

    def test_a_result_without_corrections_takes_the_earlier_ones_back(self, case, profile):
        store.save_corrections(case, profile_dir=profile)
        path = store.save_corrections(replace(case, corrections=None), profile_dir=profile)
        assert store.load_corrections(case, profile_dir=profile) is None
        assert list(path.parent.iterdir()) == [path]

    def test_what_was_signed_is_written_beside_other_corrections_and_not_over_them(
        self, case, profile
    ):
        other = replace(case, corrections=replace(SOME, levels_uncertain=True))
        path = store.save_corrections(other, profile_dir=profile)
        dated = replace(case, corrections=replace(SOME, examination_date=date(2024, 3, 1)))
        for _ in range(2):
            store.save_corrections(case, profile_dir=profile, is_signed=True)
            store.save_corrections(dated, profile_dir=profile, is_signed=True)
        assert store.load_corrections(case, profile_dir=profile) == dated.corrections
        [kept] = [each for each in path.parent.iterdir() if each != path]
        assert kept.name == "neck.dcm.spinealign.kept-1.json"
        assert store.load_corrections(case, kept) == other.corrections

    def test_a_place_of_one_s_own_can_be_given(self, case, tmp_path):
        path = tmp_path / "elsewhere.json"
        assert store.save_corrections(case, path) == path
        assert store.load_corrections(case, path) == SOME

    def test_no_name_of_the_image_is_in_the_file(self, case, profile):
        text = store.save_corrections(case, profile_dir=profile).read_text(encoding="utf-8")
        assert "neck" not in text
        assert case.image.sha256 in text


def part_of(analysis, **where):
    """The same picture, told to be one of several in its file."""
    path = analysis.image.source_path
    return replace(analysis, image=replace(analysis.image, part=ImagePart(path, **where)))


class TestPicturesOfOneFile:
    @pytest.mark.parametrize(
        ("where", "name"),
        [
            ({}, "neck.dcm.spinealign.json"),
            ({"index": 7}, "neck.dcm.picture-8.spinealign.json"),
            ({"index": 7, "volume": 1}, "neck.dcm.volume-2.picture-8.spinealign.json"),
        ],
        ids=["alone", "slice", "slice in time"],
    )
    def test_each_has_a_file_of_its_own(self, case, profile, where, name):
        path = store.save_corrections(part_of(case, **where), profile_dir=profile)
        assert path.name == name
        table = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(store.corrections_schema()).validate(table)
        assert store.load_corrections(part_of(case, **where), profile_dir=profile) == SOME
        assert store.load_corrections(part_of(case, index=3), profile_dir=profile) is None

    def test_a_member_of_an_archive_goes_by_its_checksum(self, case, profile):
        member = part_of(case, member="Doe^Jane/IM1")
        path = store.save_corrections(member, profile_dir=profile)
        assert path.name == f"neck.dcm.{case.image.sha256[:12]}.spinealign.json"
        assert "Doe" not in path.read_text(encoding="utf-8")
        assert store.load_corrections(member, profile_dir=profile) == SOME
        assert store.load_corrections(other_image(member), profile_dir=profile) is None

    def test_the_profile_tells_them_apart_too(self, case, profile, monkeypatch):
        deny(monkeypatch, case.image.source_path.parent)
        store.save_corrections(part_of(case, index=7), profile_dir=profile)
        assert store.load_corrections(part_of(case, index=7), profile_dir=profile) == SOME
        assert store.load_corrections(part_of(case, index=6), profile_dir=profile) is None

    def test_a_file_of_another_slice_is_refused_and_kept(self, case, profile):
        path = store.save_corrections(part_of(case, index=7), profile_dir=profile)
        other = path.with_name("neck.dcm.picture-3.spinealign.json")
        path.rename(other)
        with pytest.raises(CorrectionsError) as caught:
            store.load_corrections(part_of(case, index=2), profile_dir=profile)
        assert caught.value.problem is CorrectionsProblem.FOREIGN
        assert other.exists()

    def test_a_file_of_an_earlier_version_names_no_place_and_is_used(self, case, profile):
        path = store.save_corrections(case, profile_dir=profile)
        assert "place" not in path.read_text(encoding="utf-8")
        assert store.load_corrections(part_of(case), profile_dir=profile) == SOME


class TestFilesOfEarlierVersions:
    """Written by the program before its types made the schema; they open as they did."""

    @pytest.fixture
    def earlier(self, case):
        return replace(case, image=replace(case.image, sha256="5" * 64))

    def test_corrections_of_a_film(self, earlier):
        assert store.load_corrections(earlier, EARLIER / "corrections-of-a-film.json") == SOME

    def test_corrections_taken_back(self, earlier):
        path = EARLIER / "corrections-taken-back.json"
        assert store.load_corrections(part_of(earlier, index=7, volume=1), path) is None
        with pytest.raises(CorrectionsError) as caught:
            store.load_corrections(earlier, path)
        assert caught.value.problem is CorrectionsProblem.FOREIGN

    @pytest.mark.parametrize("name", ["corrections-of-a-film.json", "corrections-taken-back.json"])
    def test_they_fit_the_schema(self, name):
        table = json.loads((EARLIER / name).read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(store.corrections_schema()).validate(table)


class TestWhereItCannotBeWritten:
    def test_the_profile_takes_it_under_the_checksum(self, case, profile, monkeypatch):
        deny(monkeypatch, case.image.source_path.parent)
        path = store.save_corrections(case, profile_dir=profile)
        assert path == store.profile_path(case.image.sha256, profile)
        assert "neck" not in str(path)
        assert store.load_corrections(case, profile_dir=profile) == SOME

    def test_the_file_saved_last_counts(self, case, profile, monkeypatch):
        store.save_corrections(case, profile_dir=profile)
        later = replace(case, corrections=replace(SOME, facing=Facing.RIGHT))
        with monkeypatch.context() as context:
            deny(context, case.image.source_path.parent)
            store.save_corrections(later, profile_dir=profile)
        assert store.load_corrections(case, profile_dir=profile) == later.corrections
        store.save_corrections(case, profile_dir=profile)
        assert store.load_corrections(case, profile_dir=profile) == SOME

    @pytest.mark.parametrize(
        ("number", "problem"),
        [(errno.EACCES, ExportProblem.NOT_WRITABLE), (errno.ENOSPC, ExportProblem.DISK_FULL)],
    )
    def test_nowhere_is_an_error(self, case, profile, monkeypatch, number, problem):
        deny(monkeypatch, case.image.source_path.parent, number)
        deny(monkeypatch, store.profile_path("0", profile).parent, number)
        with pytest.raises(ExportError) as caught:
            store.save_corrections(case, profile_dir=profile)
        assert caught.value.problem is problem

    def test_a_place_of_one_s_own_has_no_substitute(self, case, tmp_path):
        with pytest.raises(ExportError):
            store.save_corrections(case, tmp_path / "missing" / "file.json")

    def test_a_failure_while_writing_leaves_the_earlier_file(self, case, profile, monkeypatch):
        path = store.save_corrections(case, profile_dir=profile)
        before = path.read_bytes()

        def fails(*_):
            raise OSError(errno.EIO, "broken disk")

        monkeypatch.setattr(files.os, "fsync", fails)
        with pytest.raises(ExportError):
            store.save_corrections(case, path)
        assert path.read_bytes() == before
        assert list(path.parent.iterdir()) == [path]


def spoil(text, change):
    table = json.loads(text)
    change(table)
    return json.dumps(table)


def put(*keys, value):
    def change(table):
        for key in keys[:-1]:
            table = table[key]
        table[keys[-1]] = value

    return change


BROKEN = {
    "empty": lambda text: "",
    "cut short": lambda text: text[: len(text) // 2],
    "no object": lambda text: "[1, 2]",
    "a number": lambda text: "7",
    "not json": lambda text: "\0\1\2",
    "deep": lambda text: "[" * 100_000,
    "infinity": lambda text: text.replace("0.7", "Infinity"),
    "too large a number": lambda text: text.replace("0.7", "1e999"),
    "a number of 400 digits": lambda text: text.replace("0.7", "9" * 400),
    "a number of 5000 digits": lambda text: text.replace("0.7", "9" * 5000),
    "an index of 400 digits": lambda text: text.replace('"index": 1', '"index": ' + "9" * 400),
    "a place beyond every image": lambda text: text.replace("3.141592653589793", "1e308"),
    "a place with a flag": lambda text: text.replace("3.141592653589793", "true"),
    "a confidence above all": lambda text: text.replace("0.7", "1.5"),
    "an absurd calibration": lambda text: spoil(
        text, put("corrections", "calibration", "spacing_mm", value=[1e300, 1e-300])
    ),
    "an unknown key": lambda text: spoil(text, put("corrections", "note", value="")),
    "an unknown key of a body": lambda text: spoil(
        text, put("corrections", "vertebrae", 0, "note", value="")
    ),
    "half a surrogate": lambda text: spoil(
        text, put("corrections", "vertebrae", 0, "state", value="\udce9")
    ),
    "deep inside": lambda text: text.replace("0.7", "[" * 200_000),
    "deep inside and closed": lambda text: text.replace("0.7", "[" * 500 + "]" * 500),
    "a level and a line end": lambda text: spoil(
        text, put("corrections", "vertebrae", 0, "level", value="C4\n")
    ),
    "drawings of one number": lambda text: spoil(
        text,
        lambda table: table["corrections"].update(drawings=2 * table["corrections"]["drawings"]),
    ),
    "too many bodies": lambda text: spoil(
        text,
        lambda table: table["corrections"].update(
            vertebrae=[
                table["corrections"]["vertebrae"][0] | {"index": i, "level": None}
                for i in range(1, 92)
            ],
            levels_uncertain=True,
        ),
    ),
    "an empty outline": lambda text: spoil(
        text, put("corrections", "vertebrae", 0, "outline", value=[])
    ),
    "an outline of two points": lambda text: spoil(
        text, put("corrections", "vertebrae", 0, "outline", value=[[1, 1], [9, 9]])
    ),
    "no level though levels are certain": lambda text: spoil(
        text, put("corrections", "vertebrae", 0, "level", value=None)
    ),
    "no time zone": lambda text: spoil(text, put("saved_utc", value="2026-11-28T14:51:54")),
    "another schema": lambda text: spoil(text, put("schema", value="something else")),
    "no schema": lambda text: spoil(text, lambda table: table.pop("schema")),
    "no bodies": lambda text: spoil(text, lambda table: table["corrections"].pop("vertebrae")),
    "no time": lambda text: spoil(text, put("saved_utc", value="yesterday")),
    "a word for a place": lambda text: spoil(
        text, put("corrections", "vertebrae", 0, "landmarks", 0, "x", value="left")
    ),
    "three numbers for a place": lambda text: spoil(
        text, put("corrections", "vertebrae", 0, "outline", 0, value=[1, 2, 3])
    ),
    "an unknown level": lambda text: spoil(
        text, put("corrections", "vertebrae", 0, "level", value="C9")
    ),
    "an unknown landmark": lambda text: spoil(
        text, put("corrections", "vertebrae", 0, "landmarks", 0, "name", value="nose")
    ),
    "a wrong number": lambda text: spoil(
        text, put("corrections", "vertebrae", 0, "index", value=5)
    ),
    "a length of nothing": lambda text: spoil(
        text, put("corrections", "calibration", "length_mm", value=0)
    ),
    "a calibration that contradicts itself": lambda text: spoil(
        text, put("corrections", "calibration", "spacing_mm", value=[0.1, 0.1])
    ),
    "pixels of another shape than the image's": lambda text: spoil(
        text, put("corrections", "calibration", value={
            "start": [0, 0], "end": [30, 0], "length_mm": 6.0, "spacing_mm": [2.0, 0.2]}),
    ),
    "a calibration between one place": lambda text: spoil(
        text, put("corrections", "calibration", "end", value=[0.0, 0.0])
    ),
    "pixels of a hundredth of a micrometre": lambda text: spoil(
        text, put("corrections", "calibration", value={
            "start": [0, 0], "end": [30, 40], "length_mm": 5e-4, "spacing_mm": [1e-5, 1e-5]}),
    ),
    "a place far from the picture": lambda text: spoil(
        text, put("corrections", "vertebrae", 0, "outline", 0, value=[900_000.0, 1.0])
    ),
    "a landmark far from the picture": lambda text: spoil(
        text, put("corrections", "vertebrae", 0, "landmarks", 0, "y", value=-900_000.0)
    ),
    "two bodies of one level": lambda text: spoil(
        text,
        lambda table: table["corrections"].update(
            vertebrae=[table["corrections"]["vertebrae"][0] | {"index": i} for i in (1, 2)]
        ),
    ),
    "a drawing of 1001 points": lambda text: spoil(
        text, put("corrections", "drawings", 0, "points", value=[[1.0, 2.0]] * 1001)
    ),
    "a drawing without points": lambda text: spoil(
        text, put("corrections", "drawings", 0, "points", value=[])
    ),
    "501 drawings": lambda text: spoil(
        text,
        lambda table: table["corrections"].update(
            drawings=[table["corrections"]["drawings"][0] | {"number": i} for i in range(1, 502)]
        ),
    ),
    "an outline of 5001 points": lambda text: spoil(
        text, put("corrections", "vertebrae", 0, "outline", value=[[1.0, 2.0]] * 5001)
    ),
    "an unknown tool": lambda text: spoil(
        text, put("corrections", "drawings", 0, "tool", value="circle")
    ),
}  # fmt: skip


SCHEMA_CANNOT_TELL = {
    "empty", "cut short", "not json", "deep", "infinity", "too large a number",
    "a number of 5000 digits", "deep inside", "no time", "a wrong number", "no time zone",
    "drawings of one number", "an empty outline", "an outline of two points",
    "no level though levels are certain", "a calibration that contradicts itself",
    "a calibration between one place", "pixels of another shape than the image's",
    "pixels of a hundredth of a micrometre",
    "a place far from the picture", "a landmark far from the picture", "two bodies of one level",
}  # fmt: skip
"""No JSON at all, or rules between several values, or a format."""


class TestFilesThatDoNotFit:
    @pytest.mark.parametrize("name", sorted(BROKEN.keys() - SCHEMA_CANNOT_TELL))
    def test_the_schema_refuses_what_the_program_refuses(self, case, profile, name):
        path = store.save_corrections(case, profile_dir=profile)
        table = json.loads(BROKEN[name](path.read_text(encoding="utf-8")))
        assert not jsonschema.Draft202012Validator(store.corrections_schema()).is_valid(table)

    @pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
    def test_a_damaged_file_is_told_and_kept(self, case, profile, damage):
        path = store.save_corrections(case, profile_dir=profile)
        path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
        damaged = path.read_bytes()
        with pytest.raises(CorrectionsError) as caught:
            store.load_corrections(case, profile_dir=profile)
        assert caught.value.problem is CorrectionsProblem.BROKEN
        assert path.read_bytes() == damaged
        store.save_corrections(case, profile_dir=profile)
        assert store.load_corrections(case, profile_dir=profile) == SOME
        (kept,) = set(path.parent.iterdir()) - {path}
        assert kept.name == "neck.dcm.spinealign.kept-1.json"
        assert kept.read_bytes() == damaged

    def test_a_file_of_another_image_is_told_and_kept(self, case, profile):
        path = store.save_corrections(other_image(case), profile_dir=profile)
        foreign = path.read_bytes()
        with pytest.raises(CorrectionsError) as caught:
            store.load_corrections(case, profile_dir=profile)
        assert caught.value.problem is CorrectionsProblem.FOREIGN
        store.save_corrections(case, profile_dir=profile)
        assert store.load_corrections(case, profile_dir=profile) == SOME
        (kept,) = set(path.parent.iterdir()) - {path}
        assert kept.read_bytes() == foreign

    def test_every_file_is_kept_however_often(self, case, profile):
        for number in range(3):
            store.save_corrections(other_image(case, f"{number}" * 64), profile_dir=profile)
        assert len(list(case.image.source_path.parent.iterdir())) == 3

    def test_a_newer_format_is_told_and_kept(self, case, profile):
        path = store.save_corrections(case, profile_dir=profile)
        newer = path.read_text(encoding="utf-8").replace(
            store.SCHEMA_ID, "spinealign-corrections-2"
        )
        path.write_text(newer, encoding="utf-8")
        with pytest.raises(CorrectionsError) as caught:
            store.load_corrections(case, profile_dir=profile)
        assert caught.value.problem is CorrectionsProblem.NEWER

    def test_corrections_of_another_view_are_left_alone(self, case, profile):
        path = store.save_corrections(case, profile_dir=profile)
        as_mr = replace(case, examination=SPINE_MR, corrections=Corrections(facing=Facing.RIGHT))
        drawn = store.load_corrections(as_mr, profile_dir=profile)
        assert (drawn.drawings, drawn.calibration) == (SOME.drawings, SOME.calibration)
        assert drawn.vertebrae == as_mr.vertebrae
        assert store.view_set_aside(as_mr, profile_dir=profile) == case.view_name
        assert store.view_set_aside(case, profile_dir=profile) == ""
        said = other_view_message(as_mr, case.view_name).sentence
        assert "“lateral cervical radiograph” is not used for “sagittal spine MR”" in said
        store.save_corrections(as_mr, profile_dir=profile)
        assert store.load_corrections(as_mr, profile_dir=profile) == as_mr.corrections
        (kept,) = set(path.parent.iterdir()) - {path}
        assert store.load_corrections(case, kept) == SOME

    def test_a_picture_drawn_on_alone_sets_nothing_aside(self, case, profile):
        bare = replace(case, examination=None, vertebrae=(), automatic=None)
        store.save_corrections(bare, profile_dir=profile)
        assert store.view_set_aside(case, profile_dir=profile) == ""
        assert "an image of another kind" in other_view_message(case, "no such kind").sentence

    def test_a_good_file_in_the_profile_outweighs_a_broken_one(self, case, profile, monkeypatch):
        with monkeypatch.context() as context:
            deny(context, case.image.source_path.parent)
            store.save_corrections(case, profile_dir=profile)
        store.corrections_path(case.image.source_path).write_text("{", encoding="utf-8")
        assert store.load_corrections(case, profile_dir=profile) == SOME

    def test_a_folder_of_that_name_is_no_file(self, case, profile):
        store.corrections_path(case.image.source_path).mkdir()
        with pytest.raises(CorrectionsError):
            store.load_corrections(case, profile_dir=profile)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    def test_a_pipe_is_not_waited_for(self, case, profile):
        os.mkfifo(store.corrections_path(case.image.source_path))
        with pytest.raises(CorrectionsError) as caught:
            store.load_corrections(case, profile_dir=profile)
        assert "not an ordinary file" in wording.explain(caught.value).sentence

    def test_what_is_wrong_and_where_is_told(self, case, profile):
        path = store.save_corrections(case, profile_dir=profile)
        text = path.read_text(encoding="utf-8")
        path.write_text(spoil(text, put("corrections", "vertebrae", 0, "level", value="C9")))
        with pytest.raises(CorrectionsError) as caught:
            store.load_corrections(case, profile_dir=profile)
        assert wording.explain(caught.value).sentence == (
            "The saved corrections in “neck.dcm.spinealign.json” are damaged (a missing or "
            "impossible value at corrections.vertebrae[0].level) and were not used."
        )

    def test_a_huge_file_is_not_read(self, case, profile, monkeypatch):
        store.save_corrections(case, profile_dir=profile)
        monkeypatch.setattr(store, "_LARGEST_BYTES", 100)
        with pytest.raises(CorrectionsError):
            store.load_corrections(case, profile_dir=profile)

    @pytest.mark.parametrize(
        "problem", [p for p in CorrectionsProblem if p is not CorrectionsProblem.CHANGED_ELSEWHERE]
    )
    def test_each_is_worded_in_one_sentence_with_advice(self, problem):
        message = wording.explain(CorrectionsError(Path("a/neck.dcm.spinealign.json"), problem))
        assert "neck.dcm.spinealign.json" in message.sentence
        assert message.sentence.endswith("not used.")
        assert "kept" in message.advice


@pytest.mark.skipif(os.name == "nt", reason="limits of file names differ")
def test_a_name_too_long_to_have_corrections_beside_it_has_none(tmp_path, profile):
    long = at(tmp_path / ("x" * 240 + ".dcm"))
    assert store.load_corrections(long, profile_dir=profile) is None
