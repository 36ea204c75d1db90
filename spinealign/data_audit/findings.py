"""What of all that was seen is worth a sentence, and what condemns a training."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from spinealign.data_audit.splitting import TRAIN
from spinealign.domain.data_audit import (
    AuditedFile,
    Counted,
    FileProblem,
    Finding,
    FindingKind,
    HonestSplit,
    Pair,
    PatientSource,
    Relation,
    Severity,
    Shortcut,
    ShortcutKind,
    Verdict,
)

_FIRST: Final = 12
"""Names and paths that a finding lists."""

_FEW_PATIENTS: Final = 5
_IMBALANCE: Final = 3.0
_NEIGHBOUR_SLICES: Final = 2
_LEAST_KNOWN: Final = 0.5
_FOUND_AUC, _FOUND_LOW = 0.7, 0.6
_CONDEMNED_AUC, _CONDEMNED_LOW = 0.8, 0.7
_SOFT_AUC, _SOFT_LOW = 0.9, 0.8
_PERFECT_AUC: Final = 0.9999
"""Nothing was told wrongly. The lower limit is then exact and as low as there are few patients; how
many there are is asked by itself."""

_LEAST_CONDEMNING_UNITS: Final = 20
"""With fewer patients chance alone reaches these figures: of random numbers of 12 patients one kind
in twenty did, of 20 patients one in a hundred."""

_SOFT: Final = frozenset(
    {
        ShortcutKind.HISTOGRAM, ShortcutKind.LEVEL, ShortcutKind.NOISE, ShortcutKind.COMPRESSION,
    }
)  # fmt: skip
"""What a disease could change a little, a picture of it being less smooth for one: only what tells
the class nearly alone condemns."""

_NEVER: Final = frozenset({ShortcutKind.THUMBNAIL})
"""Thumbnails show large diseases too; they never condemn by themselves."""

_MARKS: Final = frozenset({ShortcutKind.MARK, ShortcutKind.MARK_PLACE, ShortcutKind.MARKER})
"""Told before all others: a mark changes what the others see, and can be taken off the pictures."""

_SERIOUS: Final = (
    FileProblem.MASK_MISSING, FileProblem.MASK_SIZE, FileProblem.MASK_UNREADABLE, FileProblem.BLANK,
)  # fmt: skip
_RANK: Final = {Severity.CONDEMNS: 0, Severity.DOUBT: 1, Severity.NOTE: 2}


def all_findings(
    files: Sequence[AuditedFile], pairs: Sequence[Pair], shortcuts: Sequence[Shortcut],
    split: HonestSplit,
) -> tuple[Finding, ...]:  # fmt: skip
    """Return everything that was found, the worst first."""
    used = [file for file in files if not file.is_broken]
    found = [
        *_pairs(used, pairs), *_across(used), *_contradictions(used, pairs), *_few_patients(used),
        *_perhaps_one(used),
        *_one_series(used), *_shortcuts(shortcuts), *_counts(used), *_of_files(files),
    ]  # fmt: skip
    if not split.is_possible:
        labels = split.blocking
        # Without such a class nobody showed that there is none, only that none was found.
        severity = Severity.CONDEMNS if labels or not used else Severity.DOUBT
        found.append(Finding(FindingKind.NO_SPLIT, severity, len(labels), labels=labels))
    order = list(FindingKind)
    return tuple(sorted(found, key=lambda one: (_RANK[one.severity], order.index(one.kind))))


def verdict_of(findings: Sequence[Finding]) -> Verdict:
    """Return whether a training should not start, and why."""
    reasons = tuple(one for one in findings if one.severity is Severity.CONDEMNS)
    return Verdict(bool(reasons), reasons)


def counts_of(files: Sequence[AuditedFile]) -> tuple[Counted, ...]:
    """Count files, pictures, groups and patients of every class in every part."""
    found: dict[tuple[str, str], list[AuditedFile]] = defaultdict(list)
    for file in files:
        if not file.is_broken:
            found[file.part, file.label].append(file)
    return tuple(
        Counted(
            part, label, len(members), len({m.base for m in members}),
            len({m.group for m in members}), len({m.patient for m in members if m.patient}),
        )
        for (part, label), members in sorted(found.items())
    )  # fmt: skip


def _pairs(files: Sequence[AuditedFile], pairs: Sequence[Pair]) -> list[Finding]:
    """Find copies and neighbours by content, across parts and within."""
    by_path = {file.path: file for file in files}
    found = []
    kinds = (
        (Relation.EXACT, FindingKind.COPY_ACROSS),
        (Relation.NEAR, FindingKind.NEAR_COPY_ACROSS),
        (Relation.NEIGHBOUR, FindingKind.NEIGHBOUR_ACROSS),
    )
    for relation, kind in kinds:
        mine = [pair for pair in pairs if pair.relation is relation]
        across = [p for p in mine if _is_across(by_path[p.first], by_path[p.second])]
        if relation is Relation.NEIGHBOUR:
            found += _neighbours_by_pixels(across, by_path, len(mine))
        elif across:
            found.append(_of_pairs(kind, Severity.CONDEMNS, across, len(mine)))
    copies = [pair for pair in pairs if pair.relation is not Relation.NEIGHBOUR]
    found += _of_two_patients(copies, by_path)
    unsaid = [
        pair
        for pair in copies
        if by_path[pair.first].base != by_path[pair.second].base
        and (pair.relation is Relation.EXACT or not _is_of_one(by_path, pair))
    ]
    if unsaid:
        found.append(_of_pairs(FindingKind.COPIES, Severity.NOTE, unsaid, len(pairs)))
    return found


def _neighbours_by_pixels(
    across: Sequence[Pair], by_path: Mapping[str, AuditedFile], of: int
) -> list[Finding]:
    """Find alike pictures on both sides: of one patient as told, and others."""
    found = []
    for names, is_one in ((("patient",), True), (("pixels",), False)):
        mine = [pair for pair in across if _is_of_one(by_path, pair) is is_one]
        if mine:
            kind = FindingKind.NEIGHBOUR_ACROSS
            found.append(_of_pairs(kind, Severity.CONDEMNS, mine, of, names))
    return found


def _is_of_one(by_path: Mapping[str, AuditedFile], pair: Pair) -> bool:
    """Tell whether both pictures of a pair are told to be of one patient."""
    first, second = by_path[pair.first], by_path[pair.second]
    return bool(first.patient) and first.patient == second.patient


def _of_two_patients(copies: Sequence[Pair], by_path: Mapping[str, AuditedFile]) -> list[Finding]:
    """Find copies whose names or tags tell of two patients: one of them is wrong."""
    both = [(by_path[pair.first], by_path[pair.second]) for pair in copies]
    wrong = [
        (one, other)
        for one, other in both
        if one.patient and other.patient and one.patient != other.patient
    ]
    if not wrong:
        return []
    names = tuple(f"{one.patient} / {other.patient}" for one, other in wrong[:_FIRST])
    paths = tuple(file.path for pair in wrong[: _FIRST // 2] for file in pair)
    kind = FindingKind.COPIES_OF_TWO_PATIENTS
    return [Finding(kind, Severity.DOUBT, len(wrong), len(copies), names=names, paths=paths)]


def _of_pairs(
    kind: FindingKind, severity: Severity, pairs: Sequence[Pair], of: int,
    names: tuple[str, ...] = (),
) -> Finding:  # fmt: skip
    paths = tuple(path for pair in pairs[: _FIRST // 2] for path in (pair.first, pair.second))
    return Finding(kind, severity, len(pairs), of, names=names, paths=paths)


def _is_across(first: AuditedFile, second: AuditedFile) -> bool:
    return bool(first.part and second.part) and first.part != second.part


def _across(files: Sequence[AuditedFile]) -> list[Finding]:
    """Find families, patients and series in several parts, by name or tag."""
    found = []
    several = {base for base, count in Counter(file.base for file in files).items() if count > 1}
    keys: tuple[tuple[FindingKind, Callable[[AuditedFile], str]], ...] = (
        (FindingKind.FAMILY_ACROSS, lambda file: file.base if file.base in several else ""),
        (FindingKind.PATIENT_ACROSS, lambda file: file.patient),
        (FindingKind.SERIES_ACROSS, lambda file: file.series),
    )
    for kind, key in keys:
        parts: dict[str, set[str]] = defaultdict(set)
        for file in files:
            if key(file) and file.part:
                parts[key(file)].add(file.part)
        names = sorted(name for name, where in parts.items() if len(where) > 1)
        if names:
            paths = [next(f.path for f in files if key(f) == name) for name in names[:_FIRST]]
            found.append(
                Finding(
                    kind, Severity.CONDEMNS, len(names), len(parts), names=tuple(names[:_FIRST]),
                    paths=tuple(paths),
                )
            )  # fmt: skip
    return [*found, *_neighbours_by_number(files)]


def _neighbours_by_number(files: Sequence[AuditedFile]) -> list[Finding]:
    slices: dict[tuple[str, str, int], str] = {}
    for file in files:
        if file.series and file.slice_number is not None:
            slices.setdefault((file.series, file.part, file.slice_number), file.path)
    found = []
    for (series, part, number), path in sorted(slices.items()):
        for other_part in {key[1] for key in slices}:
            for step in range(1, _NEIGHBOUR_SLICES + 1):
                beside = slices.get((series, other_part, number + step))
                if beside and part and other_part and part != other_part:
                    found.append((path, beside))
    if not found:
        return []
    paths = tuple(path for pair in found[: _FIRST // 2] for path in pair)
    count = len(found)
    kind, names = FindingKind.NEIGHBOUR_ACROSS, ("numbers",)
    return [Finding(kind, Severity.CONDEMNS, count, 0, names=names, paths=paths)]


def _contradictions(files: Sequence[AuditedFile], pairs: Sequence[Pair]) -> list[Finding]:
    """Find pictures that are in two classes."""
    by_path = {file.path: file for file in files}
    paths = [
        path
        for pair in pairs
        if pair.relation is not Relation.NEIGHBOUR
        and by_path[pair.first].label != by_path[pair.second].label
        for path in (pair.first, pair.second)
    ]
    if not paths:
        return []
    kind = FindingKind.CONTRADICTING_CLASSES
    return [Finding(kind, Severity.CONDEMNS, len(paths) // 2, paths=tuple(paths[:_FIRST]))]


def _few_patients(files: Sequence[AuditedFile]) -> list[Finding]:
    labels = sorted({file.label for file in files if file.label})
    found = []
    if len(labels) == 1 and all(file.label for file in files):
        kind = FindingKind.ONE_CLASS
        found.append(Finding(kind, Severity.DOUBT, len(files), labels=tuple(labels)))
    for label in labels if len(labels) > 1 else ():
        members = [file for file in files if file.label == label]
        groups = {file.group for file in members}
        if len(groups) >= _FEW_PATIENTS:
            continue
        severity = Severity.CONDEMNS if len(groups) == 1 else Severity.DOUBT
        names = tuple(sorted({file.patient for file in members if file.patient})[:_FIRST])
        found.append(
            Finding(
                FindingKind.CLASS_FROM_FEW_PATIENTS, severity, len(groups), len(members),
                labels=(label,), names=names,
            )
        )  # fmt: skip
    return found


def _perhaps_one(files: Sequence[AuditedFile]) -> list[Finding]:
    """Find patients of a list who are perhaps one person, where a split parts them or may."""
    has_split = any(file.part for file in files)
    members: dict[int, dict[str, AuditedFile]] = defaultdict(dict)
    parts: dict[int, set[str]] = defaultdict(set)
    for file in files:
        for number in file.perhaps:
            members[number].setdefault(file.patient, file)
            parts[number].update({file.part} - {""})
    found = {
        tuple(sorted(mine)): mine
        for number, mine in members.items()
        if len(mine) > 1 and (not has_split or len(parts[number]) > 1)
    }
    if not found:
        return []
    names = tuple(" / ".join(patients) for patients in list(found)[:_FIRST])
    paths = [file.path for mine in found.values() for file in mine.values()]
    of = len({file.patient for file in files if file.patient})
    both = sorted({file.part for mine in found.values() for file in mine.values() if file.part})
    return [
        Finding(
            FindingKind.PERHAPS_ONE_PATIENT, Severity.DOUBT, len(found), of, tuple(both), names,
            tuple(paths[:_FIRST]),
        )
    ]  # fmt: skip


def _one_series(files: Sequence[AuditedFile]) -> list[Finding]:
    """Find parts of the given split that come from one series or patient alone."""
    found = []
    for part in sorted({file.part for file in files if file.part}):
        members = [file for file in files if file.part == part]
        names = {file.series or file.patient for file in members}
        if len(names) == 1 and "" not in names and len(members) > 1:
            kind = FindingKind.PART_FROM_ONE_SERIES
            found.append(
                Finding(kind, Severity.CONDEMNS, len(members), labels=(part,), names=tuple(names))
            )
    return found


def _shortcuts(shortcuts: Sequence[Shortcut]) -> list[Finding]:
    found = []
    for one in sorted(shortcuts, key=lambda told: (told.kind not in _MARKS, -told.auc)):
        if _reaches(one, _FOUND_AUC, _FOUND_LOW):
            severity = Severity.CONDEMNS if _condemns(one) else Severity.DOUBT
            kind = FindingKind.SHORTCUT
            found.append(Finding(kind, severity, 1, labels=(one.label,), shortcut=one))
    return found


def _condemns(one: Shortcut) -> bool:
    if one.kind in _NEVER or one.units < _LEAST_CONDEMNING_UNITS:
        return False
    if one.kind in _SOFT:
        return _reaches(one, _SOFT_AUC, _SOFT_LOW)
    return _reaches(one, _CONDEMNED_AUC, _CONDEMNED_LOW)


def _reaches(one: Shortcut, auc: float, low: float) -> bool:
    if not one.has_interval:
        return False
    return one.auc >= _PERFECT_AUC or (one.auc >= auc and one.low >= low)


def _counts(files: Sequence[AuditedFile]) -> list[Finding]:
    found = []
    bases = {file.base for file in files}
    if len(bases) < len(files):
        most = max(Counter(file.base for file in files).values())
        names = (str(most),)
        kind = FindingKind.PREPARED_COPIES
        found.append(Finding(kind, Severity.DOUBT, len(bases), len(files), names=names))
    owned = [file for file in files if file.patient]
    per_patient = {
        patient: len({file.base for file in owned if file.patient == patient})
        for patient in {file.patient for file in owned}
    }
    repeated = sorted(patient for patient, count in per_patient.items() if count > 1)
    if repeated:
        kind, shown = FindingKind.REPEATED_PATIENTS, tuple(repeated[:_FIRST])
        found.append(Finding(kind, Severity.NOTE, len(repeated), len(per_patient), names=shown))
    unknown = sum(file.patient_source is PatientSource.UNKNOWN for file in files)
    if files and unknown > (1 - _LEAST_KNOWN) * len(files):
        found.append(Finding(FindingKind.PATIENTS_UNKNOWN, Severity.DOUBT, unknown, len(files)))
    return [*found, *_balance(files)]


def _balance(files: Sequence[AuditedFile]) -> list[Finding]:
    found = []
    sizes = Counter(file.label for file in files if file.label)
    if len(sizes) > 1 and max(sizes.values()) >= _IMBALANCE * min(sizes.values()):
        (large, most), (small, least) = sizes.most_common()[0], sizes.most_common()[-1]
        kind = FindingKind.IMBALANCE
        found.append(Finding(kind, Severity.NOTE, least, most, labels=(small, large)))
    for part in sorted({file.part for file in files if file.part}):
        seen = {file.label for file in files if file.part == part and file.label}
        missing = tuple(sorted(set(sizes) - seen))
        if missing and len(sizes) > 1:
            kind, severity = FindingKind.CLASS_MISSING_IN_PART, Severity.CONDEMNS
            if part != TRAIN and all(_is_rare(files, label) for label in missing):
                severity = Severity.DOUBT
            found.append(Finding(kind, severity, len(missing), labels=missing, names=(part,)))
    return found


def _is_rare(files: Sequence[AuditedFile], label: str) -> bool:
    """Tell whether so few patients have a class that a part without it proves no mistake."""
    return len({file.group for file in files if file.label == label}) < _FEW_PATIENTS


def _of_files(files: Sequence[AuditedFile]) -> list[Finding]:
    """Find broken files, then each way of being odd."""
    found = []
    broken = [file for file in files if file.is_broken]
    if broken:
        problems = tuple(dict.fromkeys(p for file in broken for p in file.problems))
        paths = tuple(file.path for file in broken[:_FIRST])
        kind = FindingKind.BROKEN_FILES
        found.append(
            Finding(kind, Severity.DOUBT, len(broken), len(files), paths=paths, problems=problems)
        )
    for problem in FileProblem:
        odd = [file for file in files if problem in file.problems and not file.is_broken]
        if odd:
            severity = Severity.DOUBT if problem in _SERIOUS else Severity.NOTE
            paths = tuple(file.path for file in odd[:_FIRST])
            kind = FindingKind.ODD_FILES
            found.append(
                Finding(kind, severity, len(odd), len(files), paths=paths, problems=(problem,))
            )
    return found
