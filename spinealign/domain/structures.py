"""What the classes of networks for sagittal MR are called, on model cards and in masks."""

from __future__ import annotations

VERTEBRA, BODY, POSTERIOR_ELEMENTS = "vertebra", "body", "posterior elements"
SACRUM, DISC, CANAL = "sacrum", "disc", "canal"

STRUCTURES = ("background", BODY, POSTERIOR_ELEMENTS, SACRUM, DISC, CANAL)
"""Classes of networks that are asked twice about a slice (`lumbar.structures`), in their order."""

BODY_CLASSES = frozenset({VERTEBRA, BODY})
"""Classes that hold vertebral bodies: with their posterior elements, or alone."""
