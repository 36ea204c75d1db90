"""Lumbar MR: every disc found, cut out and graded."""

from spinealign.lumbar.grading import Graded, grade_discs, level_name, renamed

__all__ = ["Graded", "grade_discs", "level_name", "renamed"]
