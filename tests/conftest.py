"""What every test needs before anything is imported."""

import os

# Windows are drawn in memory; a test run must not need a screen, nor flash windows on one.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
