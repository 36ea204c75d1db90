"""What names a patient, looked for in any text: names, numbers, birth dates, staff, places.

Text is compared folded: compatibility characters made plain, letters without case and marks
(Unicode Standard Annex 15, form KD), so that "MÜLLER", "Muller" and full-width letters are one;
`names.py` takes "Mueller" for the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from functools import cached_property
from itertools import permutations

from spinealign.deidentification.names import LEAST_ANYWHERE, pattern_of, simplest, whole_names
from spinealign.deidentification.table import known_words

_LEAST_LETTERS, _LEAST_OF_NUMBER = 2, 3
_LEAST_DIGITS = 5
"""Digits of an identifier that is looked for in attributes of numbers. Those with fewer are the
numbers of many images, and taking them out would tell no less than leaving them."""

_MOST_DIGITS = 64
_MOST_PARTS = 6
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa"})
_PLAIN_LETTERS = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ı": "i"})
"""Letters with marks that Unicode does not take apart."""

_PARTS_OF_NAME = re.compile(r"[\s^=\-,.;'’_\\/()&]+")
_UID = re.compile(r"(?<![\d.])[0-2](?:\.\d+){5,}(?![\d.])")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_NO_NAMES = frozenset([
    "dr", "prof", "med", "md", "phd", "mr", "mrs", "ms", "sir", "phys", "doctor", "unknown",
    "none", "removed", "modified", "unmodified", "anonymous", "anonymized", "anonymised",
    "anon", "deidentified", "spinealign", "patient", "test", "phantom",
])  # fmt: skip
"""Titles, and what stands in place of a name in files that were de-identified before."""

DEFINED_TERMS = frozenset([
    "text", "pname", "code", "num", "container", "composite", "waveform", "uidref", "date",
    "time", "datetime", "scoord", "scoord3d", "tcoord", "table", "contains", "separate",
    "continuous", "partial", "complete", "verified", "unverified", "original", "derived",
    "primary", "secondary", "axial", "localizer", "other", "monochrome1", "monochrome2",
    "palette", "color", "image", "volume", "mixed", "magnitude", "phase", "real", "imaginary",
    "complex", "sampled", "distorted", "resampled", "professional", "research", "synthetic",
    "yes", "no", "none", "linear", "sigmoid", "ybr_full", "rgb", "seg", "pr", "ko", "ot", "xa",
    "mg", "nm", "pt", "rf", "sc", "sr", "reg", "px", "io", "es", "us", "xc", "hfs", "hfp",
    "ffs", "ffp", "hfdr", "hfdl", "ffdr", "ffdl", "dcm", "sct", "srt", "ucum", "raw",
])  # fmt: skip
"""Values that objects are built of; a patient of such a name does not take them out."""


def folded(text: str) -> str:
    """Return text as it is compared."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text).casefold().translate(_PLAIN_LETTERS)
    return "".join(c for c in plain if not unicodedata.combining(c))


def _folded_with_places(text: str) -> tuple[str, list[int]]:
    """Fold text; also return for each folded character where it comes from."""
    letters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        folds = unicodedata.normalize("NFKD", character).casefold().translate(_PLAIN_LETTERS)
        for part in folds:
            if not unicodedata.combining(part):
                letters.append(part)
                places.append(place)
    return "".join(letters), places


