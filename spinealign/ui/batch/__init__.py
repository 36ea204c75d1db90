"""Thousands of images at once: inputs, options and the run of a batch."""
