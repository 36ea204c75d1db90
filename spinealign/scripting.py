"""The program from Python: ``import spinealign; result = spinealign.analyze(path)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinealign.analysis import analyze_file
from spinealign.domain.errors import UnknownExaminationError
from spinealign.domain.examination import (
    EXAMINATIONS,
    Examination,
    ImageKind,
    image_type_named,
    kinds_without_analysis,
)
from spinealign.domain.findings import Analysis
from spinealign.domain.generators import run_to_end
from spinealign.export.bundle import write_bundle
from spinealign.export.disc_tables import grading_record
from spinealign.export.measure_tables import measurement_record
from spinealign.export.point_tables import point_rows
from spinealign.export.tables import analysis_json
from spinealign.imaging.find import find_images
from spinealign.inference.catalog import ModelStore
from spinealign.wording import caution_text, headline
from spinealign.wording.silent_models import silent_model_texts

Row = Mapping[str, Any]
"""One row of a table: plain numbers, texts and None under the names of its columns."""

PathText = str | PathLike[str]

_stores: dict[tuple[str, ...], ModelStore] = {}
"""Networks stay loaded from one call to the next, by the models that were chosen."""


@dataclass(frozen=True, eq=False)
class Result:
    """What the program found on one image, as arrays and tables.

    It is the program's own result: corrections and readings that people saved are not in it.

    Parameters
    ----------
    analysis : Analysis
        All of it, as the rest of the program uses it; may change from version to version.
    silent_models : tuple of str
        Why models that were named did not answer, a sentence each.
    """

    analysis: Analysis
    silent_models: tuple[str, ...] = ()

    @property
    def pixels(self) -> NDArray[np.float32]:
        """The image (H, W): Hounsfield units where it has them, else its grey values; row 0 up."""
        return self.analysis.image.pixels

    @property
    def spacing_mm(self) -> tuple[float, float] | None:
        """Distance of rows and of columns in millimetres; None where it is unknown."""
        return self.analysis.image.spacing_mm

    @property
    def examination(self) -> str | None:
        """As which examination the image was analysed, such as "spine-mr"; None if refused."""
        examination = self.analysis.examination
        return None if examination is None else examination.key

    @property
    def is_refused(self) -> bool:
        """Whether nothing was analysed because the image is of another kind."""
        return self.analysis.is_refused

    @property
    def headline(self) -> str:
        """The result in a sentence."""
        return headline(self.analysis)

    @property
    def cautions(self) -> tuple[str, ...]:
        """What to know beside the result, a sentence each."""
        return tuple(caution_text(caution) for caution in self.analysis.cautions)

    @property
    def mask(self) -> NDArray[np.uint8] | None:
        """Class numbers (H, W) in image pixels, 0 for background; None without outlines."""
        found = self.analysis.segmentation
        return None if found is None else found.mask

    @property
    def classes(self) -> dict[int, str]:
        """What the numbers of `mask` mean; empty without outlines."""
        found = self.analysis.segmentation
        return {} if found is None else dict(found.classes)

    @property
    def confidence(self) -> NDArray[np.float32] | None:
        """The network's probability of each pixel's class (H, W), 0..1; None without outlines."""
        found = self.analysis.segmentation
        return None if found is None else found.confidence

    @property
    def outlines(self) -> dict[str, NDArray[np.float64]]:
        """Contour of each vertebral body by name: (n, 2) of x and y in image pixels."""
        return {body.name: np.array(body.outline, float) for body in self.analysis.vertebrae}

    @property
    def landmarks(self) -> list[Row]:
        """Table of points: body, landmark, x, y (image pixels), confidence 0..1."""
        return [
            {
                "body": body.name,
                "landmark": str(mark.name.value),
                "x": float(mark.x),
                "y": float(mark.y),
                "confidence": float(mark.confidence),
            }
            for body in self.analysis.vertebrae
            for mark in body.landmarks
        ]

    @property
    def points(self) -> list[Row]:
        """Table of a point model's points: name, x, y, x_mm, y_mm, confidence, sure.

        Places are of the file's picture, x to the right and y down: pixels, pixel i covering i to
        i + 1, and millimetres, None where the spacing is unknown. `confidence` is 0..1, and `sure`
        whether it reaches what the model's card trusts. Points not found are in
        `points_not_found`.
        """
        found = self.analysis.located
        return [] if found is None else list(point_rows(found, self.analysis.image.spacing_mm))

    @property
    def points_not_found(self) -> tuple[str, ...]:
        """Names of a point model's points that were not found; the image may show them."""
        found = self.analysis.located
        return () if found is None else found.not_found

    @property
    def measures(self) -> list[Row]:
        """Table of measures: code, name, levels ("C2/C7"), value, unit, 95 % interval, reason.

        `value` is None where a measure could not be taken, and `reason` says why.
        """
        return [_measure(measurement_record(one)) for one in self.analysis.measurements]

    @property
    def regions(self) -> list[Row]:
        """Table of structures: class_id, name, pixels, area_mm2, percent_of_image, parts."""
        columns = ("class_id", "name", "pixels", "area_mm2", "percent_of_image", "parts")
        return [{name: getattr(one, name) for name in columns} for one in self.analysis.regions]

    @property
    def discs(self) -> list[Row]:
        """Table of graded discs, from the sacrum up, as in analysis.json; empty without grades."""
        record = grading_record(self.analysis)
        return [] if record is None else list(record["discs"])

    @property
    def probabilities(self) -> dict[str, float]:
        """A classifier's answer by class; empty without one."""
        answer = self.analysis.classification
        return {} if answer is None else dict(zip(answer.labels, answer.probabilities, strict=True))

    @property
    def findings(self) -> list[Row]:
        """Table of several findings: name, probability, threshold, prevalence, reported."""
        found = self.to_json()["findings"]
        return [] if found is None else list(found["findings"])

    @property
    def grade_probabilities(self) -> dict[str, float]:
        """Probability of each grade of the whole picture, the lowest first; empty without one."""
        answer = self.analysis.picture_grade
        return {} if answer is None else dict(zip(answer.grades, answer.probabilities, strict=True))

    @property
    def heat_map(self) -> NDArray[np.float32] | None:
        """What spoke for the abnormal class, reported findings or a higher grade; None without.

        Shape (H, W), 0..1.
        """
        return self.analysis.heatmap

    def to_json(self) -> dict[str, Any]:
        """Return everything as the command line writes it into analysis.json."""
        return analysis_json(self.analysis, {})

    def save(self, folder: PathText) -> tuple[Path, ...]:
        """Write the folder of results that ``spinealign analyze`` writes, and return its files.

        Raises
        ------
        ExportError
            The folder cannot be written.
        """
        return write_bundle(self.analysis, Path(folder))


