"""What training and packaging say: refusals, progress, and the sentences of their cards."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from spinealign.domain.examination import Examination, Modality
from spinealign.wording.text import count_text, listed, safe_text

NOT_STATED = "Not stated by whoever trained it."
NOT_EVALUATED = "Not evaluated on held-out patients."
MODALITY_NAMES: Mapping[Modality, str] = {
    Modality.CT: "CT",
    Modality.MR: "MR",
    Modality.RADIOGRAPH: "radiographs",
}


QUALITY_NAMES: Mapping[str, str] = {
    "low_resolution": "too small",
    "low_contrast": "poor in contrast",
    "too_dark": "too dark",
    "too_bright": "too bright",
    "blurred": "blurred",
}


class _Skipped(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def reason(self) -> str: ...


def no_folder(data: Path) -> str:
    """Return that a data set is no folder."""
    return f"“{safe_text(str(data))}” is no folder and no CSV table"


def no_table(table: Path) -> str:
    """Return that a table cannot be read."""
    return f"“{safe_text(table.name)}” is missing, or is no CSV table in UTF-8"


def odd_rows(table: Path, count: int) -> str:
    """Return that rows of a table have more or fewer fields than it has columns."""
    rows = "1 row has" if count == 1 else f"{count} rows have"
    return (
        f"in “{safe_text(table.name)}” {rows} more or fewer fields than there are columns; put "
        "quotes around fields that hold the separator"
    )


SIZE_MISSING = "it does not say how high and wide a picture is"


def no_outlines(path: Path, kind: str, reason: str) -> str:
    """Return that a JSON file of outlines cannot be read."""
    name = {"Coco": "COCO file of outlines", "Labelme": "labelme file"}[kind]
    return f"“{safe_text(path.name)}” is no {name} ({safe_text(reason)})"


def no_area(path: Path, label: str, kind: str) -> str:
    """Return that an outline is none that has an area."""
    return (
        f"“{safe_text(path.name)}” holds “{safe_text(label)}” as {safe_text(kind)}; outlines are "
        "polygons of three points or more, rectangles or circles"
    )


def class_not_named(path: Path, label: str, classes: Sequence[str]) -> str:
    """Return that an outline is of a class that was not named."""
    return (
        f"“{safe_text(path.name)}” holds the class “{safe_text(label) or 'without a name'}”, and "
        f"named are {safe_text(', '.join(classes))}; name all of them with --classes"
    )


def other_grid(name: str) -> str:
    """Return that a mask's volume does not lie on its image's."""
    return (
        f"the mask of “{safe_text(name)}” has other voxels or another place than the image: "
        "resample it first"
    )


def no_volume(name: str) -> str:
    """Return that a volume cannot be read."""
    return f"“{safe_text(name)}” cannot be read as a volume of three axes"


def no_region_model(name: str) -> str:
    """Return that no segmentation is installed that a recipe names."""
    return (
        f"“{safe_text(name)}” (preprocessing.region) is no installed segmentation; “spinealign "
        "models” names them"
    )


def no_layout(data: Path, layouts: Sequence[str]) -> str:
    """Return that a folder has none of the layouts that a training takes."""
    return f"“{safe_text(str(data))}” has none of the layouts {listed(layouts, 'or')}"


def not_of_layout(data: Path, layout: str) -> str:
    """Return that a folder does not have the layout that was stated."""
    return f"“{safe_text(str(data))}” does not look like the layout {layout}"


def cutting_text(done: int, total: int) -> str:
    """Return how many volumes are cut into pictures."""
    return f"cutting volumes: {done} / {total}"


def seen_before(count: int, of: int) -> str:
    """Return how many pictures an earlier audit spares looking at."""
    return f"audit: {count:,} of {of:,} pictures were looked at by an earlier audit"


def unknown_layout(layout: str, layouts: Sequence[str]) -> str:
    """Return that a layout is not known."""
    return f"“{safe_text(layout)}” is no layout; known are {listed(layouts)}"


def no_match_of_table(table: Path) -> str:
    """Return that a table tells the class of none of the files beside it."""
    return (
        f"“{safe_text(table.name)}” names none of the DICOM files beside it, neither by "
        "PatientID, StudyInstanceUID, SeriesInstanceUID or SOPInstanceUID nor by their names"
    )


def table_lacks(table: Path, columns: Sequence[str]) -> str:
    """Return which columns a table must have."""
    return f"“{safe_text(table.name)}” needs rows with the columns {listed(columns)}"


def table_row_lacks(table: Path, row: Mapping[str, str]) -> str:
    """Return that a row of a table has no picture or no class."""
    what = safe_text(", ".join(filter(None, row.values()))) or "an empty row"
    return f"“{safe_text(table.name)}” has a row without a picture or without a class ({what})"


def listed_twice(name: str) -> str:
    """Return that a table lists a picture more than once."""
    return f"“{safe_text(name)}” is listed twice"


def no_patient_of(name: str) -> str:
    """Return that a table tells the patients of some pictures only."""
    return f"“{safe_text(name)}” has no patient, and other pictures have one"


def no_pattern(pattern: str, reason: str) -> str:
    """Return that a pattern is no regular expression."""
    return f"the pattern “{safe_text(pattern)}” is no regular expression ({safe_text(reason)})"


def pattern_finds_nothing(pattern: str, name: str) -> str:
    """Return that a pattern finds no patient in a name."""
    return f"the pattern “{safe_text(pattern)}” finds no patient in “{safe_text(name)}”"


def no_split(wanted: str, splits: Sequence[str]) -> str:
    """Return what may be held out."""
    there = f"the data set has {listed(splits)}" if splits else "the data set has no such folders"
    return (
        f"“{safe_text(wanted)}” is neither a split, nor a share of patients between 0 and 1, nor "
        f"“none”; {there}"
    )


def patients_on_both_sides(patients: Sequence[str]) -> str:
    """Return that patients are in the training and held out."""
    names = safe_text(", ".join(patients[:3]) + (", ..." if len(patients) > 3 else ""))
    return (
        f"{count_text(len(patients), 'patient')} would be trained on and held out ({names}), so "
        "that no figure would be honest; hold out another split or a share of the patients"
    )


def nothing_to_train_on() -> str:
    """Return that all pictures are held out."""
    return "all pictures are held out, and none is left to train on"


def too_many_broken(broken: int, of: int, first: _Skipped, most: float) -> str:
    """Return that too many pictures cannot be read, with the first of them, and what to do."""
    share = min(1.0, math.ceil(100 * broken / max(of, 1)) / 100)
    return (
        f"{broken} of {count_text(of, 'picture')} cannot be used, more than the {most:.0%} that "
        f"may be left out; the first is “{safe_text(first.name)}”: "
        f"{first.reason.rstrip('.')}. Mend or take away such pictures, or allow more with "
        f"--most-broken {share:g} (data.most_broken in a recipe)"
    )


def not_readable(reason: str) -> str:
    """Return why a file could not be opened."""
    return f"The file could not be opened ({safe_text(reason)})."


def no_classes(found: Sequence[str], positive: str) -> str:
    """Return which classes a classifier needs."""
    if len(found) == 1:
        return (
            f"all pictures are of one class, “{safe_text(found[0])}”; a classifier needs pictures "
            "of two"
        )
    return (
        f"two classes are needed, one of them “{safe_text(positive)}” (--positive); found: "
        f"{safe_text(', '.join(found)) or 'none'}"
    )


def too_few(label: str) -> str:
    """Return that no picture of a class is left to train on."""
    return f"no picture of the class “{safe_text(label)}” is left to train on"


def other_modality(stated: Sequence[Modality], examination: Examination) -> str:
    """Return that pictures are of another modality than the examination."""
    names = listed([MODALITY_NAMES[each] for each in stated])
    return (
        f"the files say that they are {names}, and --examination {examination.key} is for "
        f"{MODALITY_NAMES[examination.modality]}"
    )


def only_own_data(command: str, general: str) -> str:
    """Return that a recipe of this project is for its own data set only."""
    return (
        f"“train {command}” is for the data set of this project that its card describes, and these "
        f"are other data; “train {general}” trains on them and says in the card what they are"
    )


def needs_imagenet(head: str) -> str:
    """Return that a head needs the ImageNet convolutions."""
    return (
        f"the head “{head}” starts from VGG16’s ImageNet convolutions: name the file with "
        "--imagenet (docs/training.md says where it comes from), or take --head plain-cnn"
    )


def no_imagenet_file(path: Path) -> str:
    """Return that the file of the ImageNet convolutions is not there."""
    return (
        f"the file “{safe_text(str(path))}” of --imagenet is not there; docs/training.md says "
        "where it comes from"
    )


def wrong_imagenet(path: Path) -> str:
    """Return that a file is not the ImageNet convolutions."""
    return (
        f"“{safe_text(path.name)}” does not hold VGG16’s convolutions as a .npz file "
        "(block1_conv1/kernel, ...); docs/training.md says where they come from"
    )


def lean_has_no_steps() -> str:
    """Return that a logistic regression takes no epochs."""
    return (
        "the head “lean” is a logistic regression, which is solved and not stepped: --steps and "
        "--epochs are for the heads “report” and “plain-cnn”"
    )


def kept_text(is_new: bool, differs_in: Sequence[str], what: str) -> str:
    """Return whether what is kept in the working folder is taken up.

    Parameters
    ----------
    differs_in : sequence of str
        Parts in which the nearest other training differs; empty if there is none.
    """
    if not is_new:
        return f"{what}: going on with what is kept of the same data, labels and settings"
    if not differs_in:
        return f"{what}: starting; nothing is kept yet"
    return f"{what}: starting anew, because what is kept there is of other {listed(differs_in)}"


def duration_text(seconds: float) -> str:
    """Return how long something takes still, roughly: "40 s", "12 min", "2 h 10 min"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def progress_text(
    what: str, done: int, of: int, unit: str, figures: Mapping[str, float], seconds_left: float
) -> str:
    """Return one line of progress: "fold 1 of 3: epoch 4 of 40, loss 0.512, about 2 min left"."""
    told = "".join(f", {name} {value:.3f}" for name, value in figures.items())
    return f"{what}: {unit} {done} of {of}{told}, about {duration_text(seconds_left)} left"


