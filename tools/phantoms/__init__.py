"""Drawn images with known anatomy: the sample cases, and test images."""
