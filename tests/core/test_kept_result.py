"""A result that was kept opens as it was kept: every value and every pixel, never another one's."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinealign import protected_folders
from spinealign.accounts.keys import LEAST_COST
from spinealign.archive.records import FileRole, Search
from spinealign.domain.findings import Analysis, Corrections, Facing
from spinealign.domain.image import ImagePart
from spinealign.domain.protection import UnreadableResultError
from spinealign.domain.study import PatientFacts, SeriesPicture
from spinealign.imaging.choice import first_picture
from spinealign.imaging.read import read_image
from spinealign.imaging.study import list_series
from spinealign.vault import exchange, session
from spinealign.vault.keeping import Opened, keep, originals
from spinealign.vault.kept_result import RESULT_NAME, kept_result, packed, unpacked
from spinealign.vault.place import Place
from spinealign.vault.session import Session, set_up_accounts
from spinealign.wording.kept_result import OTHER_MODEL, kept_result_text
from tests import phantoms
from tests.fakes import model_cards
from tests.image_files import write_series
from tests.readings import disc, neck_analysis

from start import FILM_SAMPLE, MR_SAMPLE  # isort: skip


@pytest.fixture
def anna(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    for module in (session, exchange):
        monkeypatch.setattr(module, "calibrated_cost", lambda: LEAST_COST)
    here = Place.of_profile(tmp_path / "profile")
    made, _ = set_up_accounts(here, "anna", "Dr. Anna Reader", "correct horse battery")
    yield made
    made.close()
    for folder in (here.files, here.kept):
        protected_folders.release(folder)


def film_analysis(path: Path = FILM_SAMPLE) -> Analysis:
    return replace(neck_analysis(), image=read_image(path), facing=Facing.LEFT)


def assert_same(one: Any, other: Any, where: str = "") -> None:
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype, where
        assert np.array_equal(one, other, equal_nan=one.dtype.kind == "f"), where
    elif is_dataclass(one):
        assert type(one) is type(other), where
        for field in fields(one):
            if field.name not in ("source_path", "part", "path"):
                here = f"{where}.{field.name}"
                assert_same(getattr(one, field.name), getattr(other, field.name), here)
    elif isinstance(one, tuple):
        assert len(one) == len(other), where
        for number, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{where}[{number}]")
    else:
        assert one == other, where
        assert type(one) is type(other) or isinstance(other, (dict, float)), where


def graded() -> Analysis:
    """A disc whose grades have heat maps."""
    one = disc("L4/L5", 0, 4, narrowing=True)
    seen = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    grades = tuple(replace(grade, heatmap=seen) for grade in one.grades)
    return replace(phantoms.mr_analysis(), discs=(replace(one, grades=grades),))


def kept(at_work: Session, analysis: Analysis | None, *files: Path) -> list[Path]:
    record = keep(at_work, Opened(files, PatientFacts("Planted^Jane", "ID-1"), analysis=analysis))
    return list(originals(at_work, record.identifier))


@pytest.mark.parametrize(
    "analysis",
    [phantoms.xray_analysis(), phantoms.ct_analysis(), graded(), neck_analysis()],
    ids=["film", "classified with a heat map", "discs with heat maps", "measures"],
)
def test_there_and_back_every_value_is_the_same(analysis: Analysis) -> None:
    back = unpacked(packed(analysis, "0" * 64)).analysis
    own = analysis.automatic or analysis
    assert_same(
        replace(own, image=replace(own.image, pixels=back.image.pixels), corrections=None), back
    )


def test_it_opens_as_it_was_kept(anna: Session) -> None:
    analysis = film_analysis()
    [path] = kept(anna, analysis, FILM_SAMPLE)
    found = kept_result(anna, path)
    assert found is not None
    assert_same(analysis, found.analysis)
    assert found.analysis.image.place.path == path
    assert found.corrections is None


def test_it_lies_encrypted_and_whole(anna: Session) -> None:
    kept(anna, film_analysis(), FILM_SAMPLE)
    [record] = anna.archive.search(Search())
    [stored] = anna.archive.files(record.identifier, FileRole.RESULT)
    on_disk = anna.archive.path_of(stored).read_bytes()
    plain = anna.archive.read_file(stored)
    assert (stored.name, plain[:64] in on_disk) == (RESULT_NAME, False)
    assert on_disk[:7] == b"SPAENC1"
    assert anna.archive.is_whole()


def test_without_a_result_there_is_none(anna: Session) -> None:
    [path] = kept(anna, None, FILM_SAMPLE)
    assert kept_result(anna, path) is None


def test_of_an_image_outside_there_is_none(anna: Session) -> None:
    kept(anna, film_analysis(), FILM_SAMPLE)
    assert kept_result(anna, FILM_SAMPLE) is None


def test_what_a_person_corrected_comes_with_it(anna: Session) -> None:
    own = film_analysis()
    wanted = Corrections(own.vertebrae[1:], Facing.RIGHT)
    corrected = replace(own, vertebrae=own.vertebrae[1:], corrections=wanted, automatic=own)
    [path] = kept(anna, corrected, FILM_SAMPLE)
    found = kept_result(anna, path)
    assert found is not None
    assert found.corrections == wanted
    assert_same(own, found.analysis)


def test_the_latest_counts_and_the_same_is_kept_once(anna: Session) -> None:
    first = film_analysis()
    [path] = kept(anna, first, FILM_SAMPLE)
    kept(anna, first, FILM_SAMPLE)
    [record] = anna.archive.search(Search())
    assert len(anna.archive.files(record.identifier, FileRole.RESULT)) == 1
    kept(anna, replace(first, created_utc="2026-12-01T08:00:00+00:00"), FILM_SAMPLE)
    found = kept_result(anna, path)
    assert found is not None
    assert found.analysis.created_utc == "2026-12-01T08:00:00+00:00"


def test_of_a_series_the_picture_that_was_analysed(anna: Session, tmp_path: Path) -> None:
    write_series(tmp_path / "t2", 5)
    [entry] = list_series(tmp_path / "t2")
    image = first_picture(SeriesPicture(entry, 3))
    files = kept(
        anna,
        replace(phantoms.mr_analysis(image.shape), image=image),
        *(part.path for part in entry.parts),
    )
    [again] = list_series(anna.place.files)
    assert {part.path for part in again.parts} == set(files)
    found = kept_result(anna, again)
    assert found is not None
    assert found.analysis.image.sha256 == image.sha256
    assert np.array_equal(found.analysis.image.pixels, image.pixels)
    chosen = kept_result(anna, SeriesPicture(again, 3))
    assert chosen is not None
    assert kept_result(anna, SeriesPicture(again, 2)) is None


def test_of_another_frame_of_the_same_file_there_is_none(anna: Session) -> None:
    analysis = film_analysis()
    place = ImagePart(FILM_SAMPLE, index=4)
    [path] = kept(anna, replace(analysis, image=replace(analysis.image, part=place)), FILM_SAMPLE)
    assert kept_result(anna, path) is None


def test_it_travels_in_a_package(anna: Session, tmp_path: Path) -> None:
    analysis = film_analysis()
    kept(anna, analysis, FILM_SAMPLE)
    [record] = anna.archive.search(Search())
    package, word = tmp_path / "case.spinealign", "a password for a package"
    exchange.export_package(anna, record.identifier, package, word)
    anna.archive.delete([record.identifier])
    taken, is_new = exchange.import_package(anna, package, word)
    found = kept_result(anna, originals(anna, taken.identifier)[0])
    assert is_new
    assert found is not None
    assert_same(analysis, found.analysis)


@pytest.mark.parametrize(
    "content", [b"", b"no zlib", packed(neck_analysis(), "0" * 64)[:-20]],
    ids=["empty", "something else", "cut"],
)  # fmt: skip
def test_what_is_no_result_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableResultError):
        unpacked(content)


def test_one_of_another_size_is_refused(anna: Session) -> None:
    analysis = film_analysis()
    smaller = replace(analysis.image, pixels=analysis.image.pixels[:-1])
    [path] = kept(anna, replace(analysis, image=smaller), FILM_SAMPLE)
    with pytest.raises(UnreadableResultError):
        kept_result(anna, path)


def test_one_that_is_damaged_on_the_disk_is_told(anna: Session) -> None:
    [path] = kept(anna, film_analysis(), FILM_SAMPLE)
    [record] = anna.archive.search(Search())
    [stored] = anna.archive.files(record.identifier, FileRole.RESULT)
    place = anna.archive.path_of(stored)
    content = place.read_bytes()
    place.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(UnreadableResultError):
        kept_result(anna, path)


def test_the_originals_stay_two_files(anna: Session, tmp_path: Path) -> None:
    copy = Path(shutil.copy(MR_SAMPLE, tmp_path / "mr.dcm"))
    files = kept(anna, film_analysis(), FILM_SAMPLE, copy)
    assert len(files) == 2


class TestWords:
    def test_they_name_day_and_model(self) -> None:
        analysis = replace(phantoms.mr_analysis(), models=())
        text = kept_result_text(analysis, model_cards())
        model = analysis.segmentation.model if analysis.segmentation else None
        assert model is not None
        day = analysis.created_utc[:10]
        assert text.startswith(f"Result of {day} by {model.title} v{model.version}")
        assert OTHER_MODEL not in text

    def test_they_name_the_program_where_no_model_spoke(self) -> None:
        analysis = replace(
            phantoms.ct_analysis().without_demonstration, segmentation=None, classification=None,
            models=(), program_version="0.1.0", created_utc="2026-11-29T08:00:00+00:00",
        )  # fmt: skip
        assert kept_result_text(analysis, model_cards()) == (
            "Result of 2026-11-29 without a model, by version 0.1.0 of the program, as it was kept "
            "in the archive."
        )

    @pytest.mark.parametrize("change", [{"version": "9"}, {"sha256": "f" * 64}, {"name": "gone"}])
    def test_they_say_when_the_present_model_is_another(self, change: dict[str, str]) -> None:
        model = phantoms.mr_model()
        of_now = replace(phantoms.mr_analysis(), models=(model,))
        assert OTHER_MODEL not in kept_result_text(of_now, model_cards())
        other = replace(of_now, models=(replace(model, **change),))
        assert OTHER_MODEL in kept_result_text(other, model_cards())
