"""The shipped sample cases: complete, readable, and free to pass on."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinealign.domain.paths import resources_dir
from spinealign.imaging import samples
from spinealign.imaging.read import read_image
from spinealign.imaging.samples import SampleCase, list_samples
from tests.examinations import FRONTAL, LATERAL_NECK, NECK_CT, SPINE_MR, WHOLE_SPINE

SAMPLES = list_samples()


def test_there_is_a_case_for_each_shipped_network_and_the_film_comes_first() -> None:
    assert SAMPLES[0].name == "xray_lateral_phantom"
    assert {case.examination for case in SAMPLES} == {
        LATERAL_NECK, SPINE_MR, NECK_CT, WHOLE_SPINE, FRONTAL
    }  # fmt: skip


@pytest.mark.parametrize("case", SAMPLES, ids=lambda case: case.name)
def test_every_case_opens_as_the_view_it_claims(case: SampleCase) -> None:
    assert case.examination in read_image(case.path).possible_examinations
    assert case.path.parent.name == case.name


@pytest.mark.parametrize("case", SAMPLES, ids=lambda case: case.name)
def test_every_case_names_its_source_and_licence(case: SampleCase) -> None:
    assert case.title
    assert case.source
    assert case.licence
    assert case.note
    licences = (resources_dir() / "samples" / "LICENCES.md").read_text(encoding="utf-8")
    assert f"`{case.name}`" in licences


def test_every_folder_holds_a_case() -> None:
    folders = {path.name for path in (resources_dir() / "samples").iterdir() if path.is_dir()}
    assert folders == {case.name for case in SAMPLES}


def test_an_installation_without_samples_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "resources_dir", lambda: tmp_path)
    assert list_samples() == ()
