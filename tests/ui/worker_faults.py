"""What a test has the worker of a window do in place of analysing; the worker imports this."""

import faulthandler
import os
import threading

from spinealign.domain.findings import Step
from spinealign.ui.work import in_worker
from tests.fakes import answer_for

never = threading.Event()


def install():
    """Analyse as the name of a file says: it kills the process, hangs, or gives a drawn result."""
    in_worker.analyse = analyse
    return os.getpid()


def analyse(_profile, source, *_wanted):
    path = getattr(source, "path", source)
    yield Step("Reading the image", 0.1)
    if "kills" in path.name:
        _decode()
    if "hangs" in path.name:
        never.wait()
    return answer_for(path, None)


def _decode():
    faulthandler._sigsegv()  # as a decoder in C does that reads where there is nothing
