"""An evaluation reads every layout that a training reads, and means the same by it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("sklearn")

from PIL import Image

from spinealign.data_audit.tables import Columns
from spinealign.domain.errors import AnswersError, DataSetError
from spinealign.domain.own_tasks import OWN_TASKS
from spinealign.evaluation import predicting
from spinealign.evaluation.known import NOT_KNOWN, shared_classes
from spinealign.imaging import decoding
from spinealign.imaging.read import read_image
from spinealign.training.own.known import known_set
from spinealign.training.own.layouts import CLASSIFIED, OUTLINED, Asked
from tests.core.test_own_layouts import (
    NAMES,
    SQUARE,
    coco,
    dicom,
    expected,
    labelme,
    picture,
    rsna,
    volumes,
    written,
)

CLASSIFIER, SEGMENTATION = OWN_TASKS["classifier"], OWN_TASKS["segmentation"]


def model(classes, positive=None):
    card = SimpleNamespace(
        classes=tuple(classes), positive_class=positive, threshold=0.5, training={}, region=None
    )
    return SimpleNamespace(card=card)


def known(task, data, classes, tmp_path, layout="", **columns):
    asked = Asked(
        data,
        layout,
        label_column=columns.get("label", ""),
        work=tmp_path / "cut",
        told=lambda *_: None,
    )
    return known_set(task, asked, classes, Columns(**columns))


@pytest.fixture
def outlining(monkeypatch):
    """A model that outlines what `drawn` says: class numbers of its card for each picture."""
    # The pictures of the layouts' own tests are smaller than any that the program opens.
    monkeypatch.setattr(decoding, "MIN_SIDE_PX", 1)

    def start(drawn):
        answer = lambda _model, image: SimpleNamespace(mask=drawn(image))  # noqa: E731
        monkeypatch.setattr(predicting, "segment_with", answer)

    return start


def outlined(found, classes):
    return predicting.outlines_of(model(classes), found)


def dice(answered, name):
    return [row[name]["dice"] for row in answered.cases.rows]


# Pictures with classes


def of_patients(tmp_path):
    for patient in ("anna", "ben"):
        for number in range(2):
            dicom(tmp_path / patient / f"{number}.dcm", patient)
    written(tmp_path / "labels.csv", "PatientID,grade,label\nanna,ill,x\nben,well,x\n")
    return tmp_path


@pytest.mark.parametrize(
    ("layout", "write", "column", "told"),
    [
        ("rsna-2022", rsna, "", {"fracture": {"1.1"}, "normal": {"1.2"}}),
        ("dicom-table", of_patients, "grade", {"ill": {"anna"}, "well": {"ben"}}),
    ],
)
def test_slices_are_answered_of_the_class_that_their_table_tells(
    layout, write, column, told, tmp_path, monkeypatch
):
    data = write(tmp_path / "data")
    classes = tuple(told)
    answer = SimpleNamespace(probabilities=(0.25, 0.75))
    monkeypatch.setattr(predicting, "classify_with", lambda *_: answer)
    for name in ("", layout):
        found = known(CLASSIFIER, data, classes, tmp_path, name, label=column)
        cases = predicting.answers_of(model(classes, classes[1]), found).cases
        of_class = [cases.classes[k] for k in cases.truth]
        owners = {
            label: {p for p, own in zip(cases.patients, of_class, strict=True) if own == label}
            for label in classes
        }
        assert {label: len(own) for label, own in owners.items()} == dict.fromkeys(classes, 1)
        assert cases.knows_patients
        if layout == "rsna-2022":
            assert owners == told
            assert sorted(cases.images) == [
                "train_images/1.1/2.dcm", "train_images/1.2/1.dcm", "train_images/1.2/2.dcm",
            ]  # fmt: skip


def test_folders_and_tables_are_read_with_all_names_that_the_audit_knows(tmp_path):
    for part in ("training", "validation"):
        for label in ("ill", "well"):
            picture(tmp_path / "data" / part / label / "p1" / "a.png")
    found = known(CLASSIFIER, tmp_path / "data", ("ill", "well"), tmp_path)
    assert {(p.part, p.label, p.patient) for p in found.pictures} == {
        (part, label, "p1") for part in ("train", "val") for label in ("ill", "well")
    }
    lines = "picture,finding,who\ntraining/ill/p1/a.png,ill,7\n"
    table = written(tmp_path / "data" / "t.csv", lines)
    names = {"file": "picture", "label": "finding", "patient": "who"}
    found = known(CLASSIFIER, table, ("ill", "well"), tmp_path, **names)
    assert [(p.label, p.patient) for p in found.pictures] == [("ill", "7")]


def test_further_columns_of_a_list_make_subgroups_of_classes(tmp_path, monkeypatch):
    """Of a list, and of one beside folders; what every picture has of its own makes none."""
    monkeypatch.setattr(decoding, "MIN_SIDE_PX", 1)
    monkeypatch.setattr(predicting, "classify_with", lambda *_: SimpleNamespace(
        probabilities=(0.25, 0.75)
    ))  # fmt: skip
    rows = ["image,label,patient,Field strength,remark,age"]
    for number in range(24):
        name = f"{('ill', 'well')[number % 2]}/{number}.png"
        picture(tmp_path / "data" / name)
        field, odd = ("1.5 T", "3 T")[number // 12], f"note {number}"
        rows.append(f"{name},{('ill', 'well')[number % 2]},p{number},{field},{odd},{20 + number}")
    table = written(tmp_path / "data" / "t.csv", "\n".join(rows) + "\n")
    for data in (table, tmp_path / "data"):
        found = known(CLASSIFIER, data, ("ill", "well"), tmp_path)
        assert {title for title, _ in found.pictures[0].further} == {
            "field strength", "remark", "age",
        }  # fmt: skip
        cases = predicting.answers_of(model(("ill", "well"), "ill"), found).cases
        assert set(cases.groups) == {"field strength", "age"}
        told = dict(zip(cases.images, cases.groups["field strength"], strict=True))
        assert told["ill/10.png"] == "1.5 T"
        assert told["well/13.png"] == "3 T"
        assert len(set(cases.groups["age"])) == 3


# Pictures with outlines


def masked(tmp_path):
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "masks").mkdir()
    Image.fromarray(expected()).save(tmp_path / "masks" / "a.png")
    return tmp_path


OUTLINES = {
    "masks": masked,
    "coco": lambda folder: coco(folder, [SQUARE]),
    "labelme": lambda folder: labelme(folder, "rectangle", [[10, 4], [20, 9]]),
}


@pytest.mark.parametrize("layout", OUTLINES)
def test_outlines_of_every_layout_are_those_that_a_model_is_compared_with(
    layout, tmp_path, outlining
):
    data = OUTLINES[layout](tmp_path / "data")
    outlining(lambda image: expected())
    for name in ("", layout):
        answered = outlined(known(SEGMENTATION, data, NAMES, tmp_path, name), NAMES)
        assert dice(answered, "disc") == [1.0]
    outlining(lambda image: 1 - expected())
    assert dice(outlined(known(SEGMENTATION, data, NAMES, tmp_path), NAMES), "disc") == [0.0]


def test_slices_of_volumes_stay_together_and_lie_as_the_model_sees_them(tmp_path, outlining):
    (tmp_path / "data").mkdir()
    data = volumes(tmp_path / "data", ".nii.gz", ["a", "b"])
    outlining(lambda image: (image.pixels >= 500).astype(np.uint8))
    answered = outlined(known(SEGMENTATION, data, NAMES, tmp_path), NAMES)
    # The band is 40 columns wide, and 18 of them are outlined.
    assert dice(answered, "disc") == pytest.approx([2 * 18 / (18 + 40)] * 6)
    assert set(answered.cases.patients) == {"a", "b"}
    assert "only slices were outlined that show a structure" in answered.cautions[-1]


def test_spiders_classes_are_found_by_name_whatever_their_number_in_the_card(tmp_path, outlining):
    (tmp_path / "data").mkdir()
    data = volumes(tmp_path / "data", ".mha", ["12_t1", "12_t2"], value=201)
    classes = ("background", "canal", "Disc")

    def drawn(image):
        mask = np.zeros(image.shape, np.uint8)
        mask[6:12, 9:27] = 2
        return mask

    outlining(drawn)
    answered = outlined(known(SEGMENTATION, data, classes, tmp_path), classes)
    assert answered.cases.classes == ("canal", "Disc")
    assert dice(answered, "Disc") == [1.0] * 6
    assert set(answered.cases.patients) == {"12"}
    assert any("does not outline vertebra" in told for told in answered.cautions)


def test_pixels_of_which_nothing_is_known_count_on_neither_side(tmp_path, outlining):
    data = masked(tmp_path / "data")
    mask = expected()
    mask[:, 15:] = NOT_KNOWN
    Image.fromarray(mask).save(data / "masks" / "a.png")
    outlining(lambda image: np.ones(image.shape, np.uint8) * (np.arange(30) >= 10))
    answered = outlined(known(SEGMENTATION, data, NAMES, tmp_path), NAMES)
    assert dice(answered, "disc") == pytest.approx([2 * 25 / (25 + 100)])


def test_what_values_of_masks_mean_is_read_where_it_stands_beside_them(tmp_path, outlining):
    data = masked(tmp_path / "data")
    written(data / "classes.csv", "value,name\n0,background\n1,canal\n2,disc\n")
    outlining(lambda image: 2 * expected())
    classes = ("background", "disc", "canal")
    answered = outlined(known(SEGMENTATION, data, classes, tmp_path), classes)
    assert dice(answered, "canal") == [1.0]
    written(data / "classes.csv", "value,name\n0,background\n1,nerve\n")
    with pytest.raises(AnswersError, match="The masks tell nerve, and the model outlines disc"):
        outlined(known(SEGMENTATION, data, classes, tmp_path), classes)


def test_a_value_without_a_meaning_is_refused(tmp_path, outlining):
    data = masked(tmp_path / "data")
    Image.fromarray(7 * expected()).save(data / "masks" / "a.png")
    outlining(lambda image: expected())
    with pytest.raises(AnswersError, match="has the value 7"):
        outlined(known(SEGMENTATION, data, NAMES, tmp_path), NAMES)


def test_only_what_is_held_out_is_outlined(tmp_path, outlining):
    data = masked(tmp_path / "data")
    for folder in ("images", "masks"):
        Image.open(data / folder / "a.png").save(data / folder / "b.png")
    written(data / "manifest.csv", "name,patient,split\na.png,p1,train\nb.png,p2,val\n")
    outlining(lambda image: expected())
    answered = outlined(known(SEGMENTATION, data, NAMES, tmp_path), NAMES)
    assert answered.cases.images == ("images/b.png",)
    assert answered.cases.patients == ("p2",)
    assert "the part “val” alone" in answered.cautions[0]


def test_classes_that_one_side_lacks_are_told():
    shared = shared_classes(("background", "disc", "canal"), ("background", "vertebra", "canal"))
    assert (shared.classes, shared.of_model) == (("canal",), (2,))
    assert shared.of_value[[0, 1, 2, 3, NOT_KNOWN]].tolist() == [0, 0, 1, -1, NOT_KNOWN]
    assert [told.split(":")[0] for told in shared.cautions] == [
        "The masks do not tell disc", "The model does not outline vertebra",
    ]  # fmt: skip


# Which one


@pytest.mark.parametrize(("task", "table"), [(CLASSIFIER, CLASSIFIED), (SEGMENTATION, OUTLINED)])
def test_every_layout_of_a_task_is_one_that_its_models_are_evaluated_on(task, table, tmp_path):
    assert [layout.name for layout in table] == list(task.layouts)
    (tmp_path / "data").mkdir()
    with pytest.raises(DataSetError, match="known are " + table[0].name):
        known(task, tmp_path / "data", NAMES, tmp_path, "parquet")
    for layout in table[:-1]:
        with pytest.raises(DataSetError, match=f"does not look like the layout {layout.name}"):
            known(task, tmp_path / "data", NAMES, tmp_path, layout.name)


def test_tasks_with_layouts_of_their_own_are_left_to_them(tmp_path):
    for name in ("multi-label", "landmarks"):
        assert known(OWN_TASKS[name], tmp_path, ("a",), tmp_path) is None


def test_cut_slices_are_the_ones_that_a_training_marks(tmp_path):
    """What a model learned from is told by checksums: cutting must give the same bytes."""
    (tmp_path / "data").mkdir()
    data = volumes(tmp_path / "data", ".mha", ["a"])
    marks = [
        {read_image(p.path).sha256 for p in known(SEGMENTATION, data, NAMES, place).pictures}
        for place in (tmp_path / "one", tmp_path / "two")
    ]
    assert marks[0] == marks[1]
    assert len(marks[0]) == 3