class Identity:
    """All that names one patient and the people and places of the patient's files."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.parts: set[str] = set()
        self.others: frozenset[str] = frozenset()
        self.numbers: set[str] = set()
        self.dates: set[str] = set()
        self.phrases: set[str] = set()

    def add_name(self, value: str) -> None:
        """Take up a person's name, in all its representations (PS3.5, 6.2.1)."""
        spellings = (folded(value), folded(value.casefold().translate(_UMLAUTS)))
        for spelt in spellings:
            parts = [
                part
                for part in _PARTS_OF_NAME.split(spelt)
                if _is_worth_looking_for(part) and part not in _NO_NAMES
            ]
            self.names.update(parts)
            self.parts.update(parts)
            # Names of files and users run parts together, which alone are too short to be sure of.
            pairs = permutations(parts[:_MOST_PARTS], 2)
            self.names.update("".join(pair) for pair in pairs if all(map(str.isascii, pair)))

    def with_others(self, names: Iterable[str]) -> Identity:
        """Return the same with names of other people, which must be in no text either.

        Parameters
        ----------
        names : iterable of str
            `parts` of other identities. Of these, words of imaging are not looked for: one patient
            called "Neck" would take the word out of everybody's descriptions.
        """
        whole = Identity()
        whole.names, whole.parts, whole.numbers = self.names, self.parts, self.numbers
        whole.dates, whole.phrases = self.dates, self.phrases
        known = known_words() | DEFINED_TERMS
        whole.others = frozenset(n for n in names if n not in known and simplest(n) not in known)
        return whole

    def add_number(self, value: str) -> None:
        """Take up an identifier: letters and digits, separators do not count."""
        plain = "".join(c for c in folded(value) if c.isalnum())
        if len(plain) >= _LEAST_OF_NUMBER:
            self.numbers.add(plain)

    def add_birth_date(self, value: str) -> None:
        """Take up a date of birth (YYYYMMDD)."""
        if re.fullmatch(r"\d{8}", value.strip()):
            self.dates.add(value.strip())

    def add_phrase(self, value: str) -> None:
        """Take up an institution, an address or the like, which is looked for as a whole."""
        plain = " ".join(folded(value).split())
        if len(plain) >= LEAST_ANYWHERE:
            self.phrases.add(plain)

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        phrases = (r"\s+".join(map(re.escape, phrase.split())) for phrase in self.phrases)
        parts = [
            *phrases,
            *map(_number_pattern, self.numbers),
            *map(_digits_pattern, _long_enough(self._digits_of_numbers)),
            *(p for d in self.dates for p in _date_patterns(d)),
        ]
        return re.compile("|".join(sorted(parts, key=len, reverse=True))) if parts else None

    @cached_property
    def _names_pattern(self) -> re.Pattern[str] | None:
        return pattern_of(self.names | self.others)

    def without(self, text: str) -> str:
        """Return text without anything that names the patient; the same text if nothing does."""
        while True:
            cleaned = self._once(text)
            if cleaned == text:
                return text
            text = cleaned

    def _once(self, text: str) -> str:
        if not text:
            return text
        plain, places = _folded_with_places(text)
        spans = []
        if self._pattern is not None:
            spans += [found.span() for found in self._pattern.finditer(plain)]
        if self._names_pattern is not None:
            spans += whole_names(plain, self._names_pattern.finditer(plain))
        if not spans:
            return text
        keep = [True] * len(text)
        for start, end in spans:
            for place in range(places[start], places[end - 1] + 1):
                keep[place] = False
        kept = "".join(c if k else " " for c, k in zip(text, keep, strict=True))
        return re.sub(r" {2,}", " ", kept).strip(" -_,;:/()^=")

    def is_in(self, text: str) -> bool:
        """Tell whether anything of the patient is in a text."""
        patterns = (self._pattern, self._names_pattern)
        return any(p is not None and p.search(folded(text)) is not None for p in patterns)

    @cached_property
    def _digits(self) -> frozenset[str]:
        """Digits of identifiers, altogether and where they stand in a row, and birth dates."""
        dates = (form for d in self.dates for form in (d, f"{d[6:]}{d[4:6]}{d[:4]}",
                                                       f"{d[4:]}{d[:4]}"))  # fmt: skip
        return _long_enough([*dates, *self._digits_of_numbers])

    @property
    def _digits_of_numbers(self) -> list[str]:
        return [form for n in self.numbers
                for form in (*re.findall(r"[0-9]+", n), re.sub(r"[^0-9]", "", n))]  # fmt: skip

    def is_number(self, value: str) -> bool:
        """Tell whether a number is, as a whole, an identifier or a birth date.

        Parameters
        ----------
        value : str
            Of DS or IS, or a binary number as text; whatever way it is written.
        """
        text = value.strip()
        if not text or not self._digits or len(text) > _MOST_DIGITS:
            return False
        try:
            number = Decimal(text).copy_abs()
        except InvalidOperation:
            return False
        is_whole = number.is_finite() and number.adjusted() < _MOST_DIGITS
        return (
            is_whole and number == number.to_integral_value() and str(int(number)) in self._digits
        )

    @cached_property
    def _sure(self) -> re.Pattern[str] | None:
        """What is no word by itself, for looking through bytes that are not only text."""
        words = known_words() | DEFINED_TERMS
        names = pattern_of(
            (n for n in self.names | self.others
             if len(n) >= LEAST_ANYWHERE and n not in words and simplest(n) not in words),
            only_long=True,
        )  # fmt: skip
        numbers = {n for n in self.numbers if len(n) > LEAST_ANYWHERE and not n.isdecimal()}
        parts = [*([names.pattern] if names else []), *map(_number_pattern, numbers)]
        return re.compile("|".join(parts)) if parts else None

    def is_in_bytes(self, content: bytes) -> bool:
        """Tell whether a longer name or number is in bytes, in any usual encoding."""
        if self._sure is None:
            return False
        encodings = ("latin-1", "utf-8", "utf-16-le", "utf-16-be", "shift_jis", "euc_kr", "gb18030")
        return any(self._sure.search(folded(content.decode(e, "ignore"))) for e in encodings)


