"""Series, and the pictures of a series, in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from spinealign.domain.errors import ImageReadError
from spinealign.domain.formats import IMAGE_FORMATS
from spinealign.domain.image import ImagePart
from spinealign.domain.study import SeriesEntry, SeriesStack, SlicePosition, said_weighting
from spinealign.wording.failures import Message, explain
from spinealign.wording.text import display_name, safe_text

_PAGED_FORMATS = frozenset(each.name for each in IMAGE_FORMATS if each.has_pages)


def companion_text(entry: SeriesEntry) -> str:
    """Return "With series 3: T1 sag" for the other contrast of the discs."""
    number = "" if entry.number is None else f" {entry.number}"
    return f"With series{number}: {series_name(entry)}"


def series_name(entry: SeriesEntry) -> str:
    """Return what to call a series: its own name, else that of its file or folder."""
    first = entry.parts[0]
    if entry.description.strip():
        return safe_text(entry.description.strip())
    is_spread = len({(part.path, part.member) for part in entry.parts}) > 1
    if first.member:
        inside = PurePosixPath(first.member)
        return safe_text(inside.parent.name if is_spread and inside.parent.name else inside.name)
    return display_name(first.path.parent if is_spread else first.path)


def retrieved_name(entry: SeriesEntry) -> str:
    """Return what to call what came from a node: its file and folder are named by checksums."""
    named = safe_text(entry.description.strip())
    number = "" if entry.number is None else f"series {entry.number}"
    return named or ", ".join(filter(None, (series_kind(entry), number)))


def recent_name(stack: SeriesStack, root: Path) -> str:
    """Return what tells a series from the others of a path, without a word of the file about it.

    Returns
    -------
    str
        Its file, or its folder with its number and kind: "film_3.png", "t2, series 2, MR sagittal
        T2". What the file calls the series is left out: it may be a patient's name.
    """
    entry = stack.first
    part = entry.parts[0]
    place = PurePosixPath(part.member) if part.member else PurePosixPath(part.path.as_posix())
    if len({(each.path, each.member) for each in entry.parts}) == 1:
        is_root = not part.member and part.path == root
        where = "" if is_root else safe_text(place.name)
    else:
        is_root = not part.member and part.path.parent == root
        where = "" if is_root else safe_text(place.parent.name)
    if where and stack.is_single:
        return where
    weighting = said_weighting(entry.description) if entry.modality == "MR" else None
    kind = " ".join(filter(None, (series_kind(entry), weighting and weighting.value.upper())))
    return ", ".join(filter(None, (where, f"series {stack.number}", kind)))


def case_name(stack: SeriesStack) -> str:
    """Return what to call an opened series: a picture that stands alone goes by its file."""
    entry = stack.first
    part = entry.parts[0]
    is_file = stack.is_single and not part.member
    return display_name(part.path) if is_file else series_name(entry)


def series_kind(entry: SeriesEntry) -> str:
    """Return such as "MR sagittal"; the file format where the file names no modality."""
    words = (safe_text(entry.modality or entry.file_format), entry.plane)
    return " ".join(word for word in words if word)


def series_size(stack: SeriesStack) -> str:
    """Return how many pictures a series has, and in how many volumes."""
    count = len(stack.first)
    images = f"{count} image{'' if count == 1 else 's'}"
    return (
        images if len(stack.volumes) == 1 else f"{images} in each of {len(stack.volumes)} volumes"
    )


def shape_text(entry: SeriesEntry) -> str:
    """Return columns and rows, or nothing where they are not known without decoding."""
    return "" if entry.shape is None else f"{entry.shape[1]}×{entry.shape[0]}"


def states_text(entry: SeriesEntry) -> str:
    """Return how many presentation states are not applied; nothing where there are none."""
    count = entry.unapplied_states
    return f"{count} presentation state{'' if count == 1 else 's'} not applied" if count else ""


def copies_text(entry: SeriesEntry) -> str:
    """Return how many copies are left out; nothing where there are none."""
    count = entry.copies
    return f"{count} {'copy' if count == 1 else 'copies'} left out" if count else ""


def series_lines(stacks: Sequence[SeriesStack]) -> tuple[str, ...]:
    """Return a list of series, one a line, with the numbers by which they are chosen."""
    width = len(str(len(stacks)))
    return tuple(f"{stack.number:>{width}}  {_series_line(stack)}" for stack in stacks)


def _series_line(stack: SeriesStack) -> str:
    entry = stack.first
    number = "" if entry.number is None else f"series {entry.number}"
    facts = (
        number,
        series_kind(entry),
        series_size(stack),
        shape_text(entry),
        states_text(entry),
        copies_text(entry),
    )
    line = f"{series_name(entry)} ({', '.join(fact for fact in facts if fact)})"
    return f"{line}, can be analysed" if entry.fits else line


def picture_word(entry: SeriesEntry) -> str:
    """Return what one picture of a series is called."""
    if entry.plane is not None or entry.positions_mm is not None:
        return "Slice"
    if entry.file_format in _PAGED_FORMATS:
        return "Page"
    is_one_file = len({(part.path, part.member) for part in entry.parts}) == 1
    return "Frame" if is_one_file else "Image"


def position_text(stack: SeriesStack, place: SlicePosition) -> str:
    """Return such as "Slice 8 of 15", with the volume where there are several."""
    entry = stack.volumes[place.volume]
    text = f"{picture_word(entry)} {place.index + 1} of {len(entry)}"
    if len(stack.volumes) == 1:
        return text
    return f"{text}, volume {place.volume + 1} of {len(stack.volumes)}"


def foreign_result_text(stack: SeriesStack, result: SlicePosition, seen: SlicePosition) -> str:
    """Return which picture the results are of, where another one is looked at."""
    word = picture_word(stack.first).lower()
    names = [f"{word} {place.index + 1}" for place in (result, seen)]
    if result.volume != seen.volume:
        pairs = zip(names, (result, seen), strict=True)
        names = [f"{name}, volume {place.volume + 1}" for name, place in pairs]
    return f"Results of {names[0]}; you see {names[1]}"


def unseen_result_text(stack: SeriesStack, result: SlicePosition) -> str:
    """Return why nothing is decided on results while another picture is looked at."""
    word = picture_word(stack.first).lower()
    return f"These are the results of {word} {result.index + 1}; go back to it first (Home)"


def return_text(stack: SeriesStack, result: SlicePosition) -> str:
    """Return what leads back to the picture of the results."""
    return f"Back to {picture_word(stack.first).lower()} {result.index + 1}"


def replace_question(
    stack: SeriesStack, result: SlicePosition, seen: SlicePosition, work: Sequence[str]
) -> tuple[str, str, str, str, str]:
    """Return what is asked before another picture of a series takes the place of a person's work.

    Parameters
    ----------
    result, seen : SlicePosition
        The picture that has the results, and the one that is to have them.
    work : sequence of str
        What a person did on the results, at least one: "corrected", "signed".

    Returns
    -------
    title, question, what to know, words of the button that goes on, of the one that does not
    """
    kept, wanted = (_short_position(stack, place) for place in (result, seen))
    return (
        f"Analyse {wanted}",
        f"The results of {kept} are {' and '.join(work)}. Show those of {wanted} in their place?",
        f"What you did on {kept} is kept, and is there again when you analyse {kept} again (F5).",
        f"Analyse {wanted}",
        f"Keep {kept}",
    )


def _short_position(stack: SeriesStack, place: SlicePosition) -> str:
    volume = f", volume {place.volume + 1}" if len(stack.volumes) > 1 else ""
    return f"{picture_word(stack.first).lower()} {place.index + 1}{volume}"


def jump_text(title: str) -> str:
    """Return what leads to a place of the patient on a slice of another series."""
    return f"Show this place on {title}"


def picture_name(part: ImagePart) -> str:
    """Return the name of a picture's file, and which one of several it is."""
    words = [display_name(part.path)]
    if part.member:
        words.append(safe_text(PurePosixPath(part.member).name))
    if part.volume:
        words.append(f"volume {part.volume + 1}")
    if part.index is not None:
        words.append(f"image {part.index + 1}")
    return ", ".join(words)


def other_names_text(count: int) -> str:
    """Return that files were named more than once, by links or again, and read once."""
    names = "1 input is another name" if count == 1 else f"{count} inputs are other names"
    return f"{names} of files that were analysed already (the same file, or a link to it)."


def listed_once_message(count: int) -> Message:
    """Return that files were found under more than one name, and listed once."""
    names = "1 more name leads" if count == 1 else f"{count} more names lead"
    return Message(
        f"{names} to files that are listed already.",
        "They are links to these files, or the same files again.",
    )


def scanning_text(count: int) -> str:
    """Return how far looking through files is."""
    return f"Reading {count} file{'' if count == 1 else 's'}…"


def refused_message(refused: Sequence[ImageReadError]) -> Message:
    """Say which files could not be opened, and why, when others could."""
    first = explain(refused[0])
    if len(refused) == 1:
        return first
    return Message(
        f"{len(refused)} files could not be opened. The first: {first.sentence}", first.advice
    )
