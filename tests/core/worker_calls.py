"""What tests have a worker process do; it imports this by name."""

import gc
import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from spinealign.domain.errors import ImageReadError, ReadProblem
from spinealign.domain.findings import Step
from spinealign.protected_folders import open_binary
from spinealign.worker.channel import Channel

never = threading.Event()


def count_to(last):
    yield from range(last)
    return last


def with_picture(image, ask):
    yield Step("Reading", 0.1, image)
    return ask(image), image


def twice(array):
    return 2 * array


def end_by_signal():
    yield Step("Reading the image", 0.1)
    os.kill(os.getpid(), signal.SIGKILL)
    never.wait()


def end_once(mark):
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
        never.wait()
    return "whole"


def hang():
    yield Step("Decoding", 0.1)
    never.wait()


def wait_for(path, mark):
    """Wait until a file is there, having said in another one that it is waited for."""
    mark.touch()
    while not path.exists():
        never.wait(0.01)
    return os.getpid()


def ask_both(first, second):
    return first(1), second(2)


def count_and_wait(folder, go):
    yield from range(3)
    (folder / f"counted {os.getpid()}").touch()
    while not go.exists():
        never.wait(0.01)


def end_together(folder, name):
    """End the process once two are in it; afterwards, say whether another one came beside."""
    mark, all_here = folder / f"{name} {os.getpid()}", f"* {os.getpid()}"
    mark.touch()
    if not (folder / "ended").exists():
        while len(list(folder.glob(all_here))) < 2:
            never.wait(0.01)
        (folder / "ended").touch()
        os.kill(os.getpid(), signal.SIGKILL)
        never.wait()
    is_together = any(len(list(folder.glob(all_here))) > 1 or never.wait(0.01) for _ in range(30))
    mark.unlink()
    return is_together


def refuse():
    raise ImageReadError(Path("a.dcm"), ReadProblem.TOO_LARGE, "5 MB")


def fail():
    raise ValueError("Smith, John")


def read(path):
    with open_binary(path) as file:
        return file.read()


def hold_while_looked_at(mark):
    """Stay until the process has looked three times whether anybody asks; return if it rested."""
    looks, look = [], Connection.poll
    Connection.poll = lambda self, seconds=0.0: looks.append(1) or look(self, seconds)
    try:
        while len(looks) < 3 and not mark.exists():
            never.wait(0.01)
    finally:
        Connection.poll = look
    return mark.exists()


def note_rest():
    with Path(os.environ["RESTED"]).open("a") as file:
        file.write("rested\n")


def note_start(mark, text):
    Path(mark).write_text(text)
    raise RuntimeError("what is got ready may fail: it is told where it is needed")


def pid():
    return os.getpid()


def import_first():
    time.sleep(0.1)  # the start has begun with its own by now
    from tests.core.slow_package.first import first

    return first()


class Forged:
    """What makes a folder where it is taken as it comes."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def forge(folder):
    """Send what a worker sends that a file has taken over."""
    yield Step("Reading the image", 0.1)
    for found in gc.get_objects():
        if isinstance(found, Channel):
            found._sends = None
    yield Forged(folder)


def return_forgotten():
    """Return a value of a class that nobody put into the table."""
    return Forged("nowhere")
