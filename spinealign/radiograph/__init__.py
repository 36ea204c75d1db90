"""Lateral radiographs: every vertebral body outlined and named."""

from spinealign.radiograph.interval_rule import changes_of, interval_rule
from spinealign.radiograph.looks import COLUMN_CLASSES
from spinealign.radiograph.outlines import BODY_CLASSES, finds_bodies, outline_vertebrae
from spinealign.radiograph.turned_film import with_frame
from spinealign.radiograph.two_networks import outline_film
from spinealign.radiograph.verdict import VertebraOutlines

__all__ = [
    "BODY_CLASSES",
    "COLUMN_CLASSES",
    "VertebraOutlines",
    "changes_of",
    "finds_bodies",
    "interval_rule",
    "outline_film",
    "outline_vertebrae",
    "with_frame",
]
