"""Examinations of one patient in words: dates, what changed, and what a change is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from spinealign.domain.comparison import (
    Change,
    ComparedMeasure,
    ErrorOfChange,
    PatientExamination,
    common_scale,
)
from spinealign.domain.findings import DISCLAIMER
from spinealign.domain.identifiers import PatientMatch
from spinealign.domain.image import SpacingSource
from spinealign.domain.measurements import Measurement
from spinealign.domain.study import PatientFacts
from spinealign.wording.curve_changes import (
    compared_name,
    curve_cautions,
    curve_judgement,
    progression_sentences,
)
from spinealign.wording.examinations import examination_text
from spinealign.wording.measure_rows import edited_text, number_text, unit_text, value_text
from spinealign.wording.measures import measurement_name
from spinealign.wording.reading import patient_line
from spinealign.wording.results import NOTHING
from spinealign.wording.series import picture_name
from spinealign.wording.text import safe_text
from spinealign.wording.worklist import Standing

COMPARISON_HEADINGS = (
    "Measure", "First", "Second", "Difference", "Error of a change", "Judgement",
)  # fmt: skip
COMPARISON_COLUMNS = (
    "measure", "code", "levels", "unit", "first", "first_low", "first_high", "first_state",
    "first_automatic", "second", "second_low", "second_high", "second_state", "second_automatic",
    "difference", "error_of_change", "error_measured", "error_published", "error_source",
    "judgement", "second_code", "second_levels", "second_on_first_levels",
)  # fmt: skip
NOTHING_MEASURED = "Neither image has a measure."
NO_DATE = "date not stated"
DATE_GIVEN = "given by the user"
DATES_GIVEN = "The date of an examination was given by the user; its file states none."
OTHER_PATIENT = (
    "These are two different patients by what their files state. Nothing is compared until you "
    "confirm that the patient is the same."
)
OPEN_EARLIER = "Open an earlier examination…"
ONE_CASE = (
    "No other examination is open to compare with. Open an earlier one of the same patient with "
    "“Open an earlier examination…”, or choose one above once it is open."
)
_WITHOUT_RESULT: Mapping[Standing, str] = {
    Standing.NOT_ANALYSED: "Not analysed yet",
    Standing.STOPPED: "Its analysis was stopped",
    Standing.FAILED: "It could not be analysed",
    Standing.WAITING: "Waiting to be analysed",
    Standing.RUNNING: "Being analysed…",
}


def without_result_text(title: str, standing: Standing, reason: str = "") -> str:
    """Return what stands in place of the picture of an examination without a result."""
    words = _WITHOUT_RESULT.get(standing, "")
    is_told = standing is Standing.FAILED and bool(reason)
    return "\n".join(filter(None, (title, reason if is_told else words)))


def analyse_text(count: int) -> str:
    """Return the words of a button that analyses examinations to be compared."""
    return "Analyse this image" if count == 1 else f"Analyse {count} images"


CHOOSE_OTHER = "Choose an examination above, or open an earlier one."
NO_PATIENT = "Patient not stated in the file"
PATIENT_HIDDEN = "Patient data hidden"
_MATCHES = {
    PatientMatch.SAME: "The same patient by what both files state.",
    PatientMatch.DOUBTFUL: (
        "Whether both images show the same patient is doubtful: the identifier agrees, and the "
        "name or the sex differs."
    ),
    PatientMatch.OTHER: (
        "By what their files state these are two different patients; compared all the same, "
        "because a person confirmed it."
    ),
    PatientMatch.UNKNOWN: (
        "Whether both images show the same patient is not known: the files do not state enough."
    ),
}
ERROR_OF_CHANGE = (
    "Error of a change: how far the measure differs between two examinations without a change, on "
    "95 % of them. It is the larger of what was measured with this network and of what readers "
    "without a program differ by, where that is published. Posture, breathing and the direction "
    "of the beam change measures too, and among many measures about one in twenty lies beyond by "
    "chance."
)
ERROR_IN_SHORT = (
    "Error of a change: what 95 % of examinations without a change differ by at most; point at a "
    "row to see where it comes from."
)
_DAYS_IN_WEEKS, _MOST_MONTHS = 14, 24

_CHANGES = {
    Change.BEYOND: "changed beyond the error",
    Change.WITHIN: "no change beyond the error",
    Change.UNJUDGED: "not assessed: the error of a change is not known",
    Change.MAGNIFIED: "not assessed: both lengths are magnified, possibly by different factors",
    Change.ONLY_FIRST: "only on the first",
    Change.ONLY_SECOND: "only on the second",
    Change.UNLIKE_UNITS: "not comparable: different units",
    Change.PIXELS: "not comparable: pixels of two images",
    Change.ONE_MAGNIFIED: "not comparable: one of the lengths is magnified",
    Change.UNNAMED_LEVELS: "not comparable: levels are uncertain",
    Change.UNCERTAIN_FIRST: "not comparable: the outlines on the first are uncertain",
    Change.UNCERTAIN_SECOND: "not comparable: the outlines on the second are uncertain",
    Change.OTHER_SIDE: "not comparable: convex to different sides",
}


def change_text(change: Change) -> str:
    """Return what can be said about a difference."""
    return _CHANGES[change]


def judgement_text(compared: ComparedMeasure) -> str:
    """Return what can be said about a measure: of a curve by the rule of progression."""
    return curve_judgement(compared) or change_text(compared.change)


def match_text(match: PatientMatch) -> str:
    """Return whether two images are of one patient, as a sentence."""
    return _MATCHES[match]


def is_doubted(match: PatientMatch) -> bool:
    """Whether a comparison must warn that two images may not be of one patient."""
    return match is not PatientMatch.SAME


def owner_text(facts: PatientFacts, shows_names: bool) -> str:
    """Return whose picture it is, for one of two that stand side by side."""
    if not shows_names:
        return PATIENT_HIDDEN
    return who_text(facts) or NO_PATIENT


def date_text(day: date | None) -> str:
    """Return a date as 2025-05-31, or that there is none."""
    return NO_DATE if day is None else day.isoformat()


def examined_text(examination: PatientExamination) -> str:
    """Return the date of an examination, and whether a person gave it."""
    given = f" ({DATE_GIVEN})" if examination.is_date_given else ""
    return f"{date_text(examination.date)}{given}"


def span_text(first: date | None, second: date | None) -> str:
    """Return the time between two dates: "12 days", "14 months", "3 years 2 months"; or nothing.

    Months are calendar months that have passed in full; the order does not count.
    """
    if first is None or second is None:
        return ""
    early, late = sorted((first, second))
    days = (late - early).days
    if not days:
        return "the same day"
    months = 12 * (late.year - early.year) + late.month - early.month - (late.day < early.day)
    if months < 1:
        return _counted(days, "day") if days < _DAYS_IN_WEEKS else _counted(days // 7, "week")
    if months < _MOST_MONTHS:
        return _counted(months, "month")
    years, rest = divmod(months, 12)
    return f"{_counted(years, 'year')} {_counted(rest, 'month')}" if rest else f"{years} years"


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"


def interval_sentence(
    first: PatientExamination, second: PatientExamination, *, with_dates: bool = True
) -> str:
    """Return both dates and the time between: "2024-03-01 to 2025-05-31: 14 months."."""
    if not with_dates:
        between = span_text(first.date, second.date) or "not known"
        return f"Time between both examinations: {between}."
    dates = f"{examined_text(first)} to {examined_text(second)}"
    span = span_text(first.date, second.date)
    if not span:
        return f"{dates}: the time between is not known."
    assert first.date is not None
    assert second.date is not None
    later = " The second examination is the earlier one." if second.date < first.date else ""
    return f"{dates}: {span}.{later}"


def examination_line(examination: PatientExamination, with_name: bool) -> str:
    """Return date, kind and file of an examination, and the patient where that is wanted."""
    analysis = examination.analysis
    who = who_text(examination.facts) if with_name else ""
    words = (
        examined_text(examination),
        examination_text(analysis.examination),
        picture_name(analysis.image.place),
        who,
    )
    return "  ·  ".join(word for word in words if word)


def who_text(facts: PatientFacts) -> str:
    """Return who the patient is: name, birth and identifier; the dates of examinations differ."""
    return patient_line(PatientFacts(facts.name, facts.identifier, facts.birth_date, facts.sex))


def error_text(error: ErrorOfChange | None, unit: str) -> str:
    """Return "± 8.4°"; empty where the error is not known."""
    return "" if error is None else f"± {number_text(error.half_width, unit)}{unit_text(unit)}"


def error_source(error: ErrorOfChange | None, unit: str) -> str:
    """Return where an error of a change comes from, both figures where there are two."""
    if error is None:
        return ""
    words = []
    if error.measured is not None:
        words.append(f"measured with this network ± {number_text(error.measured, unit)}")
    if error.published is not None:
        half = number_text(error.published.half_width, unit)
        words.append(f"readers ± {half} ({error.published.source})")
    return "; ".join(words)


def comparison_row(compared: ComparedMeasure) -> tuple[str, ...]:
    """Return the cells of one measure under `COMPARISON_HEADINGS`."""
    return (
        compared_name(compared),
        value_or_nothing(compared.first),
        value_or_nothing(compared.second),
        difference_text(compared) or NOTHING,
        error_text(compared.error, compared.unit) or NOTHING,
        judgement_text(compared),
    )


def difference_text(compared: ComparedMeasure) -> str:
    """Return a difference with sign and unit; empty where there is none."""
    if compared.difference is None:
        return ""
    number = number_text(compared.difference, compared.unit, signed=True)
    return f"{number}{unit_text(compared.unit)}"


def change_sentence(compared: ComparedMeasure) -> str:
    """Return a change as a sentence: "C2–C7 Cobb lordosis fell from 20.0° to 8.0° (...)."."""
    assert compared.first is not None
    assert compared.second is not None
    verb = "rose" if (compared.difference or 0.0) > 0 else "fell"
    return (
        f"{compared_name(compared)} {verb} from {value_text(compared.first)} to "
        f"{value_text(compared.second)} ({difference_text(compared)}; error of a change "
        f"{error_text(compared.error, compared.unit)})."
    )


def comparison_record(compared: ComparedMeasure) -> tuple[str, ...]:
    """Return the fields of one measure under `COMPARISON_COLUMNS`, numbers in full."""
    one, error = compared.either, compared.error
    published = None if error is None or error.published is None else error.published
    return (
        measurement_name(one),
        one.code.value,
        levels_text(one),
        safe_text(one.unit) if _has_one_unit(compared) else "",
        *measurement_record(compared.first),
        *measurement_record(compared.second),
        figure_text(compared.difference),
        figure_text(None if error is None else error.half_width),
        figure_text(None if error is None else error.measured),
        figure_text(None if published is None else published.half_width),
        "" if published is None else published.source.value,
        judgement_text(compared),
        *_shapes(compared),
    )


def _shapes(compared: ComparedMeasure) -> tuple[str, ...]:
    """Return what a curve is on the second examination, and its angle on the first's ends."""
    if not compared.is_of_curve:
        return ("",) * 3
    second = compared.second
    return (
        "" if second is None else second.code.value,
        "" if second is None else levels_text(second),
        figure_text(compared.on_first_ends),
    )


