"""Code Meaning: the words of the standard where the code is known, words of imaging elsewhere.

Code Meaning (0008,0104) is of type 1 in every code sequence (PS3.3, 8.8-1), so that it cannot go;
table E.1-1 of PS3.15 has no row for it, and people type into it. What a code means is fixed by its
scheme (PS3.16), so the standard's own text may stand for whatever was written there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from pydicom import Dataset

from spinealign.deidentification.identity import Identity, cleaned_description, folded
from spinealign.deidentification.values import DUMMY_TEXT

_VALUES = ("CodeValue", "LongCodeValue", "URNCodeValue")
_MOST_LETTERS = 64
"""Of the value representation LO. Source: PS3.5, table 6.2-1."""

_OLD_SNOMED = frozenset({"SRT", "SNM3", "99SDM"})
"""SNOMED-RT as DICOM named it. Source: PS3.16, 8.1."""


def cleaned_meaning(item: Dataset, text: str, identity: Identity) -> str:
    """Return what a Code Meaning may say.

    Parameters
    ----------
    item : Dataset
        Of a code sequence.
    text : str
        What its Code Meaning says.
    identity : Identity

    Returns
    -------
    str
        The text itself where it is the standard's for this code, or is of words of imaging only;
        else the standard's; of a code that the standard does not list, or lists with more letters
        than the attribute holds, what of the text is of imaging. Never empty.
    """
    words = cleaned_description(text, identity)
    meaning = _standard_meaning(item)
    if _is_same(words, text):
        said = words
    elif meaning is not None and len(meaning) <= _MOST_LETTERS:
        said = identity.without(meaning)
    else:
        said = words
    return said or DUMMY_TEXT


def _is_same(one: str, other: str) -> bool:
    return " ".join(folded(one).split()) == " ".join(folded(other).split())


def _standard_meaning(item: Dataset) -> str | None:
    scheme = str(item.get("CodingSchemeDesignator") or "").strip()
    value = next((str(item[key].value or "").strip() for key in _VALUES if key in item), "")
    if scheme in _OLD_SNOMED:
        from pydicom.sr._snomed_dict import mapping

        scheme, value = "SCT", mapping["SRT"].get(value, "")
    return _meanings().get((scheme, value))


@cache
def _meanings() -> Mapping[tuple[str, str], str]:
    """Return the codes of the context groups of PS3.16 with their meanings, as pydicom has them."""
    from pydicom.sr._concepts_dict import concepts

    return {
        (scheme, value): meaning
        for scheme, named in concepts.items()
        for codes in named.values()
        for value, (meaning, _) in codes.items()
    }
