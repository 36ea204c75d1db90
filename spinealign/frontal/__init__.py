"""Frontal films of the spine: bodies from T1 to L5 found, cornered and named."""

from spinealign.frontal.bodies import FrontalBody, FrontalSpine, corners_of, find_bodies
from spinealign.frontal.looks import CORNER_NAMES, FRONTAL_CLASSES, FRONTAL_LEVELS
from spinealign.frontal.named import NamedColumn, named_column

__all__ = [
    "CORNER_NAMES",
    "FRONTAL_CLASSES",
    "FRONTAL_LEVELS",
    "FrontalBody",
    "FrontalSpine",
    "NamedColumn",
    "corners_of",
    "find_bodies",
    "named_column",
]
