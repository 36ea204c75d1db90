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


def end_at(step, name):
    """Have a file with this name end the worker, or hang, when copies are made of it."""
    from spinealign.deidentification import run

    real = run._content if step != "reading" else run._Set.take_up

    def content(path):
        if path.name == name:
            if step == "hanging":
                never.wait()
            if step == "memory":
                raise MemoryError
            _decode()
        return real(path)

    def take_up(self, source):
        if source.path.name == name:
            _decode()
        real(self, source)

    if step == "reading":
        run._Set.take_up = take_up
    else:
        run._content = content