def results_aside_text(place: Path) -> str:
    """Return where the results of another training are now."""
    return f"results of another training in this folder are kept: {safe_text(str(place))}"


def skipped_text(skipped: Sequence[_Skipped], where: Path) -> str:
    """Return how many pictures were left out, and where their names are."""
    return (
        f"{count_text(len(skipped), 'picture')} could not be used and are left out: "
        f"{safe_text(str(where))}"
    )


def folds_text(folds: int, single: Sequence[str] = (), has_patients: bool = True) -> str:
    """Return how the cross-validation parts the data.

    Parameters
    ----------
    folds : int
    single : sequence of str
        Classes of a single patient, or findings that a single one is known to have or to lack.
    has_patients : bool
    """
    one = _single_text(single, has_patients)
    if not folds:
        return f"no cross-validation: {one}, so that none can be held out"
    told = f"cross-validation in {folds} folds that share no patient"
    return f"{told}; {one}, so that it has no cross-validated figures" if single else told


def _single_text(single: Sequence[str], has_patients: bool) -> str:
    """Return which classes or findings have a single patient on one side."""
    who = "patient" if has_patients else "picture"
    if not single:
        return f"no two groups of {who}s have all classes"
    names = listed([f"“{safe_text(name)}”" for name in single])
    verb, one = ("have", f"a single {who} each") if len(single) > 1 else ("has", f"a single {who}")
    return f"{names} {verb} {one}"


