"""What file names tell: copies prepared of one picture, series and slice, and the patient.

A name is taken apart from its end: words of augmentation, then a number of the slice, then the
view or sequence. What remains names the series or patient if it holds a digit ("CSFDV1B10",
"patient 7"); a word that every picture could have ("img", "film") tells nothing, and the number
behind it counts files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_AUGMENTATION: Final = (
    r"aug(?:mented|mentation)?|rot(?:ated?|ation)?|sharp(?:en(?:ed)?)?|blur(?:red)?|"
    r"(?:[hv](?:orizontal|ertical)?[_-]?)?flip(?:ped)?(?:lr|ud|[hv])?|mirror(?:ed)?|"
    r"noise|noisy|crop(?:ped)?|"
    r"zoom(?:ed)?|shift(?:ed)?|translat(?:ed|ion)|shear(?:ed)?|scaled?|resized?|bright(?:ness|er|ened)?|"
    r"dark(?:er|ened)?|contrast|gamma|clahe|equali[sz]ed?|elastic|warp(?:ed)?|transform(?:ed)?|"
    r"jitter(?:ed)?|erased?|cutout|salt(?:pepper)?|speckle|gauss(?:ian)?|median|invert(?:ed)?|"
    r"copy|kopie|copie|dup(?:licate)?"
)
"""Words that tools of augmentation and desktops put behind a name."""

_SUFFIX: Final = re.compile(
    rf"[\s._-]+\(?(?:{_AUGMENTATION})[\s_-]?[+-]?\d*(?:\.\d+)?(?:deg)?\)?$", re.IGNORECASE
)
_PREFIX: Final = re.compile(rf"^(?:{_AUGMENTATION})[+-]?\d*[\s._-]+", re.IGNORECASE)
_GENERATED: Final = re.compile(r"\.rf\.[0-9a-f]{16,}$|_(?:jpe?g|png)\.rf\.[0-9a-f]{16,}$")
_KERAS: Final = re.compile(r"^aug_(\d+)_\d{1,8}$")

_BRACKETED: Final = re.compile(r"^(.+?)\s*\((\d+)\)$")
_SLICE_WORD: Final = re.compile(
    r"^(.*?)[\s._-]*(?:slice|sl|frame|instance|image|img|im|z)[\s._-]?(\d+)$", re.IGNORECASE
)
_TRAILING: Final = re.compile(r"^(.*?)[\s._-]+(\d{1,4})$")

_VIEWS: Final = re.compile(
    r"[\s._-]+(?:(?:ap|pa|lat(?:eral)?)\d?|frontal|sagittal|axial|coronal|sag|ax|cor|t1w?|t2w?|t2s|t2_space|"
    r"space|tirm|stir|flair|pdw?|dwi|adc|fatsat|fs|ct|mr|mri|xray|xr|cr|dx|left|right)$",
    re.IGNORECASE,
)
_EXAMINATION: Final = re.compile(
    r"[\s._-]+(?:[a-z]|(?:series|ser|study|session|ses|visit|exam|scan|s|v|film|acq|run)[\s._-]?\d+)$",
    re.IGNORECASE,
)
_NAMED_PATIENT: Final = re.compile(
    r"(?:^|[\s._-])((?:patient|pat|pt|subject|subj|sub|case|person|id|p)[\s._-]?\d+)", re.IGNORECASE
)
_TELLS_NOTHING: Final = re.compile(r"^(?:\D*|[A-Za-z]*[\s._-]*\d+)$")
"""Words alone, a number alone, one word with one number: "film 12" is the twelfth file."""

_WORDS_ALONE: Final = re.compile(r"^\D*$")
_MOST_NUMBERS: Final = 4


@dataclass(frozen=True)
class Named:
    """What one file name tells.

    Parameters
    ----------
    base : str
        The name without words of augmentation: equal for all copies of a picture.
    copies : tuple of str
        The words taken away, without numbers: what was done to the picture.
    series : str
        Empty where the name tells none.
    slice_number : int or None
    patient : str
        Empty where the name tells none.
    """

    base: str
    copies: tuple[str, ...] = ()
    series: str = ""
    slice_number: int | None = None
    patient: str = ""

    @property
    def is_slice_stated(self) -> bool:
        """Whether a word or brackets say that the number is a slice's; else it may count files."""
        return bool(_BRACKETED.match(self.base) or _SLICE_WORD.match(self.base))


def named(stem: str) -> Named:
    """Take one file name, without its suffix, apart."""
    base, copies = _without_augmentation(stem)
    series, number = _series_and_slice(base)
    patient = _patient_of(series, has_slices=number is not None)
    if not patient:
        return Named(base, copies)
    return Named(base, copies, series, number, patient)


def _without_augmentation(stem: str) -> tuple[str, tuple[str, ...]]:
    keras = _KERAS.match(stem)
    if keras:
        return keras[1], ("aug",)
    base, words = _GENERATED.sub("", stem), []
    if base != stem:
        words.append("generated")
    while True:
        suffix = _SUFFIX.search(base)
        if suffix and suffix.start() > 0:
            words.append(_word(suffix[0]))
            base = base[: suffix.start()].rstrip()
            continue
        prefix = _PREFIX.match(base)
        if prefix and prefix.end() < len(base):
            words.append(_word(prefix[0]))
            base = base[prefix.end() :]
            continue
        return base, tuple(words)


def _word(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())


def _series_and_slice(base: str) -> tuple[str, int | None]:
    """Return what names the series, and the number of the slice where one stands behind it."""
    for pattern in (_BRACKETED, _SLICE_WORD, _TRAILING):
        found = pattern.match(base)
        if found and found[1].strip(" ._-") and len(found[2]) <= _MOST_NUMBERS:
            return found[1].strip(" ._-"), int(found[2])
    return base, None


def _patient_of(series: str, *, has_slices: bool) -> str:
    """Return what of a series' name names the patient; empty for words that name nobody."""
    stated = _NAMED_PATIENT.search(series)
    if stated:
        return re.sub(r"[\s._-]", "", stated[1]).lower()
    name = series
    while True:
        shorter = _EXAMINATION.sub("", _VIEWS.sub("", name))
        if shorter == name or not shorter:
            break
        name = shorter
    is_taken_apart = has_slices or name != series
    nothing = _WORDS_ALONE if is_taken_apart else _TELLS_NOTHING
    return "" if nothing.match(name) else name