def comparison_lines(
    first: PatientExamination, second: PatientExamination, rows: Sequence[ComparedMeasure]
) -> list[str]:
    """Return a comparison as lines of text, the table with tabs between its cells."""
    kinds = kinds_cautions(first, second)
    others = [said for said in comparison_cautions(first, second) if said not in kinds]
    return [
        f"First: {examination_line(first, with_name=False)}",
        f"Second: {examination_line(second, with_name=False)}",
        interval_sentence(first, second),
        *kinds,
        *progression_sentences(first, second, rows),
        "\t".join(COMPARISON_HEADINGS),
        *(["\t".join(comparison_row(row)) for row in rows] or [NOTHING_MEASURED]),
        *curve_cautions(rows),
        *others,
        DISCLAIMER,
    ]


def comparison_cautions(first: PatientExamination, second: PatientExamination) -> list[str]:
    """Return what to know before trusting the differences between two examinations."""
    one, other = first.analysis, second.analysis
    said = [match_text(first.match(second))]
    if one.image.sha256 == other.image.sha256:
        said = ["Both are the same file."]
    said += kinds_cautions(first, second)
    sources = (one.image.spacing_source, other.image.spacing_source)
    if SpacingSource.UNKNOWN in sources:
        said.append("Lengths are not compared where the pixel spacing is unknown.")
    elif SpacingSource.DETECTOR_PLANE in sources:
        said.append("Lengths at the detector are magnified: their differences are not assessed.")
    scale = common_scale(one, other)
    said += [] if scale is None else [_SCALED.format(scale)]
    return [*said, *date_cautions((first, second)), ERROR_OF_CHANGE]