def classes_text(counts: Mapping[str, tuple[int, int]], has_patients: bool) -> str:
    """Return pictures and patients of each class: "12 pictures of 5 patients narrow"."""
    parts = []
    for name, (pictures, patients) in counts.items():
        of = f" of {count_text(patients, 'patient')}" if has_patients else ""
        parts.append(f"{count_text(pictures, 'picture')}{of} {name}")
    return ", ".join(parts)


def training_data_text(
    counts: str, held_out: str, source: str, skipped: int, base: str, has_patients: bool,
    poor: int = 0,
) -> str:  # fmt: skip
    """Return what a model was trained on, as its card says it.

    Parameters
    ----------
    counts, held_out : str
        Of `classes_text`; `held_out` is empty if nothing was.
    source : str
        What the user said of the data; may be empty.
    skipped : int
        Pictures that could not be used.
    base : str
        Where the weights started from; may be empty.
    poor : int
        Pictures that were left out for their quality.
    """
    told = [f"Trained on {counts}."]
    told.append(f"Held out: {held_out}." if held_out else "Nothing was held out.")
    told.append(f"Source: {source}." if source else "Where the pictures come from was not stated.")
    if not has_patients:
        told.append("Which pictures are of one patient was not stated.")
    if skipped:
        told.append(f"{count_text(skipped, 'further picture')} could not be read.")
    if poor:
        told.append(f"{count_text(poor, 'picture')} of poor quality left out.")
    if base:
        told.append(base)
    return " ".join(told)


IMAGENET_BASE = "The convolutions are VGG16’s of ImageNet (Oxford VGG, CC BY 4.0), not fine-tuned."


