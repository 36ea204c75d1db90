"""What the shipped gate says of the samples and of pydicom's files, tags hidden and shown."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage

from spinealign.domain.examination import ImageKind
from spinealign.domain.findings import WarningCode
from spinealign.domain.image import DecisionSource
from spinealign.gate import choose_examination, classify_kind
from spinealign.imaging.orientation import turned_left
from spinealign.imaging.read import read_image
from spinealign.imaging.samples import list_samples
from spinealign.inference.catalog import ModelStore
from tests.corpus import corpus_files
from tests.examinations import SPINE_MR

pytestmark = pytest.mark.model
SAMPLES = {sample.name: sample for sample in list_samples()}
PHOTOGRAPHS = Path(skimage.__file__).parent / "data"
K = ImageKind


@pytest.fixture(scope="module")
def models():
    return ModelStore()


def bare(image):
    """Return an image as an export without tags would be."""
    return replace(
        image,
        stated_kind=None,
        possible_examinations=None,
        modality=None,
        source_path=Path("x.png"),
    )


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_opened_as_what_they_are(models, name):
    sample = SAMPLES[name]
    choice = choose_examination(read_image(sample.path), models, None)
    assert choice.examination is sample.examination


@pytest.mark.parametrize(
    "name", ["mr_lumbar_phantom", "xray_lateral_phantom", "xray_spine_phantom"]
)
def test_drawn_samples_are_recognised_from_pixels_alone(models, name):
    choice = choose_examination(bare(read_image(SAMPLES[name].path)), models, None)
    assert (choice.examination, choice.source) == (SAMPLES[name].examination, DecisionSource.PIXELS)


FOREIGN = {
    "pydicom-data/RG1_UNCR.dcm": K.OTHER_RADIOGRAPH,
    "pydicom-data/RG3_UNCR.dcm": K.OTHER_RADIOGRAPH,
    "pydicom-data/693_UNCR.dcm": None,
    "pydicom-data/explicit_VR-UN.dcm": K.OTHER_CT,
    "pydicom-data/eCT_Supplemental.dcm": None,
    "pydicom-data/MR-SIEMENS-DICOM-WithOverlays.dcm": K.OTHER_MR,
    "pydicom-data/MR2_UNCR.dcm": K.OTHER_MR,
    "pydicom-data/JPGLosslessP14SV1_1s_1f_8b.dcm": K.NONE_OF_THESE,
    "pydicom-data/US1_UNCR.dcm": K.NONE_OF_THESE,
    "pydicom-data/OBXXXX1A.dcm": K.NONE_OF_THESE,
    "pydicom-data/OT-PAL-8-face.dcm": None,
    "pydicom-data/mlut_18.dcm": None,
    "pydicom/test_files/J2K_pixelrep_mismatch.dcm": K.OTHER_CT,
    "pydicom/test_files/MR_small.dcm": K.OTHER_MR,
    "pydicom/test_files/image_dfl.dcm": None,
}


# A map of the brain's perfusion passes as a slice of the neck; the gate learned from none of these.
TAKEN_IN = {"pydicom-data/eCT_Supplemental.dcm"}


@pytest.mark.parametrize("name", sorted(set(FOREIGN) - TAKEN_IN))
def test_foreign_files_of_pydicom_are_refused(models, name):
    image = read_image(corpus_files()[name])
    assert image.stated_kind is FOREIGN[name]
    choice = choose_examination(image, models, None)
    assert choice.is_refusal, choice.check


@pytest.mark.parametrize("name", sorted(set(FOREIGN) - TAKEN_IN))
def test_they_are_refused_without_their_tags_too(models, name):
    choice = choose_examination(bare(read_image(corpus_files()[name])), models, None)
    assert choice.is_refusal, choice.check


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "camera", "page", "text"])
def test_photographs_and_pages_are_refused(models, name):
    choice = choose_examination(read_image(PHOTOGRAPHS / f"{name}.png"), models, None)
    assert choice.is_refusal, choice.check


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_a_turned_film_is_told_how_to_turn_back(models, quarter_turns):
    lying = turned_left(bare(read_image(SAMPLES["xray_lateral_phantom"].path)), quarter_turns)
    choice = choose_examination(lying, models, None)
    assert choice.is_refusal
    assert (choice.check.quarter_turns + quarter_turns) % 4 == 0
    assert [c.code for c in choice.cautions] == [WarningCode.TURNED]


@pytest.mark.parametrize("gain", [1, 16, 250])
def test_the_answer_does_not_depend_on_the_depth_of_grey_values(models, gain):
    image = bare(read_image(SAMPLES["mr_lumbar_phantom"].path))
    deep = replace(image, pixels=image.pixels * np.float32(gain), bits=16)
    gate = models.load("view_gate")
    first, second = classify_kind(image, gate), classify_kind(deep, gate)
    assert second.ood_distance == pytest.approx(first.ood_distance, abs=0.05)


def test_the_card_tells_its_figures_by_source(models):
    card = models.load("view_gate").card
    figures = card.metrics["cross_validation"]
    assert figures["foreign_refused"]["value"] >= 0.98
    assert figures["by_source"]["frontal_film: xray_spine_ap"]["value"] >= 0.98
    films = card.metrics["other_films_of_the_whole_spine_source"]["by_source"]
    assert films["lateral_whole_spine: xray_spine_lateral"]["units"] == 19
    assert any("no real one" in failure for failure in card.known_failures)
    assert figures["by_source"]["lateral_film: xray_lateral"]["units"] == 132
    assert figures["by_source"]["neck_ct: ct_fracture"]["units"] == 3
    assert set(card.classes) == set(ImageKind)
    assert "View" not in card.limits
    assert any("three series" in failure for failure in card.known_failures)


def test_overruling_says_what_the_gate_saw(models):
    image = bare(read_image(corpus_files()["pydicom-data/US1_UNCR.dcm"]))
    choice = choose_examination(image, models, SPINE_MR)
    assert choice.examination is SPINE_MR
    assert choice.check.overruled
    assert choice.check.pixels is K.NONE_OF_THESE
