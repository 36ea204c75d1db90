"""The installed program under every condition that a hospital's computer may offer."""

from __future__ import annotations

import json
import os
import re
import shutil

import pytest

from spinealign.ui.widgets.theme import LIGHT
from tests.packaged.machine import CT, FILM, HOME, PROGRAM_FOLDER, UID, screen, wait_until

SELF_TEST = re.compile(
    r"(ok +\w+ \([\d.]+ s, \d+ files\)\n)+SpineAlign [\d.]+ self-test passed\n", re.ASCII
)


def see_a_film_and_leave(person, picture, *arguments, **how):
    """Open the drawn film, save its report into the home folder, close, and see no word."""
    with person(*arguments, **how) as somebody:
        somebody.sees_window("SpineAlign$")
        somebody.opens(FILM)
        report = somebody.machine.at(f"{HOME}/report.pdf")
        report.unlink(missing_ok=True)
        somebody.saves_report("~/report.pdf")
        wait_until(report.exists, "the report")
        somebody.photographs(picture)
        ended = somebody.leaves()
    assert report.read_bytes().startswith(b"%PDF-")
    assert (ended.code, ended.output) == (0, "")
    return report


def test_self_test(machine, seen):
    """--self-test without display and network; any unexpected line is a failure."""
    ended = machine.run("spinealign", "--self-test", DISPLAY="")
    assert ended.code == 0
    assert SELF_TEST.fullmatch(ended.output), ended.output
    seen(ended.output.strip().replace("\n", "; "))


def test_window_result_report(person, seen):
    """Window opened, sample opened with the dialog, result seen, report saved, no network."""
    report = see_a_film_and_leave(person, "result")
    seen(f"report of {report.stat().st_size} bytes; nothing on the terminal")


def test_print_preview(person, seen):
    """Print report: the pages are shown, and what stands on them; no printer is set up."""
    with person(FILM) as somebody:
        somebody.sees_window("neck_phantom.*SpineAlign$")

        def asked() -> bool:
            somebody.sees_window("neck_phantom.*SpineAlign$")
            somebody.presses("ctrl+p")
            return bool(somebody.windows("^Report"))

        wait_until(asked, "the preview")
        somebody.sees_window("^Report")
        somebody.photographs("preview")

        def closed() -> bool:
            # A slow computer may have taken the keys twice, and shows it twice then.
            somebody.presses("Escape")
            return not somebody.windows("^Report")

        wait_until(closed, "the preview to go")
        ended = somebody.leaves()
    assert (ended.code, ended.output) == (0, "")
    seen("pages shown")


def test_home_with_blank_and_umlaut(machine, seen):
    """Home folder with non-ASCII letters and a blank: settings are kept there."""
    settings = machine.at(f"{HOME}/.config/SpineAlign/settings.json")
    assert json.loads(settings.read_text())
    seen(f"{HOME}/.config/SpineAlign/settings.json written")


def test_read_only_program_folder(machine, person, seen):
    """Program folder on a read-only disk."""
    machine.mount("--bind", str(machine.at(PROGRAM_FOLDER)), at=PROGRAM_FOLDER)
    machine.mount("-o", "remount,bind,ro", at=PROGRAM_FOLDER)
    try:
        see_a_film_and_leave(person, "read-only")
        assert machine.run("spinealign", "--self-test").code == 0
    finally:
        machine.unmount(PROGRAM_FOLDER)
        machine.mounts.remove(machine.at(PROGRAM_FOLDER))
    seen("result, report and self-test as usual")


def test_no_home(machine, person, seen):
    """No HOME, and a user who is in no list of users."""
    ended = machine.run("spinealign", "--self-test", home=None, uid=9999)
    assert ended.code == 0, ended.output
    with person(home=None, uid=9999) as somebody:
        somebody.sees_window("SpineAlign$")
        somebody.opens(CT)
        somebody.photographs("no-home")
        ended = somebody.leaves()
    assert (ended.code, ended.output) == (0, "")
    assert not machine.at("/tmp/~").exists()
    seen("works; the window says that settings cannot be kept; no stray folder “~”")


