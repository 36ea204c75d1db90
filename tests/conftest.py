"""What every test needs before anything is imported."""

import os

# Windows are drawn in memory; a test run must not need a screen, nor flash windows on one.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from hypothesis import settings

# How fast an example runs depends on what else the computer does; it is no property of the code.
settings.register_profile("untimed", deadline=None)
# A developer's run draws new examples each time; CI judges a commit by the same ones every time.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "untimed")
