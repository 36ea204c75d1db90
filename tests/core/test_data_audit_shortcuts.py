"""Shortcuts planted in a drawn data set are found, each by its own learner."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from spinealign.data_audit.findings import all_findings
from spinealign.data_audit.looking import look
from spinealign.data_audit.shortcuts import evidence_of, find_shortcuts
from spinealign.domain.data_audit import (
    AuditedFile,
    FindingKind,
    HonestSplit,
    Severity,
    Shortcut,
    ShortcutKind,
)
from spinealign.domain.generators import run_to_end
from spinealign.wording.data_audit import finding_text
from tests.data_sets import draw_slice, encoded

PATIENTS = 24


def _square(pixels):
    changed = pixels.copy()
    changed[6:16, 8:18] = 255
    return changed


def _text(pixels):
    changed = pixels.copy()
    return cv2.putText(changed, "WARD 7", (4, 138), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)


def _frame(pixels):
    changed = pixels.copy()
    changed[:4] = changed[-4:] = changed[:, :4] = changed[:, -4:] = 60
    return changed


def _lower(pixels):
    return np.roll(pixels, 26, axis=0)


def _place(pixels, salt, size):
    rng = np.random.default_rng(int(pixels.sum()) + salt)
    rows, columns = pixels.shape
    return int(rng.integers(20, rows - size)), int(rng.integers(4, columns - size))


def _letter_anywhere(pixels):
    row, column = _place(pixels, 1, 30)
    changed = pixels.copy()
    return cv2.putText(changed, "R", (column, row), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 230, 3)


def _letter_in_place(pixels):
    changed = pixels.copy()
    return cv2.putText(changed, "AB", (4, 138), cv2.FONT_HERSHEY_SIMPLEX, 0.35, 230, 1)


def _square_anywhere(pixels):
    row, column = _place(pixels, 2, 30)
    changed = pixels.copy()
    changed[row : row + 12, column : column + 12] = 255
    return changed


def _template(pixels):
    rows = np.mgrid[: pixels.shape[0], : pixels.shape[1]][0]
    return np.clip(pixels + 25 * np.sin(rows / 9.0), 0, 255).astype(np.uint8)


def _noisy(pixels):
    noise = np.random.default_rng(int(pixels.sum())).normal(0, 14, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


PLANTS = {
    ShortcutKind.SIZE: lambda p, path: encoded(cv2.resize(p, (150, 144)), path),
    ShortcutKind.FORMAT: lambda p, path: encoded(p, path.with_suffix(".bmp")),
    ShortcutKind.COMPRESSION: lambda p, path: encoded(p, path.with_suffix(".jpg"), quality=40),
    ShortcutKind.HISTOGRAM: lambda p, path: encoded(
        np.clip(p * 0.7, 0, 255).astype(np.uint8), path
    ),
    ShortcutKind.NOISE: lambda p, path: encoded(_noisy(p), path),
    ShortcutKind.BORDER: lambda p, path: encoded(_frame(p), path),
    ShortcutKind.MARK: lambda p, path: encoded(_letter_anywhere(p), path),
    ShortcutKind.MARK_PLACE: lambda p, path: encoded(_letter_in_place(p), path),
    ShortcutKind.MARKER: lambda p, path: encoded(_square(p), path),
    ShortcutKind.TEXT: lambda p, path: encoded(_text(p), path),
    ShortcutKind.THUMBNAIL: lambda p, path: encoded(_template(p), path),
    ShortcutKind.LEVEL: lambda p, path: encoded(_lower(p), path),
    ShortcutKind.METADATA: lambda p, path: _tagged(p, path),
}
"""What is done to the pictures of one class."""


def _plain(pixels, path):
    return encoded(pixels, path)


def _tagged(pixels, path):
    tags = PngImagePlugin.PngInfo()
    tags.add_text("Software", "Scanner B 4.1")
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, pnginfo=tags)
    return path


def audited_shortcuts(folder, plant, other=_plain):
    """Return shortcuts of a data set in which `plant` is done to one class."""
    files, looks = [], []
    for patient in range(PATIENTS):
        label = "sick" if patient % 2 else "healthy"
        make = plant if label == "sick" else other
        path = make(draw_slice(patient, 0), folder / label / f"{patient}.png")
        part = "val" if patient >= PATIENTS * 3 // 4 else "train"
        files.append(AuditedFile(path.name, part, label, base=path.name, group=patient))
        looks.append(look(path, None))
    nothing = [{} for _ in files]
    evidence = evidence_of(looks, nothing, nothing, [()] * len(files), [None] * len(files))
    return files, run_to_end(find_shortcuts(files, evidence))


@pytest.mark.parametrize("kind", PLANTS, ids=lambda kind: kind.value)
def test_a_planted_shortcut_is_found(kind, tmp_path):
    other = _plain
    if kind is ShortcutKind.COMPRESSION:
        # Both are JPEG, one stronger.
        def other(p, path):
            return encoded(p, path.with_suffix(".jpg"), quality=90)

    files, shortcuts = audited_shortcuts(tmp_path, PLANTS[kind], other)
    mine = next(one for one in shortcuts if one.kind is kind)
    assert mine.auc >= 0.9
    assert (mine.unit, mine.units) == ("patient", PATIENTS)
    assert mine.held_out_accuracy >= 0.8
    findings = all_findings(files, [], shortcuts, HonestSplit(True))
    told = {one.shortcut.kind for one in findings if one.kind is FindingKind.SHORTCUT}
    assert kind in told


def test_nothing_is_found_where_nothing_is_planted(tmp_path):
    files, shortcuts = audited_shortcuts(tmp_path, _plain)
    findings = all_findings(files, [], shortcuts, HonestSplit(True))
    assert [one for one in findings if one.kind is FindingKind.SHORTCUT] == []
    assert len(shortcuts) >= 6


def test_a_white_square_condemns_and_a_thumbnail_does_not(tmp_path):
    for kind, severity in (
        (ShortcutKind.MARKER, Severity.CONDEMNS),
        (ShortcutKind.THUMBNAIL, Severity.DOUBT),
    ):
        files, shortcuts = audited_shortcuts(tmp_path / kind.value, PLANTS[kind])
        findings = all_findings(files, [], shortcuts, HonestSplit(True))
        mine = next(one for one in findings if one.shortcut and one.shortcut.kind is kind)
        assert mine.severity is severity


def test_a_square_anywhere_is_named_as_a_mark_before_all_else(tmp_path):
    def planted(pixels, path):
        return encoded(_square_anywhere(_lower(pixels)), path)

    files, shortcuts = audited_shortcuts(tmp_path, planted)
    by_kind = {one.kind: one for one in shortcuts}
    assert by_kind[ShortcutKind.MARK].auc >= 0.9
    assert by_kind[ShortcutKind.LEVEL].auc >= 0.9
    first, *_ = all_findings(files, [], shortcuts, HonestSplit(True))
    assert first.severity is Severity.CONDEMNS
    assert "bright marks or letters" in finding_text(first)


def test_the_mark_is_named_first_where_another_trace_is_surer():
    level = Shortcut(ShortcutKind.LEVEL, "sick", 0.99, 0.95, 1.0, "patient", 40)
    mark = Shortcut(ShortcutKind.MARK, "sick", 0.85, 0.75, 0.95, "patient", 40)
    found = all_findings([], [], [level, mark], HonestSplit(True))
    assert [one.shortcut.kind for one in found] == [ShortcutKind.MARK, ShortcutKind.LEVEL]


@pytest.mark.parametrize(("units", "severity"), [(19, Severity.DOUBT), (20, Severity.CONDEMNS)])
def test_a_few_patients_raise_a_doubt_only(units, severity):
    one = Shortcut(ShortcutKind.MARKER, "sick", 0.95, 0.9, 1.0, "patient", units)
    (finding,) = all_findings([], [], [one], HonestSplit(True))
    assert finding.severity is severity


@pytest.mark.parametrize(
    ("kind", "units", "found"),
    [
        (ShortcutKind.MARKER, 20, Severity.CONDEMNS), (ShortcutKind.LEVEL, 20, Severity.CONDEMNS),
        (ShortcutKind.MARKER, 8, Severity.DOUBT), (ShortcutKind.THUMBNAIL, 90, Severity.DOUBT),
    ],
)  # fmt: skip
def test_what_tells_the_class_without_an_error_is_judged_by_its_patients(kind, units, found):
    """The exact lower limit is below what condemns; nothing is told better than perfectly."""
    low = 0.025 ** (2 / units)
    one = Shortcut(kind, "sick", 1.0, low, 1.0, "patient", units)
    (finding,) = all_findings([], [], [one], HonestSplit(True))
    assert finding.severity is found
    nothing = replace(one, low=0.0)
    assert all_findings([], [], [nothing], HonestSplit(True)) == ()


def test_classes_of_few_patients_are_asked_by_picture(tmp_path):
    files, _ = audited_shortcuts(tmp_path, PLANTS[ShortcutKind.MARKER])
    one_patient = [
        AuditedFile(f.path, f.part, f.label, base=f.base, group=int(f.label == "sick"))
        for f in files
    ]
    looks = [
        look(path, None) for path in sorted(tmp_path.rglob("*.png"), key=lambda p: int(p.stem))
    ]
    nothing = [{} for _ in files]
    evidence = evidence_of(looks, nothing, nothing, [()] * len(files), [None] * len(files))
    found = run_to_end(find_shortcuts(one_patient, evidence))
    assert {one.unit for one in found} == {"picture"}
