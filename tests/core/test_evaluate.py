import numpy as np
import pytest

pytest.importorskip("sklearn")

from spinealign.training.dataset import LabelledSlice
from spinealign.training.evaluate import (
    MR_VARIATIONS,
    bootstrap,
    classification_figures,
    expected_calibration_error,
    overlap_counts,
    vary_mr,
)


def group(labels, probabilities):
    return np.array(labels), np.array(probabilities, float)


def test_hand_counted_confusion():
    groups = [group([1, 1], [0.9, 0.4]), group([0], [0.2]), group([0], [0.7]), group([1], [0.6])]
    figures = classification_figures(groups, 0.5)
    assert figures["confusion_matrix"] == [[1, 1], [1, 2]]
    assert figures["sensitivity"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["specificity"]["value"] == 0.5
    assert figures["precision"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["accuracy"]["value"] == 0.6
    assert figures["auc"]["value"] == pytest.approx(4 / 6, abs=1e-4)
    assert figures["images"] == 5
    assert figures["sensitivity"]["units"] == 2


def test_no_miss_in_n_groups_is_no_proof_of_perfection():
    groups = [group([1], [0.9])] * 10 + [group([0], [0.1])] * 20
    figures = classification_figures(groups, 0.5)
    assert figures["sensitivity"]["low"] == pytest.approx(0.025 ** (1 / 10), abs=1e-4)
    assert figures["specificity"]["low"] == pytest.approx(0.025 ** (1 / 20), abs=1e-4)
    assert figures["auc"]["low"] == pytest.approx(0.025 ** (1 / 30), abs=1e-4)


def test_the_interval_narrows_with_the_number_of_units():
    rng = np.random.default_rng(0)
    few, many = rng.normal(0.9, 0.05, 8), rng.normal(0.9, 0.05, 200)
    widths = []
    for units in (few, many):
        figure = bootstrap(list(units), lambda draw: float(np.mean(draw)))
        assert figure["low"] < figure["value"] < figure["high"]
        widths.append(figure["high"] - figure["low"])
    assert widths[1] < widths[0] / 2


def test_what_all_units_agree_on_has_no_interval_but_for_none_and_all():
    def mean(draw):
        return float(np.mean(draw))

    assert bootstrap([[0, 1]] * 6, mean) == {"value": 0.5, "low": None, "high": None, "units": 6}
    perfect = bootstrap([[1, 1]] * 6, mean)
    assert (perfect["low"], perfect["high"]) == (pytest.approx(0.5407, abs=1e-4), 1.0)


def test_overlap_counts_by_class():
    truth = np.array([[1, 1, 2, 0]], np.uint8)
    found = np.array([[1, 2, 2, 2]], np.uint8)
    assert overlap_counts(truth, found, [1, 2]).tolist() == [[1, 2, 1], [1, 1, 3]]


def test_calibration_error_of_honest_and_boastful_probabilities():
    rng = np.random.default_rng(0)
    p = rng.uniform(0, 1, 5000)
    truth = (rng.uniform(size=5000) < p).astype(int)
    assert expected_calibration_error(truth, p) < 0.03
    assert expected_calibration_error(truth, np.where(p > 0.5, 0.99, 0.01)) > 0.15


def test_a_slice_is_wrapped_as_the_program_reads_it():
    from spinealign.training.evaluate import as_image

    image = as_image(LabelledSlice("a", "1", np.ones((4, 5), np.uint8), np.zeros((4, 5), np.uint8)))
    assert image.shape == (4, 5)
    assert image.bits == 8
    assert image.spacing_mm is None


@pytest.mark.parametrize("variation", MR_VARIATIONS)
def test_a_varied_slice_keeps_its_outlines_in_place(variation):
    mask = np.zeros((120, 100), np.uint8)
    mask[40:70, 30:60] = 1
    mask[40:70, 64:74] = 3
    pixels = np.choose(mask, [30, 120, 0, 220]).astype(np.uint8)
    varied = vary_mr(LabelledSlice("a", "1", pixels, mask), variation)
    assert varied.pixels.shape == varied.mask.shape
    body, other = varied.pixels[varied.mask == 1], varied.pixels[varied.mask == 0]
    assert body.mean() > 1.5 * other.mean()
    canal = varied.pixels[varied.mask == 3].mean()
    assert (canal < body.mean()) == variation.startswith("t1")
