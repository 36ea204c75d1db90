"""Lumbar MR: every disc found, cut out and graded."""
