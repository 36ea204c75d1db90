"""Which DICOM slices are one series, and in which order."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinealign.domain.identifiers import PatientKey, PatientMatch
from spinealign.domain.study import FEWEST_SLICES, SeriesEntry
from spinealign.imaging.dicom_series import SliceHeader, StateHeader
from spinealign.imaging.dicom_tags import RADIOGRAPH_MODALITIES, normal_of

_SAME_DIRECTION = 0.02
_ONE_PLANE = 0.98
"""Cosine between the normals of slices that are tilted by 11 degrees."""

_SAME_PLACE_MM = 0.05
_EVEN = 0.02
"""How far the steps of evenly placed slices differ, as a share of a step."""

_NO_SERIES = "no series of "

_MADE_UP = (0, 1, 7)
"""Which of `SliceHeader.spaces` programs make up for every slice: identifiers of
study and space, and stacks; neither dates, accession numbers nor ages."""

_OTHER_ECHO = 0.02
"""From which step on, as a share of the longer one, echo times are of two echoes: scanners write
the last digits of one echo differently from slice to slice."""

_OTHER_ECHO_WITHOUT_PLACES = 0.1
_OVERLAP = 1.5
"""How often a place must come, in the mean, if echoes, kinds of image and the like are to part
slices into layers: a slice that was sent twice does not cut a series in halves."""


def group_series(headers: Iterable[SliceHeader | StateHeader]) -> list[SeriesEntry]:
    """Put slices into series, each sorted by position and not by name.

    Copies of a picture count once, the longest file of them, which is not cut off. Slices at the
    same places (echoes, points in time) become a series each. Without positions the scanner's
    slice locations count, and without those the instance numbers.
    """
    found = list(headers)
    states = [header for header in found if isinstance(header, StateHeader)]
    slices: dict[tuple[Any, ...], SliceHeader] = {}
    for header in reversed(found):
        if isinstance(header, SliceHeader):
            known = slices.get(header.identity)
            if known is None or header.file_bytes >= known.file_bytes:
                slices[header.identity] = header
    times = Counter(header.identity for header in found if isinstance(header, SliceHeader))
    copies = {header.part: times[header.identity] - 1 for header in slices.values()}
    groups: dict[tuple[Any, ...], list[SliceHeader]] = defaultdict(list)
    for header in reversed(slices.values()):
        groups[header.key].append(header)
    layers = [
        layer
        for group in _rejoined(
            [
                of_space
                for group in groups.values()
                for of_patient in _patients(group)
                for of_modality in _modalities(of_patient)
                for of_space in _spaces(of_modality)
            ]
        )
        for stack in _parallel(group)
        for layer in _layers(_placed(stack))
    ]
    lying = _lying_places(layers)
    entries = [
        replace(
            _sorted_entry(layer, states),
            copies=sum(copies[header.part] for header in layer),
            apart=_set_apart(layer, lying),
        )
        for layer in layers
    ]
    return sorted(entries, key=lambda e: (e.study, e.number is None, e.number or 0))


_Lying = dict[str, dict[tuple[int, bytes], SliceHeader]]
"""One slice of each place and direction, by series identifier; those of none by their study."""


def _lying_places(layers: Iterable[list[SliceHeader]]) -> _Lying:
    """Return where the slices of each series identifier lie, each place and direction once.

    An archive may hold a hundred thousand frames at few places: what is asked of each layer must
    not be asked of all of them.
    """
    lying: _Lying = defaultdict(dict)
    for layer in layers:
        for header in layer:
            if header.position_mm is None:
                continue
            direction = b"" if header.cosines is None else header.cosines.tobytes()
            place = (round(header.position_mm / _SAME_PLACE_MM), direction)
            name = f"{_NO_SERIES}{header.spaces[0]}" if header.has_no_series else header.key[0]
            lying[name].setdefault(place, header)
    return lying


def _set_apart(layer: list[SliceHeader], lying: _Lying) -> int:
    """Return how many places of the same series identifier, or of none, lie beside a layer.

    Their slices are nearly parallel to it and differ in what no volume may mix: size, direction,
    patient, study, space. Slices on top of it are another echo or time, and nothing is missing.
    """
    first = layer[0]
    places = np.sort([h.position_mm for h in layer if h.position_mm is not None])
    if len(places) < FEWEST_SLICES:
        return 0
    named = {**lying[first.key[0]], **lying[f"{_NO_SERIES}{first.spaces[0]}"]}.values()
    others = [
        header.position_mm
        for header in named
        if header.position_mm is not None and _face_alike(first.cosines, header.cosines)
    ]
    after = np.searchsorted(places, others).clip(1, len(places) - 1)
    gaps = np.minimum(np.abs(places[after] - others), np.abs(places[after - 1] - others))
    return int(np.count_nonzero(gaps > _SAME_PLACE_MM))


def _patients(group: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Split slices where what they state of the patient differs.

    What some leave out is no difference, unless it might belong to either of two patients.
    """
    apart: list[list[PatientKey]] = []
    for key in sorted(dict.fromkeys(h.patient for h in group), key=lambda key: not key.identifier):
        fitting = [keys for keys in apart if not any(_are_two_patients(key, k) for k in keys)]
        if len(fitting) == 1:
            fitting[0].append(key)
        else:
            apart.append([key])
    number = {key: place for place, keys in enumerate(apart) for key in keys}
    return _split(group, {id(header): number[header.patient] for header in group})