def test_two_instances(machine, person, seen):
    """Two windows at once on one profile."""
    with person(FILM) as first, person(CT) as second:
        wait_until(lambda: len(first.windows("SpineAlign$")) == 2, "two windows")
        first.photographs("two-instances")
        for window in first.windows("SpineAlign$"):
            first._xdotool("windowactivate", "--sync", window)
            first.presses("ctrl+q")
        wait_until(lambda: first.is_gone() and second.is_gone(), "both ends")
        assert first.output() == second.output() == ""
    for name in ("settings.json", "window.json"):
        json.loads(machine.at(f"{HOME}/.config/SpineAlign/{name}").read_text())
    seen("both worked and left whole settings")


def test_unwritable_profile(machine, person, seen):
    """Profile folder that may not be written."""
    folder = machine.at("/srv/profile")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o555)
    machine.at(f"{HOME}/unwritable.pdf").unlink(missing_ok=True)
    with person("--profile-dir", "/srv/profile", FILM) as somebody:
        somebody.sees_window("neck_phantom.*SpineAlign$")
        somebody.saves_report("~/unwritable.pdf")
        wait_until(machine.at(f"{HOME}/unwritable.pdf").exists, "the report")
        somebody.photographs("unwritable-profile")
        ended = somebody.leaves()
    assert (ended.code, ended.output) == (0, "")
    assert list(folder.iterdir()) == []
    seen("works; the window says that settings cannot be kept")


def test_full_disk(machine, person, seen):
    """Full disk under profile, working files and results."""
    machine.mount("-t", "tmpfs", "-o", f"size=256k,uid={UID}", "tmpfs", at="/srv/full")
    try:
        fill = machine.at("/srv/full/fill")
        free = os.statvfs(fill.parent)
        fill.write_bytes(bytes(free.f_bavail * free.f_frsize))
        ended = machine.run(
            "spinealign", "analyze", CT, "--out", "/srv/full/out", TMPDIR="/srv/full"
        )
        assert ended.code == 1
        assert "the disk is full" in ended.output, ended.output
        with person("--profile-dir", "/srv/full/p", CT, TMPDIR="/srv/full") as somebody:
            somebody.sees_window("CT_small.*SpineAlign$")
            somebody.saves_report("/srv/full/report.pdf")
            somebody.sees_colour(LIGHT.danger_panel)
            somebody.photographs("full-disk")
            left = somebody.leaves()
        assert (left.code, left.output) == (0, "")
        assert {path.name for path in machine.at("/srv/full").iterdir()} <= {"fill", "p"}
    finally:
        machine.unmount("/srv/full")
    seen(f"command line: exit 1, “{ended.output.splitlines()[0]}”; the window says the same")


@pytest.mark.parametrize("factor", ["2", "1.5"])
def test_scaling(person, factor):
    """Scaled screen of 1366 x 768."""
    see_a_film_and_leave(person, f"scaled-{factor}", QT_SCALE_FACTOR=factor)


def test_small_screen(person, seen):
    """1366 x 768."""
    with person(FILM) as somebody:
        window = somebody.sees_window("neck_phantom.*SpineAlign$")
        shown = somebody._xdotool("getwindowgeometry", window)
        somebody.photographs("1366x768")
        assert somebody.leaves().code == 0
    width, height = map(int, re.search(r"Geometry: (\d+)x(\d+)", shown).groups())
    assert (width, height) <= (1366, 768)
    seen(f"window of {width} x {height}")


def test_no_opengl(machine, pictures, seen):
    """No OpenGL: a screen without GLX and a system without drivers."""
    from tests.packaged.hands import person_at
    from tests.packaged.machine import Machine

    other = Machine(machine.folder, ":48")
    drivers = "/usr/lib/x86_64-linux-gnu/dri"
    if machine.at(drivers).is_dir():
        machine.mount("-t", "tmpfs", "tmpfs", at=drivers)
    with screen(":48", extensions=("-extension", "GLX")):
        see_a_film_and_leave(lambda *a, **k: person_at(other, pictures, *a, **k), "no-opengl")
    if machine.at(drivers).is_dir():
        machine.unmount(drivers)
    seen("result and report as usual")


