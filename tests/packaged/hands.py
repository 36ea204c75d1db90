"""A person at the window of the installed program: keys, pointer, and eyes."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from tests.packaged.machine import Ended, Machine, wait_until


class Person:
    """Drives one running program with real key presses on its display."""

    def __init__(self, machine: Machine, pictures: Path, process, output) -> None:
        self.machine = machine
        self._pictures = pictures
        self._process = process
        self._output = output
        self._environment = {**os.environ, "DISPLAY": machine.display}

    def windows(self, title: str) -> list[str]:
        """Return the visible windows with these words in their title."""
        found = self._xdotool("search", "--onlyvisible", "--name", title)
        return found.split()

    def sees_window(self, title: str) -> str:
        """Wait for a window, bring it to the front, and return it."""
        window = wait_until(lambda: self.is_gone() or self.windows(title), f"window {title!r}")
        assert not self.is_gone(), self.output()
        self._xdotool("windowactivate", "--sync", window[-1])
        return window[-1]

    def presses(self, *keys: str) -> None:
        """Press keys or combinations, such as ``ctrl+o``."""
        for key in keys:
            self._xdotool("key", "--clearmodifiers", "--delay", "60", key)

    def types(self, text: str) -> None:
        """Type text and Return."""
        self._xdotool("type", "--delay", "25", text)
        self.presses("Return")

    def clicks(self, x: int, y: int) -> None:
        """Click the left button at a place of the screen."""
        self._xdotool("mousemove", "--sync", str(x), str(y), "click", "1")

    def clipboard(self) -> str:
        """Return the text on the clipboard; empty where nothing was copied yet."""
        command = ["xclip", "-selection", "clipboard", "-out"]
        done = subprocess.run(command, env=self._environment, capture_output=True, check=False)
        return done.stdout.decode()

    def photographs(self, name: str) -> Path:
        """Take a picture of the whole screen."""
        self._pictures.mkdir(parents=True, exist_ok=True)
        path = self._pictures / f"{name}.png"
        subprocess.run(["import", "-window", "root", str(path)], env=self._environment, check=True)
        return path

    def sees_colour(self, colour: str) -> None:
        """Wait until a colour, such as a message's, fills a piece of the screen."""
        wanted = tuple(bytes.fromhex(colour.removeprefix("#")))

        def shown() -> bool:
            with Image.open(self.photographs("looking")) as picture:
                pixels = np.asarray(picture.convert("RGB"))
            return int(np.all(pixels == wanted, axis=2).sum()) > 2000

        wait_until(shown, f"the colour {colour}")

    def opens(self, path: str) -> None:
        """Open a file with the dialog."""
        self.presses("ctrl+o")
        self.sees_window("Open images")
        self.types(path)
        self.sees_window(f"{Path(path).name}.*SpineAlign")

    def saves_report(self, name: str) -> None:
        """Save the report under a name, as soon as there is a result to report."""

        def asked() -> bool:
            self.sees_window("SpineAlign$")
            self.presses("ctrl+e")
            return bool(self.windows("Save report"))

        wait_until(asked, "the dialog that saves the report")
        self.sees_window("Save report")
        self.presses("ctrl+a")
        self.types(name)

    def leaves(self) -> Ended:
        """Close the window and return how the program ended."""
        self.sees_window("SpineAlign$")
        self.presses("ctrl+q")
        wait_until(self.is_gone, "the program's end")
        return Ended(self._process.returncode, self.output())

    def is_gone(self) -> bool:
        """Whether the program has ended."""
        return self._process.poll() is not None

    def output(self) -> str:
        """Return all that the program wrote so far."""
        return Path(self._output.name).read_text(errors="replace")

    def _xdotool(self, *arguments: str) -> str:
        done = subprocess.run(
            ["xdotool", *arguments], env=self._environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        return done.stdout


@contextmanager
def person_at(machine: Machine, pictures: Path, *arguments: str, program="spinealign", **how):
    """Start the window program in the clean root, and end it if the test did not."""
    with tempfile.NamedTemporaryFile(prefix="spinealign-output-") as output:
        command = machine.command([program, *arguments], **how)
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        person = Person(machine, pictures, process, output)
        try:
            yield person
        except BaseException:
            person.photographs("where-it-failed")
            raise
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