def licence_text(stated: str, imagenet: bool) -> str:
    """Return the licence of a model's weights, as far as it is known."""
    told = stated or "Not stated; ask whoever trained it before passing it on."
    return f"{told} ImageNet convolutions: CC BY 4.0." if imagenet else told


def limits_text(held_out_patients: int, has_patients: bool, earned: bool) -> str:
    """Return the one honest sentence of a card of a user's own training."""
    if earned:
        return (
            f"Trained by a user and measured on {held_out_patients} held-out patients of the same "
            "data set only; what it says of other patients, scanners and hospitals is not known."
        )
    if held_out_patients and has_patients:
        return (
            f"Trained by a user; on {held_out_patients} held-out patients it was not shown to be "
            "good enough for more than a demonstration."
        )
    return (
        "Trained by a user and never measured on patients that were known to be held out: "
        "a demonstration, whose answers mean nothing for a patient."
    )


def failures_of(
    has_patients: bool, has_folds: bool, although: str, examination: bool, verdict: str = "",
    left_out: Sequence[str] = (), has_map: bool = True, single: Sequence[str] = (),
) -> tuple[str, ...]:  # fmt: skip
    """Return what is known to be wrong with a user's own training."""
    told = []
    if although:
        audit = f" ({verdict.rstrip('.')})" if verdict else ""
        told.append(
            f"The audit of the data advised against this training{audit}; it was done although: "
            f"{although.rstrip('.')}."
        )
    if not has_patients:
        told.append(
            "Patients were not told apart: pictures of one patient may lie on both sides of every "
            "split, and then all figures are too good."
        )
    if not has_folds:
        told.append(f"There was no cross-validation: {_single_text(single, has_patients)}.")
    elif single:
        told.append(f"{_single_text(single, has_patients)}, so it has no cross-validated figures.")
    if not examination:
        told.append("For which kind of examination it is was not stated.")
    if left_out:
        kinds = listed([QUALITY_NAMES[code] for code in left_out], "or")
        told.append(
            f"Pictures that the program calls {kinds} were left out of training and figures: what "
            "the model says of such pictures was never tried."
        )
    if not has_map:
        told.append("It has no heat map: it does not show where its answer comes from.")
    told.append("Pictures of other sources than those it was trained on were never tried.")
    return tuple(told)


def no_layout_of_masks(data: Path) -> str:
    """Return which layout a segmentation needs."""
    return (
        f"“{safe_text(str(data))}” needs a folder “images”, and a folder “masks” with one picture "
        "of class numbers under the same name for each"
    )


def no_mask(name: str) -> str:
    """Return that a picture has no mask."""
    return f"“{safe_text(name)}” has no mask of the same name"


def mask_of_other_size(mask: tuple[int, int], image: tuple[int, int]) -> str:
    """Return that a mask does not lie on its picture."""
    return f"Its mask has {mask[1]} x {mask[0]} pixels, and the picture {image[1]} x {image[0]}."


def mask_value(name: str, value: int, classes: Sequence[str]) -> str:
    """Return that a mask holds a value without a class."""
    return (
        f"the mask of “{safe_text(name)}” holds the value {value}, and classes are named for 0 to "
        f"{len(classes) - 1} ({', '.join(classes)}); name all of them with --classes or in "
        "classes.csv (255 means: not known)"
    )


def no_class_names(data: Path) -> str:
    """Return that nobody said what the values of masks mean."""
    return (
        f"“{safe_text(str(data))}” does not say what the values of the masks mean: name the "
        "classes in the order of their values with --classes (background first), or in a table "
        "classes.csv with the columns value and name"
    )


def bad_class_table(table: Path) -> str:
    """Return that a table of classes is wrong."""
    return (
        f"“{safe_text(table.name)}” needs the columns value and name, with the values 0, 1, 2, ... "
        "each once, 0 being the background"
    )


def no_patients_to_hold_out() -> str:
    """Return that a segmentation needs two patients."""
    return "a single patient is no training set: none would be left to measure on"


def untitled_classifier(positive: str, negative: str) -> str:
    """Return what a classifier is called that was given no title: its classes."""
    return f"Classifier: {positive} or {negative} (no title stated)"


def untitled_segmentation(classes: Sequence[str]) -> str:
    """Return what a segmentation is called that was given no title: its classes."""
    return f"Segmentation: {listed(classes)} (no title stated)"


MASK_NOT_READABLE = "Its mask is no picture of class numbers from 0 to 255."