def _are_two_patients(one: PatientKey, other: PatientKey) -> bool:
    """Tell two patients by anything that differs, also where the identifier is the same."""
    return one.match(other) in (PatientMatch.OTHER, PatientMatch.DOUBTFUL)


def _modalities(group: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Split slices by modality where they state several."""
    stated = {header.entry.modality for header in group} - {None}
    if len(stated) < 2:
        return [group]
    return _split(group, {id(header): header.entry.modality for header in group})


def _spaces(group: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Split slices of two studies, frames of reference or stacks, or of two days.

    What some leave out is no difference where the others state one, nor is it one that every
    slice is given a value of its own where slices are evenly placed.
    """
    parts = [group]
    for k in range(len(group[0].spaces)):
        parts = [of_space for part in parts for of_space in _by_space(part, k)]
    return parts


def _by_space(group: list[SliceHeader], k: int) -> list[list[SliceHeader]]:
    stated = {header.spaces[k] for header in group} - {""}
    is_counted = k in _MADE_UP and len(stated) == len(group) and _are_evenly_placed(group)
    if len(stated) < 2 or is_counted:
        return [group]
    return _split(group, {id(header): header.spaces[k] for header in group})


def _rejoined(groups: list[list[SliceHeader]]) -> list[list[SliceHeader]]:
    """Put slices together of which each was given a series identifier of its own.

    They agree in all else that tells series apart, in number and name of the series, sequence and
    times too, and at least three lie parallel, each at a place of its own. Evenly placed ones may
    also each have a number, a study or a space of their own, and a name that only counts them.
    """
    single, rest = [], []
    for group in groups:
        header = group[0]
        is_slice = header.part.index is None and header.position_mm is not None
        if len(group) == 1 and is_slice and header.entry.modality not in RADIOGRAPH_MODALITIES:
            single.append(header)
        else:
            rest.append(group)
    strict = [part for stack in _alike(single, _strict_key) for part in _stacks_of(stack)]
    left = [part[0] for part in strict if len(part) == 1]
    loose = [part for stack in _alike(left, _loose_key) for part in _counted_series(stack)]
    return [*rest, *(part for part in strict if len(part) > 1), *loose]


def _alike(
    headers: Sequence[SliceHeader], key: Callable[[SliceHeader], tuple[Any, ...]]
) -> Iterator[list[SliceHeader]]:
    """Return slices of one key and echo that are parallel."""
    parts: dict[tuple[Any, ...], list[SliceHeader]] = defaultdict(list)
    for header in headers:
        parts[key(header)].append(header)
    for part in parts.values():
        for echo in _echoes(part):
            yield from _parallel(echo)


def _echoes(group: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Split slices wherever their echo times are of two echoes."""
    parts = _two_echoes(group, _OTHER_ECHO)
    return parts if len(parts) < 2 else [echo for part in parts for echo in _echoes(part)]


def _strict_key(header: SliceHeader) -> tuple[Any, ...]:
    entry = header.entry
    known = (header.patient, entry.modality, entry.number, entry.description)
    return (*header.key[1:], *header.spaces, *header.acquisition, *known)


def _loose_key(header: SliceHeader) -> tuple[Any, ...]:
    name = re.sub(r"(?<![^\W\d_])\d+", "", header.entry.description)  # the 2 of "T2" stays
    known = (header.patient, header.entry.modality, name)
    return (*header.key[1:], *header.acquisition, *known)


def _stacks_of(parallel: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Return slices as one stack, else as one a layer, else each by itself."""
    stacks = [parallel] if _is_one_stack(parallel) else _layers(parallel)
    return [
        part
        for stack in stacks
        for part in ([stack] if _is_one_stack(stack) else [[header] for header in stack])
    ]


def _is_one_stack(stack: list[SliceHeader]) -> bool:
    places, given = set(_places(stack).values()), {header.number for header in stack}
    has_numbers = len(given) == len(stack) or given == {0.0} or _are_evenly_placed(stack)
    return len(stack) >= FEWEST_SLICES and len(places) == len(stack) and has_numbers


def _counted_series(stack: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Return evenly placed slices as one series if what differs differs on each of them."""
    stated = [(*header.spaces, header.entry.number, header.entry.description) for header in stack]
    ways = [len(set(values)) for values in zip(*stated, strict=True)]
    are_counted = all(count in (1, len(stack)) for count in ways)
    is_of_one_day = all(ways[k] == 1 for k in range(len(stack[0].spaces)) if k not in _MADE_UP)
    if are_counted and is_of_one_day and _are_evenly_placed(stack):
        return [stack]
    return [[header] for header in stack]


def _are_evenly_placed(headers: Sequence[SliceHeader]) -> bool:
    """Whether at least three slices are parallel, with one step from each to the next."""
    known = sorted(h.position_mm for h in headers if h.position_mm is not None)
    if len(known) < max(len(headers), FEWEST_SLICES):
        return False
    first, steps = headers[0], np.diff(known)
    is_even = steps.min() > _SAME_PLACE_MM and np.ptp(steps) <= _EVEN * steps.max()
    return bool(is_even) and all(_are_parallel(first.cosines, h.cosines) for h in headers)


def _parallel(group: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Split slices by direction; tiny differences, as scanners write them, do not count."""
    stacks: list[list[SliceHeader]] = []
    for header in group:
        fitting = (stack for stack in stacks if _are_parallel(stack[0].cosines, header.cosines))
        stack = next(fitting, None)
        if stack is None:
            stacks.append([header])
        else:
            stack.append(header)
    return stacks


def _are_parallel(one: NDArray[np.float64] | None, other: NDArray[np.float64] | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.abs(one - other).max() < _SAME_DIRECTION)


def _face_alike(one: NDArray[np.float64] | None, other: NDArray[np.float64] | None) -> bool:
    """Whether two slices lie in nearly one plane, perhaps mirrored."""
    if one is None or other is None:
        return one is other
    return bool(abs(np.dot(normal_of(one), normal_of(other))) > _ONE_PLANE)


def _placed(group: list[SliceHeader]) -> list[SliceHeader]:
    """Put the scanner's slice locations where positions are missing, if all state them."""
    lacks_position = any(header.position_mm is None for header in group)
    if not lacks_position or any(header.location_mm is None for header in group):
        return group
    return [replace(header, position_mm=header.location_mm) for header in group]


def _layers(group: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Split slices that lie on top of each other, so that each place comes once in a series.

    They are told apart by echo time, kind of image, and what tells times and diffusion
    weightings apart, where that parts most places; if nothing does, by their instance numbers.
    Where no place comes twice nothing is split.
    """
    places = _places(group)
    count = len(set(places.values()))
    if count < 2:
        return _echoes_without_places(group)
    if count == len(group):
        return [group]
    for parts in _divisions(group):
        if _are_layers(parts, places):
            return [layer for part in parts for layer in _layers(part)]
    return _by_turn(group, places)


def _divisions(group: list[SliceHeader]) -> Iterator[list[list[SliceHeader]]]:
    """Return ways to part slices that lie on top of each other, the surest first."""
    ordered = sorted(group, key=lambda header: header.number)
    yield _two_echoes(ordered, _OTHER_ECHO)
    yield _split(ordered, {id(header): header.kind for header in ordered})
    for k in range(len(ordered[0].marks)):
        marked = _split(ordered, {id(header): header.marks[k] for header in ordered})
        yield sorted(marked, key=lambda part: part[0].marks[k])


def _two_echoes(group: list[SliceHeader], least_step: float) -> list[list[SliceHeader]]:
    """Part slices at the widest gap between echo times, if it is wide enough; shorter ones first.

    Slices without an echo time are apart from those with one.
    """
    times = sorted({header.echoes_ms for header in group})
    gaps = [_gap(one, other) for one, other in pairwise(times)]
    if not gaps or max(gaps) < least_step:
        return [group]
    border = times[gaps.index(max(gaps))]
    ordered = sorted(group, key=lambda header: header.echoes_ms > border)
    return _split(ordered, {id(header): header.echoes_ms > border for header in ordered})


def _gap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the step between echo times as a share of the longer one."""
    if len(one) != len(other):
        return 1.0
    return max(abs(b - a) / max(abs(a), abs(b), 1e-9) for a, b in zip(one, other, strict=True))


def _are_layers(parts: list[list[SliceHeader]], places: dict[int, int]) -> bool:
    """Whether parts lie on top of each other, instead of beside each other."""
    most = max(Counter(places.values()).values())
    all_places = set(places.values())
    covered = [{places[id(header)] for header in part} for part in parts]
    is_overlap = sum(map(len, covered)) >= _OVERLAP * len(all_places) or all_places in covered
    return 1 < len(parts) <= most and is_overlap


def _echoes_without_places(group: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Split slices of unknown places, or of one, where two echoes have as many slices each."""
    parts = _two_echoes(group, _OTHER_ECHO_WITHOUT_PLACES)
    if len(parts) < 2 or len(parts[0]) != len(parts[1]):
        return [group]
    return [layer for part in parts for layer in _echoes_without_places(part)]


def _by_turn(group: list[SliceHeader], places: dict[int, int]) -> list[list[SliceHeader]]:
    """Split slices by how often their place came before, in the order of their numbers."""
    ordered = sorted(group, key=lambda header: header.number)
    turn: Counter[int] = Counter()
    turns = {}
    for header in ordered:
        turns[id(header)] = turn[places[id(header)]]
        turn[places[id(header)]] += 1
    return _split(ordered, turns)


def _places(group: list[SliceHeader]) -> dict[int, int]:
    """Return the number of each slice's place, by `id`; empty when some place is not known."""
    known = [(h.position_mm, id(h)) for h in group if h.position_mm is not None]
    if len(known) < len(group):
        return {}
    numbered, place, last = {}, 0, -math.inf
    for position_mm, header in sorted(known):
        place += position_mm - last > _SAME_PLACE_MM
        numbered[header], last = place, position_mm
    return numbered


def _split(ordered: list[SliceHeader], values: dict[int, Any]) -> list[list[SliceHeader]]:
    parts: dict[Any, list[SliceHeader]] = defaultdict(list)
    for header in ordered:
        parts[values[id(header)]].append(header)
    return list(parts.values())


def _sorted_entry(group: Sequence[SliceHeader], states: Sequence[StateHeader]) -> SeriesEntry:
    known = [h.position_mm for h in group if h.position_mm is not None]
    has_places = len(known) == len(group) and len(set(known)) > 1
    ordered = sorted(group, key=lambda h: (h.position_mm if has_places else 0.0, h.number))
    instances = {header.instance for header in group}
    return replace(
        ordered[0].entry,
        parts=tuple(header.part for header in ordered),
        positions_mm=tuple(sorted(known)) if has_places else None,
        unapplied_states=sum(not state.instances.isdisjoint(instances) for state in states),
    )
