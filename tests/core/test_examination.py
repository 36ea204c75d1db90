"""The table of examinations agrees with itself."""

import ast
from pathlib import Path

import pytest

import spinealign
from spinealign.domain.examination import (
    EXAMINATIONS,
    LEVEL_SEQUENCE,
    OTHER_KINDS,
    ExaminationKind,
    ImageKind,
    Modality,
    Plane,
    examination_named,
    examinations_of,
)
from spinealign.measure.alignment import MEASURED_IN
from spinealign.pipelines import PIPELINES

ALL = tuple(EXAMINATIONS.values())


def test_every_kind_has_one_entry():
    assert set(EXAMINATIONS) == set(ExaminationKind)
    assert all(kind.examination.kind is kind for kind in ExaminationKind)


@pytest.mark.parametrize("attribute", ["kind", "key", "image_kind", "view_name"])
def test_no_two_examinations_share(attribute):
    assert len({getattr(each, attribute) for each in ALL}) == len(ALL)


def test_an_image_kind_is_of_an_examination_or_refused():
    refused = {*OTHER_KINDS.values(), ImageKind.OBLIQUE_FILM, ImageKind.NONE_OF_THESE}
    assert {kind for kind in ImageKind if kind.examination is None} == refused
    assert all(each.image_kind.examination is each for each in ALL)


@pytest.mark.parametrize("each", ALL, ids=[each.key for each in ALL])
def test_levels_run_from_the_top(each):
    ranks = [LEVEL_SEQUENCE.index(level) for level in each.levels]
    assert ranks == sorted(set(ranks))
    assert bool(each.levels) == (each.body_source is not None) == (each.body_region is not None)
    assert each.body_region is None or each.body_region in each.regions


NAMED_IN = {"domain/examination.py", "pipelines.py", "wording/examinations.py"}


def test_code_decides_by_properties_and_names_no_kind_elsewhere():
    """A kind that is added is an entry in three tables; training may name what it is for."""
    own = {f"ImageKind.{each.image_kind.name}" for each in ALL}
    own |= {f"ExaminationKind.{kind.name}" for kind in ExaminationKind}
    root = Path(spinealign.__file__).parent
    found = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in own
    }
    assert {name for name in found if not name.startswith("training/")} == NAMED_IN


def test_every_kind_has_a_pipeline_and_every_plane_its_measures():
    assert set(PIPELINES) == set(ExaminationKind)
    assert {each.plane for each in ALL} <= set(MEASURED_IN)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("xray", "lateral_cervical_radiograph"), ("ct", "cervical_ct_slice"),
        ("mr", "sagittal_spine_mr"), ("lateral-neck", "lateral_cervical_radiograph"),
        ("neck-ct", "cervical_ct_slice"), ("spine-mr", "sagittal_spine_mr"),
        ("sagittal_spine_mr", "sagittal_spine_mr"),
    ],
)  # fmt: skip
def test_names_of_all_versions_are_understood(name, kind):
    assert examination_named(name).kind == kind


@pytest.mark.parametrize("name", ["", "other", "XRAY", "knee"])
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match="no kind of examination"):
        examination_named(name)


def test_modality_and_plane_select():
    sagittal = examinations_of(Modality.MR, [Plane.SAGITTAL])
    assert [each.key for each in sagittal] == ["spine-mr"]
    assert examinations_of(Modality.CT, [Plane.SAGITTAL]) == ()
    assert "lateral-neck" in {each.key for each in examinations_of(Modality.RADIOGRAPH)}
