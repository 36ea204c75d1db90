"""Lateral cervical radiographs: every vertebral body outlined and named."""

from spinealign.radiograph.interval_rule import interval_rule
from spinealign.radiograph.outlines import (
    BODY_CLASSES,
    VertebraOutlines,
    finds_bodies,
    outline_vertebrae,
)

__all__ = ["BODY_CLASSES", "VertebraOutlines", "finds_bodies", "interval_rule", "outline_vertebrae"]
