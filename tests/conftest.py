"""What every test needs before anything is imported."""

import os

# Windows are drawn in memory; a test run must not need a screen, nor flash windows on one.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from hypothesis import settings

# How fast an example runs depends on what else the computer does; it is no property of the code.
# A commit is judged by the same examples everywhere; `pytest --hypothesis-profile=explore`
# draws new ones.
settings.register_profile("fixed", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("fixed")