def _measure(record: Row) -> Row:
    low, high = record["interval"] or (None, None)
    return {
        "code": record["code"],
        "name": record["name"],
        "levels": "/".join(record["levels"]),
        "value": record["value"],
        "unit": record["unit"],
        "interval_low": low,
        "interval_high": high,
        "state": record["state"],
        "reason": record["reason"],
        "method": record["method"],
    }


def analyze(
    path: PathText,
    *,
    examination: str | None = None,
    companion: PathText | None = None,
    models: Sequence[PathText] = (),
    demonstration: bool = False,
    progress: Callable[[str, float], None] | None = None,
    store: ModelStore | None = None,
) -> Result:
    """Analyse one image, as ``spinealign analyze`` does.

    Parameters
    ----------
    path : str or path
        File, folder of a series, or archive, of any format that the program reads.
    examination : str, optional
        What the image shows ("lateral-neck", "neck-ct", "spine-mr", "lateral-spine"); without it
        the program decides, and refuses images of other kinds. "frontal_film", "oblique_film",
        "other_radiograph", "other_ct" and "other_mr" have the models asked that were named or
        chosen for such images.
    companion : str or path, optional
        The same patient's MR in the other contrast; it helps to grade discs.
    models : sequence of str or path
        Models that answer for their tasks, by name or as model folders.
    demonstration : bool
        Whether a classifier that is only a demonstration answers too.
    progress : callable, optional
        Takes the name of a step and the share that is done, 0..1.
    store : ModelStore, optional
        Where networks come from; `models` is then not used.

    Returns
    -------
    Result

    Raises
    ------
    spinealign.domain.errors.SpineAlignError
        The image or a model cannot be used, or `examination` is none; `spinealign.wording.explain`
        says why.
    """
    wanted = None if examination is None else _examination(examination)
    if Path(path).is_dir():
        find_images([Path(path)])  # refuses a folder that holds none
    beside = None if companion is None else Path(companion)
    asked = store or _store(models)
    work = analyze_file(Path(path), asked, wanted, beside, demonstration=demonstration)
    tell = None if progress is None else (lambda step: progress(step.name, step.fraction))
    analysis = run_to_end(work, tell)
    return Result(analysis, tuple(silent_model_texts(asked.chosen, analysis)))


def _examination(name: str) -> Examination | ImageKind:
    try:
        return image_type_named(name)
    except ValueError as error:
        known = [each.key for each in EXAMINATIONS.values()]
        known += [kind.value for kind in kinds_without_analysis()]
        raise UnknownExaminationError(name, tuple(known)) from error


def _store(models: Sequence[PathText]) -> ModelStore:
    chosen = tuple(str(each) for each in models)
    if chosen not in _stores:
        _stores[chosen] = ModelStore(chosen=chosen)
    return _stores[chosen]