def test_no_opengl_library(machine, seen):
    """No libGL at all: a clear sentence, and the command line still works."""
    folder = machine.at("/usr/lib/x86_64-linux-gnu")
    hidden = list(folder.glob("libGL.so*"))
    for path in hidden:
        path.rename(path.with_name(f"hidden-{path.name}"))
    try:
        ended = machine.run("spinealign")
        analysed = machine.run("spinealign", "analyze", CT, "--out", "/tmp/without-gl")
    finally:
        for path in hidden:
            path.with_name(f"hidden-{path.name}").rename(path)
    assert ended.code == 3
    assert "libGL.so.1" in ended.output
    assert "Traceback" not in ended.output
    assert analysed.code == 0
    seen(f"exit 3: “{' '.join(ended.output.split()[:24])} …”; analyze works")


@pytest.mark.parametrize(("cpu", "runs"), [("core2duo", False), ("Nehalem", True)])
def test_old_processor(machine, seen, cpu, runs):
    """Old processor, emulated (neither has AVX2)."""
    shutil.copy("/usr/bin/qemu-x86_64-static", machine.at("/usr/bin"))
    program = f"{PROGRAM_FOLDER}/SpineAlign"
    emulated = ("qemu-x86_64-static", "-cpu", cpu, program)
    # The program starts itself once more unless told so, and that would not be emulated.
    inside = {
        "LD_LIBRARY_PATH": f"{PROGRAM_FOLDER}/_internal", "_PYI_ARCHIVE_FILE": program,
        "_PYI_PARENT_PROCESS_LEVEL": "0", "DISPLAY": "",
    }  # fmt: skip
    if runs:
        ended = machine.run(*emulated, "analyze", CT, "--out", "/tmp/old", **inside)
        assert ended.code == 0, ended.output
        seen("no AVX: analyses the CT sample")
        return
    ended = machine.run(*emulated, **inside)
    assert ended.code == 3, ended.output
    sentence = next(line for line in ended.output.splitlines() if "cannot run" in line)
    assert "Illegal" not in ended.output
    seen(f"exit 3: “{sentence}”")


def test_broken_resource_shows_the_crash_report(machine, person, seen):
    """An unexpected fault: the report can be copied and holds no patient data."""
    case = machine.at(f"{PROGRAM_FOLDER}/_internal/resources/samples/ct_axial/case.json")
    whole = case.read_bytes()
    named = machine.at(f"{HOME}/MUSTERMANN^ERIKA.dcm")
    shutil.copy(machine.at(CT), named)
    os.chown(named, UID, UID)
    case.write_text("{}")
    try:
        with person(f"{HOME}/{named.name}") as somebody:
            somebody.sees_window("Error report")
            somebody.photographs("crash")
            somebody.presses("Tab", "space")
            copied = wait_until(somebody.clipboard, "the copied report")
            somebody.presses("Escape")
            ended = somebody.leaves()
    finally:
        case.write_bytes(whole)
    assert copied.startswith("SpineAlign ")
    assert "KeyError" in copied
    for private in ("MUSTERMANN", "Zoë", HOME, "/usr/lib"):
        assert private not in copied
    assert ended.code == 0
    seen(f"{len(copied.splitlines())} lines copied, no name, no path")


def test_no_network_is_asked_for(machine, person, seen):
    """Every connection that a whole session tries, by strace."""
    log = machine.folder.parent / "spinealign-strace.txt"
    trace = ("strace", "-f", "-qq", "-e", "trace=%network", "-o", str(log))
    see_a_film_and_leave(person, "traced", prefix=trace, network=True)
    calls = log.read_text(errors="replace")
    families = re.findall(r"socket\((AF_\w+)", calls)
    places = sorted(set(re.findall(r'sun_path=@?"([^"]+)"', calls)))
    assert set(families) <= {"AF_UNIX"}, sorted(set(families))
    assert "AF_INET" not in calls
    seen(f"AF_INET and AF_INET6: 0; local sockets: {', '.join(places)}")