ONNX_IS_NOT_TAKEN = "an ONNX network, which this version does not convert"
BARE_WEIGHTS = "bare weights without their network; name it with --architecture report or plain-cnn"
NO_WHOLE_MODEL = "it is no whole Keras model, or one with code of its own"
SIZE_IS_OPEN = "its input has no fixed size; state one with --input-size ROWS COLUMNS"
OUTPUT_IS_OPEN = (
    "its last layer does not tell what its output is; state --output probability or logits"
)
CONVERTED_OTHERWISE = "converted, it answers otherwise than in Keras"
PACKAGE_TAKES = (
    "Taken are whole Keras models (.keras, .h5) with one image as input, of 1 or 3 channels, and "
    "one output: a class, a class for each pixel, or a heat map for each named point (--points); "
    "and bare weights (.weights.h5) of the architectures report and plain-cnn. Convert other "
    "formats to Keras first."
)
LEFT_BY_SEVERAL = (
    "it is what “train multi-label” or “train ordinal” leaves; the model folder that they wrote is "
    "complete, and “package” would make classes of findings or grades"
)
SEVERAL_SIGMOIDS = (
    "each of its outputs is a probability by itself (sigmoid), so it answers several findings; of "
    "the classes of a packaged model one is right. Such models come from “train multi-label”"
)
SECOND_LOOK_IS_OPEN = (
    "nothing tells how often such a network looks; state --second-look, the magnification of its "
    "second look over the first, which sees the whole picture (train landmarks: 3; without a "
    "second one: 1)"
)


def not_converted(reason: str) -> str:
    """Return that the converter refused a network."""
    return f"it cannot be converted: {safe_text(reason)}"


def inputs_and_outputs(shapes: Sequence[tuple[int | None, ...]]) -> str:
    """Return which shapes a network has that is not taken."""
    return f"its inputs and outputs have the shapes {', '.join(map(str, shapes))}"


def other_size(height: int, width: int) -> str:
    """Return that a network does not take a size."""
    return f"it does not take an input of {height} x {width}"


def other_classes(outputs: int, expected: int, classes: Sequence[str]) -> str:
    """Return how many different classes must be named."""
    return (
        f"it has {count_text(outputs, 'output')}, so --classes names {expected} different classes, "
        f"and {len(classes)} were named"
    )


def other_points(shape: Sequence[int | None], names: Sequence[str]) -> str:
    """Return that a network has no heat map for each point."""
    return (
        f"its output has the shape {tuple(shape)}, and --points names {len(set(names))} different "
        "points; a heat map for each of them is expected"
    )


def uneven_cells(of_input: Sequence[int | None], of_output: Sequence[int | None]) -> str:
    """Return that the cells of heat maps are no whole squares of the input."""
    return (
        f"a cell of its heat maps {tuple(of_output)} is no whole square of its input "
        f"{tuple(of_input)}"
    )


def card_refused(problem: str) -> str:
    """Return that the options give a card that no analysis would take."""
    return f"its card would be refused: {problem}"


def no_positive(classes: Sequence[str]) -> str:
    """Return that a classifier needs the class that means abnormal."""
    return f"--positive must be one of {safe_text(', '.join(classes))}"


def scaling_for(channels: int) -> str:
    """Return which scaling fits a number of channels."""
    fits = "grey" if channels == 1 else "unit, bytes, symmetric, torch or caffe"
    return f"its input has {count_text(channels, 'channel')}: --scaling must be {fits}"


def untitled_package(name: str) -> str:
    """Return what a packaged network is called that was given no title: its file."""
    return f"User's own network {safe_text(name)} (no title stated)"


def other_parameters(expected: int, network: str) -> str:
    """Return that weights do not fit a network."""
    return f"they are not those of {network}, which has {expected:,} parameters"


def audit_condemns(verdict: str, place: Path) -> str:
    """Return that the audit of the data advises against a training, and where its report is."""
    return f"{verdict} Nothing was trained. The whole report is in {safe_text(str(place))}."


CONDEMNED_ADVICE = (
    "Mend what the report names. To train all the same, give a reason by --although; the card then "
    "shows it with the verdict, and the model stays a demonstration."
)


def audit_text(verdict: str, place: Path) -> str:
    """Return what the audit of the data says, and where its report is."""
    return f"audit: {verdict} ({safe_text(str(place))})"


def not_in_split(name: str) -> str:
    """Return that a table of a split names none of the pictures."""
    return f"“{safe_text(name)}” names none of the pictures below the data set"