_SCALED = (
    "All heights of bodies differ by the same factor ({:.2f}): the millimetres of one image are "
    "probably wrong (or the patient has grown), so no length is to be compared."
)


def kinds_cautions(first: PatientExamination, second: PatientExamination) -> list[str]:
    """Return that two examinations are of different kinds, where they are."""
    if first.is_of_kind(second):
        return []
    kinds = (first.analysis.examination, second.analysis.examination)
    return [mixed_kinds_text([examination_text(kind) for kind in kinds])]


def date_cautions(examinations: Sequence[PatientExamination]) -> list[str]:
    """Return that a date is a person's word, where one is."""
    return [DATES_GIVEN] if any(one.is_date_given for one in examinations) else []


def mixed_kinds_text(names: Sequence[str]) -> str:
    """Return that examinations are of several kinds, which are named for a sentence's middle."""
    kinds = " and ".join(f"a {name}" for name in names).replace("a other", "another")
    return f"These are {kinds}: standing and lying change the curve of the spine."


def levels_text(measurement: Measurement) -> str:
    """Return levels as tables have them: "C2/C7"."""
    return "/".join(safe_text(level) for level in measurement.levels)


def value_or_nothing(measurement: Measurement | None) -> str:
    """Return a value and whether a person edited it; a dash where there is none."""
    if measurement is None:
        return NOTHING
    value, edited = value_text(measurement), edited_text(measurement)
    return f"{value} ({edited})" if edited else value


def _has_one_unit(compared: ComparedMeasure) -> bool:
    return compared.change is not Change.UNLIKE_UNITS


def measurement_record(measurement: Measurement | None) -> tuple[str, ...]:
    """Return value, interval, state and automatic value of one side, numbers in full."""
    if measurement is None:
        return ("",) * 5
    low, high = measurement.interval or (None, None)
    return (
        *map(figure_text, (measurement.value, low, high)),
        measurement.state.value,
        figure_text(measurement.automatic_value),
    )


def figure_text(value: float | None) -> str:
    """Return a number as tables for programs have it; empty for none."""
    return "" if value is None else f"{value:.4f}"
