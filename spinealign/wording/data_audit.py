"""What the audit of a data set says: findings, verdict, split, progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from spinealign.domain.data_audit import (
    AuditedFile,
    DataAudit,
    FileProblem,
    Finding,
    FindingKind,
    HonestSplit,
    Layout,
    Pair,
    Relation,
    Severity,
    Shortcut,
    ShortcutKind,
)
from spinealign.wording.text import count_text, listed, safe_text

TITLE = "Audit of a data set"
SHOWN_NAMES: Final = 8
TOLD_REASONS: Final = 3

LAYOUT_WORDS: Mapping[Layout, str] = MappingProxyType(
    {
        Layout.SPLIT_FOLDERS: "folders named after parts of a split, then after classes",
        Layout.CLASS_FOLDERS: "folders named after classes; there is no split",
        Layout.LIST: "a CSV list of files",
        Layout.MASKS: "pictures with masks",
        Layout.FILES: "files without classes",
    }
)

PROBLEM_WORDS: Mapping[FileProblem, str] = MappingProxyType(
    {
        FileProblem.EMPTY: "empty file",
        FileProblem.UNREADABLE: "damaged or unreadable",
        FileProblem.MISSING: "listed, but not there",
        FileProblem.NOT_AN_IMAGE: "no picture, whatever its name says",
        FileProblem.BLANK: "one grey value everywhere",
        FileProblem.MISNAMED: "another format than its suffix says",
        FileProblem.TINY: "under 64 pixels wide or high",
        FileProblem.OTHER_SIZE: "another size than nearly all others",
        FileProblem.OTHER_DEPTH: "other bits a pixel than nearly all others",
        FileProblem.COLOUR: "stored in colour",
        FileProblem.TRANSPARENT: "with transparency",
        FileProblem.SEVERAL_PICTURES: "several pictures in one file; the first one counts",
        FileProblem.CLIPPED: "over half of it as bright as it can be",
        FileProblem.MASK_MISSING: "without its mask",
        FileProblem.MASK_SIZE: "with a mask of another size",
        FileProblem.MASK_EMPTY: "with a mask of one value",
        FileProblem.MASK_UNREADABLE: "with a mask that cannot be read",
        FileProblem.MASK_ODD_VALUES: "with a mask of over 64 values, as lossy files have",
        FileProblem.TEXT_BURNT_IN: "perhaps with text burnt in",
    }
)

SHORTCUT_TITLES: Mapping[ShortcutKind, str] = MappingProxyType(
    {
        ShortcutKind.SIZE: "size of the picture",
        ShortcutKind.FORMAT: "file format",
        ShortcutKind.COMPRESSION: "compression",
        ShortcutKind.HISTOGRAM: "five numbers of the histogram",
        ShortcutKind.NOISE: "noise and sharpness",
        ShortcutKind.BORDER: "the border alone",
        ShortcutKind.MARK: "bright marks or letters",
        ShortcutKind.MARK_PLACE: "bright marks or letters in one place",
        ShortcutKind.MARKER: "small flat patches, such as markers",
        ShortcutKind.TEXT: "burnt-in text",
        ShortcutKind.THUMBNAIL: "the nearest thumbnails of 16 by 16 pixels",
        ShortcutKind.LEVEL: "outline and place of the body, and slice number",
        ShortcutKind.METADATA: "tags of the files",
        ShortcutKind.PROCESSING: "words of preparation in the file names",
    }
)

UNIT_NAMES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "patient": ("patient or group", "patients or groups"),
        "series": ("series", "series"),
        "picture": ("base picture", "base pictures"),
        "file": ("file", "files"),
    }
)

UNIT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "patient": "patients, with all that hangs together with each",
        "series": "series; there are too few patients",
        "picture": "base pictures; there are too few patients and series, so that neighbouring "
        "slices help",
        "file": "single files; nothing tells more",
    }
)

SEVERITY_WORDS: Mapping[Severity, str] = MappingProxyType(
    {
        Severity.CONDEMNS: "condemns the split",
        Severity.DOUBT: "raises a doubt",
        Severity.NOTE: "to know",
    }
)

RELATION_WORDS: Mapping[Relation, str] = MappingProxyType(
    {
        Relation.EXACT: "the same file",
        Relation.NEAR: "the same picture",
        Relation.NEIGHBOUR: "slices beside each other, or one patient in the same position",
    }
)


def _names(names: Sequence[str], count: int) -> str:
    shown = [f"“{safe_text(name)}”" for name in names[:SHOWN_NAMES]]
    more = count - len(shown)
    return listed([*shown, f"{more:,} more"] if more > 0 else shown)


def _on_both_sides(finding: Finding) -> str:
    verb = "is" if finding.count == 1 else "are"
    names = _names(finding.names, finding.count)
    return f"{finding.count:,} {verb} on both sides of the split: {names}."


def _label(finding: Finding) -> str:
    return f"“{safe_text(finding.labels[0])}”" if finding.labels else "a class"


def _few_patients(finding: Finding) -> str:
    names = f": {_names(finding.names, len(finding.names))}" if finding.names else ""
    if finding.count == 1:
        files = f"All {finding.of:,} files of class {_label(finding)} belong to"
        if finding.of == 1:
            files = f"The only file of class {_label(finding)} belongs to"
        return (
            f"{files} one patient or series{names}. A network learns that patient, not the class."
        )
    return (
        f"Class {_label(finding)} comes from only {finding.count} patients or series{names}. "
        "Figures for it cannot be precise."
    )


def _part_of_one(finding: Finding) -> str:
    return (
        f"All {count_text(finding.count, 'file')} of part {_label(finding)} come from one series "
        f"or patient, {_names(finding.names, 1)}. Its figures tell about that patient only."
    )


def _prepared(finding: Finding) -> str:
    most = finding.names[0] if finding.names else "several"
    return (
        f"{count_text(finding.of, 'file')} are {count_text(finding.count, 'picture')}, with up to "
        f"{most} prepared copies of each. Count pictures, not files, and augment only what is "
        "trained on."
    )


def _imbalance(finding: Finding) -> str:
    small, large = (f"“{safe_text(label)}”" for label in finding.labels)
    return (
        f"Class {small} has {count_text(finding.count, 'file')}, class {large} {finding.of:,}. "
        "Weight the classes, and read sensitivity and precision rather than accuracy."
    )


def shortcut_sentence(one: Shortcut) -> str:
    """Return what a shortcut reaches, as one sentence."""
    told = (
        f"Class “{safe_text(one.label)}” can be told by {SHORTCUT_TITLES[one.kind]}: AUC "
        f"{one.auc:.2f} (95 % interval {one.low:.2f} to {one.high:.2f}, "
        f"{count_text(one.units, *UNIT_NAMES[one.unit])})"
    )
    if one.held_out_accuracy is not None:
        told += (
            f"; learned on “train”, {one.held_out_accuracy:.0%} of the other parts is told rightly"
        )
    return f"{told}."


def _shortcut(finding: Finding) -> str:
    assert finding.shortcut is not None
    decided = f" It asks: {safe_text(finding.shortcut.rule)}." if finding.shortcut.rule else ""
    return shortcut_sentence(finding.shortcut) + decided


def _odd(finding: Finding) -> str:
    words = PROBLEM_WORDS[finding.problems[0]] if finding.problems else "odd"
    return f"{count_text(finding.count, 'file')} of {finding.of:,}: {words}."


def _neighbours(finding: Finding) -> str:
    pairs = count_text(finding.count, "pair")
    if finding.names[0] == "patient":
        return (
            f"{pairs} of alike pictures lie on both sides of the split: two pictures of one "
            "patient each."
        )
    return (
        f"{pairs} of pictures that, by their {finding.names[0]}, are slices beside each other or "
        "one patient in one position lie on both sides of the split."
    )


def _broken(finding: Finding) -> str:
    words = listed([PROBLEM_WORDS[problem] for problem in finding.problems], "or")
    return (
        f"{count_text(finding.count, 'file')} of {finding.of:,} cannot be used ({words}). Nothing "
        "else counts them."
    )


def _missing(finding: Finding) -> str:
    part = safe_text(finding.names[0]) if finding.names else ""
    labels = _names(finding.labels, len(finding.labels))
    return f"Part “{part}” has no file of class {labels}. Nothing can be measured there."


def _perhaps_one(finding: Finding) -> str:
    stand = "stands" if finding.count == 1 else "stand"
    where = ", on both sides of the split" if finding.labels else ""
    files = listed([safe_text(path) for path in finding.paths[:2]])
    return (
        f"{count_text(finding.count, 'person')} perhaps {stand} in the list as several patients"
        f"{where}, by endings of names (of an examination, a view, a date) or by DICOM "
        f"identifiers: {_names(finding.names, finding.count)} (files {files}). If they are one, "
        "give them one name in the list and split again; split.csv keeps them together."
    )


def _no_split(finding: Finding) -> str:
    if not finding.labels:
        return (
            "No split was found that has every class on both sides and parts no patient, series or "
            "copies. Collect pictures of more patients."
        )
    whose = "class" if len(finding.labels) == 1 else "each of the classes"
    of = f"{whose} {_names(finding.labels, len(finding.labels))}" if any(finding.labels) else "all"
    return (
        f"No honest split is possible: {of} comes from one patient, series or group "
        "of alike pictures, which cannot be on both sides. Collect pictures of more patients."
    )


_TEXTS: Mapping[FindingKind, Callable[[Finding], str]] = MappingProxyType(
    {
        FindingKind.COPY_ACROSS: lambda f: (
            f"{count_text(f.count, 'pair')} of equal files lie on both sides of the split."
        ),
        FindingKind.NEAR_COPY_ACROSS: lambda f: (
            f"{count_text(f.count, 'pair')} of copies (re-encoded, resized, cropped, mirrored, "
            "turned or sharpened) lie on both sides of the split."
        ),
        FindingKind.NEIGHBOUR_ACROSS: _neighbours,
        FindingKind.FAMILY_ACROSS: lambda f: (
            f"Copies of {count_text(f.count, 'picture')} of {f.of:,} lie on both sides of the "
            f"split: {_names(f.names, f.count)}."
        ),
        FindingKind.PATIENT_ACROSS: lambda f: (
            f"Of {count_text(f.of, 'patient')} told apart, {_on_both_sides(f)}"
        ),
        FindingKind.SERIES_ACROSS: lambda f: f"Of {f.of:,} series told apart, {_on_both_sides(f)}",
        FindingKind.CONTRADICTING_CLASSES: lambda f: (
            f"{count_text(f.count, 'pair')} of equal pictures are in two classes. One of each "
            "pair is labelled wrongly."
        ),
        FindingKind.ONE_CLASS: lambda f: (
            f"All {count_text(f.count, 'file')} are of one class, {_label(f)}: there is nothing to "
            "tell apart, and no shortcut could be looked for."
        ),
        FindingKind.CLASS_FROM_FEW_PATIENTS: _few_patients,
        FindingKind.PART_FROM_ONE_SERIES: _part_of_one,
        FindingKind.SHORTCUT: _shortcut,
        FindingKind.COPIES_OF_TWO_PATIENTS: lambda f: (
            f"{count_text(f.count, 'pair')} of copies are named after two patients: "
            f"{_names(f.names, f.count)}. Whoever splits by these names parts copies; split.csv "
            "keeps them together."
        ),
        FindingKind.PERHAPS_ONE_PATIENT: _perhaps_one,
        FindingKind.COPIES: lambda f: (
            f"{count_text(f.count, 'pair')} of pictures are copies of each other although their "
            "names do not say so."
        ),
        FindingKind.PREPARED_COPIES: _prepared,
        FindingKind.REPEATED_PATIENTS: lambda f: (
            f"{count_text(f.count, 'patient')} of {f.of:,} have several pictures: "
            f"{_names(f.names, f.count)}. Split by patient, not by file."
        ),
        FindingKind.BROKEN_FILES: _broken,
        FindingKind.ODD_FILES: _odd,
        FindingKind.IMBALANCE: _imbalance,
        FindingKind.CLASS_MISSING_IN_PART: _missing,
        FindingKind.PATIENTS_UNKNOWN: lambda f: (
            f"Nothing tells whose pictures {count_text(f.count, 'file')} of {f.of:,} are. A list "
            "with the columns file and patient would; without it two pictures of one patient may "
            "be on both sides of any split."
        ),
        FindingKind.NO_SPLIT: _no_split,
    }
)


def finding_text(finding: Finding) -> str:
    """Return a finding as one or two sentences."""
    return _TEXTS[finding.kind](finding)


def verdict_text(audit: DataAudit) -> str:
    """Return the verdict with its first reasons."""
    reasons = audit.verdict.reasons
    has_split = any(file.part for file in audit.files)
    what = "on this split" if has_split else "on these data"
    if reasons:
        told = " ".join(finding_text(reason) for reason in reasons[:TOLD_REASONS])
        more = len(reasons) - TOLD_REASONS
        rest = f" Further reasons: {more}." if more > 0 else ""
        return f"Do not train {what}, because: {told}{rest}"
    told = _doubts(audit.findings)
    if has_split:
        return f"This split is honest as far as the audit can tell{told}"
    if not audit.split.is_possible:
        return f"These data have no split, and none was found that is honest{told}"
    return (
        f"These data have no split; split.csv has one that is honest as far as the audit can tell"
        f"{told}"
    )


def _doubts(findings: Sequence[Finding]) -> str:
    """Return the end of a verdict that names the first doubts, those about classes first."""
    doubts = [one for one in findings if one.severity is Severity.DOUBT]
    if not doubts:
        return "."
    # What tells the class would make good figures of a network that learned nothing.
    doubts.sort(key=lambda one: one.kind is not FindingKind.SHORTCUT)
    told = " ".join(finding_text(one) for one in doubts[:TOLD_REASONS])
    more = len(doubts) - TOLD_REASONS
    rest = f" Further doubts: {more}." if more > 0 else ""
    return f", but for {count_text(len(doubts), 'doubt')}: {told}{rest}"


def split_text(split: HonestSplit, findings: Sequence[Finding] = ()) -> str:
    """Return which split would be honest, or why there is none.

    Parameters
    ----------
    findings : sequence of Finding
        No split takes away what tells the class: where that was found, it is said.
    """
    if not split.is_possible:
        if not split.blocking:
            return "No honest split of these files was found. More patients are needed."
        labels = _names(split.blocking, len(split.blocking))
        of = f": class {labels} cannot be on both sides" if any(split.blocking) else ""
        return f"No split of these files would be honest{of}. More patients are needed."
    parts = []
    for part in dict.fromkeys(one.part for one in split.parts):
        counted = [
            f"{one.files:,} {f'“{safe_text(one.label)}”' if one.label else 'files'} of "
            f"{count_text(one.groups, 'group')}"
            for one in split.parts
            if one.part == part
        ]
        parts.append(f"“{part}” with {listed(counted)}")
    shortcuts = [one.shortcut for one in findings if one.shortcut is not None]
    if not shortcuts:
        return f"This split would be honest: {listed(parts)}. It is in split.csv."
    kinds = list(dict.fromkeys(SHORTCUT_TITLES[one.kind] for one in shortcuts))
    return (
        f"This split would part no patient, series or copies: {listed(parts)}. It is in split.csv. "
        f"What tells the class stays on both of its sides: {listed(kinds)}."
    )


def pair_text(pair: Pair) -> str:
    """Return how the second picture of a pair differs from the first."""
    told = [RELATION_WORDS[pair.relation]]
    if pair.is_mirrored:
        told.append("mirrored")
    if abs(pair.turned_deg) >= 1:
        told.append(f"turned by {abs(pair.turned_deg):.0f}°")
    if abs(pair.scale - 1) >= 0.03:
        told.append(f"scaled by {pair.scale:.2f}")
    if pair.overlap < 0.9:
        told.append(f"covering {pair.overlap:.0%}")
    if pair.relation is not Relation.EXACT:
        told.append(f"detail correlates by {pair.correlation:.2f}")
    return ", ".join(told)


def file_text(file: AuditedFile) -> str:
    """Return what is wrong or odd about a file."""
    return listed([PROBLEM_WORDS[problem] for problem in file.problems])


def audit_lines(audit: DataAudit) -> list[str]:
    """Return an audit as lines for a terminal, the verdict first."""
    lines = [verdict_text(audit), "", f"Taken for: {LAYOUT_WORDS[audit.layout]}."]
    for counted in audit.counts:
        where = " ".join(filter(None, (counted.part, counted.label))) or "all"
        lines.append(
            f"  {safe_text(where)}: {count_text(counted.files, 'file')}, "
            f"{count_text(counted.pictures, 'picture')}, {count_text(counted.groups, 'group')}, "
            f"{count_text(counted.patients, 'patient')} named"
        )
    for severity in Severity:
        found = [one for one in audit.findings if one.severity is severity]
        if found:
            lines += ["", f"{SEVERITY_WORDS[severity].capitalize()}:"]
            lines += [f"  - {finding_text(one)}" for one in found]
    return [*lines, "", split_text(audit.split, audit.findings)]


STAGE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "looking": "Looking at files",
        "comparing": "Comparing pictures",
        "asking": "Looking for shortcuts",
    }
)


def progress_text(stage: str, done: int, total: int) -> str:
    """Return how far an audit is, for one line of a terminal."""
    of = f" {done:,} of {total:,}" if total else (f" {done:,}" if done else "")
    return f"{STAGE_WORDS[stage]}{of}"


def written_text(folder: str, *, has_parts: bool) -> str:
    """Return where the files of an audit are, and whether the split has parts."""
    where = f"audit.html, audit.json and split.csv are in {safe_text(folder)}"
    if has_parts:
        return where
    return (
        f"{where}. No split would be honest: split.csv tells classes, patients and groups, and "
        "leaves the parts empty"
    )


STOPPED = "Stopped; what was looked at is kept, and the same command goes on from there.\n"
NO_PATTERN = "--patient-pattern takes a regular expression with a group in round brackets"
NOTHING_INSIDE = "results may not lie inside the data set; choose another folder by --out"