def _is_worth_looking_for(name: str) -> bool:
    if not any(c.isalpha() for c in name):
        return False
    return not name.isascii() or len(name) >= _LEAST_LETTERS


def _number_pattern(number: str) -> str:
    spread = r"[\s\-./_]?".join(map(re.escape, number))
    return rf"(?<![0-9a-z]){spread}(?![0-9a-z])" if len(number) <= LEAST_ANYWHERE else spread


def _long_enough(forms: Iterable[str]) -> frozenset[str]:
    """Return digits without leading zeros, as far as they are enough to be sure of."""
    plain = (form.lstrip("0") for form in forms)
    return frozenset(form for form in plain if len(form) >= _LEAST_DIGITS)


def _digits_pattern(digits: str) -> str:
    """Return the pattern of a number that stands alone, and is no part of a UID."""
    return rf"(?<![0-9a-z.])0*{digits}(?![0-9a-z]|\.[0-9])"


def _date_patterns(value: str) -> list[str]:
    year, month, day = value[:4], value[4:6], value[6:]
    m, d = f"0?{int(month)}", f"0?{int(day)}"
    name = _MONTHS[int(month) - 1] if 1 <= int(month) <= len(_MONTHS) else month
    between, word_between = r"[\s./\-_]", r"[\s.,/\-_]*"
    return [
        rf"{year}{between}?{month}{between}?{day}",
        rf"{year}{between}{m}{between}{d}",
        rf"{day}{month}{year}", rf"{month}{day}{year}",
        rf"(?<!\d){d}{between}+{m}{between}+(?:{year}|{year[2:]})(?!\d)",
        rf"(?<!\d){m}{between}+{d}{between}+(?:{year}|{year[2:]})(?!\d)",
        rf"(?<!\d){d}{word_between}{name}[a-z]*{word_between}{year}",
        rf"{name}[a-z]*{word_between}{d}{word_between}{year}",
    ]  # fmt: skip


def uids_in(text: str) -> Iterable[re.Match[str]]:
    """Yield what looks like a UID inside a text."""
    return _UID.finditer(text)


# Cleaned descriptions

_DATE_LIKE = re.compile(
    r"(?<!\d)\d{1,4}[./\-_]\d{1,2}[./\-_]\d{1,4}(?!\d)|(?<!\d)\d{1,2}:\d{2}(:\d{2})?(?!\d)"
)
_NUMBER_LIKE = re.compile(r"(?<![^\W_])\d(?:[ \-/().+]?\d){6,}")
_TOKEN = re.compile(r"([^\W_]+)|([\W_]+)", re.UNICODE)
_PIECES = re.compile(r"\d+|[^\W\d_]+")
_MOST_DIGITS_ALONE, _MOST_DIGITS_BESIDE = 3, 4
_MOST_PIECES = 4


def cleaned_description(text: str, identity: Identity) -> str:
    """Return of a description what is known to be of imaging; "" where nothing is left.

    First what names the patient goes, then whatever looks like a date, a time or a telephone
    number, then every word that is not in `known_words`, and numbers of more than 3 digits.
    """
    text = _NUMBER_LIKE.sub(" ", _DATE_LIKE.sub(" ", identity.without(text)))
    kept: list[str] = []
    between = ""
    for word, separator in _TOKEN.findall(text):
        if separator:
            between = separator if not between and len(separator) == 1 else " "
        elif _is_known(word):
            kept.append(f"{between if kept else ''}{word}")
            between = ""
        else:
            between = " "
    return identity.without("".join(kept))


def _is_known(word: str) -> bool:
    pieces = _PIECES.findall(folded(word))
    most = _MOST_DIGITS_ALONE if len(pieces) == 1 else _MOST_DIGITS_BESIDE
    if not pieces or len(pieces) > _MOST_PIECES:
        return False
    return all(
        len(piece) <= most
        if piece.isdecimal()
        else piece in known_words() or (len(piece) == 1 and len(pieces) > 1)
        for piece in pieces
    )
