"""Correcting vertebrae and drawing measures on the picture."""
