"""What every test needs before anything is imported."""

import atexit
import gc
import os
import shutil
import tempfile

# Windows are drawn in memory; a test run must not need a screen, nor flash windows on one.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# Networks and matrices of the tests are small: threads that wait for their share of one cost ten
# times what it costs (fitting the disc rules: 6.4 s of processor time, 0.5 s on one thread).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import pytest
from hypothesis import settings

# Twelve thousand tests are a million objects that stay to the end: searched for garbage again and
# again while they are made, a fifth of that time went into it.
gc.disable()

# How fast an example runs depends on what else the computer does; it is no property of the code.
# A commit is judged by the same examples everywhere; `pytest --hypothesis-profile=explore`
# draws new ones.
settings.register_profile("fixed", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("fixed")

# Models that a developer installed, or chose, must not answer in a test: all tests, and what they
# start, have one empty profile unless they state another.
os.environ["SPINEALIGN_PROFILE"] = tempfile.mkdtemp(prefix="spinealign-tests-")
os.environ.pop("SPINEALIGN_MODELS", None)
atexit.register(shutil.rmtree, os.environ["SPINEALIGN_PROFILE"], ignore_errors=True)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop():
    gc.enable()  # in a process that hands tests to others, too
    return (yield)


@pytest.fixture(autouse=True, scope="module")
def only_new_objects_are_searched():
    """Take what is there before a file's first test out of the garbage collector's lists.

    The tests themselves are there, and TensorFlow alone leaves 400,000 objects.
    """
    gc.collect()
    gc.freeze()
