"""Runs in the frozen program before PyInstaller's own hooks, one of which loads Qt."""

from spinealign.processor import refuse_old_processor

refuse_old_processor()
