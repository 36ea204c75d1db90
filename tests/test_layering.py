"""The house rules that a linter cannot see: what a fresh interpreter loads."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"tensorflow", "keras", "torch", "sklearn", "matplotlib"}
NETWORK = {"pynetdicom", "dicomweb_client", "keyring", "requests", "highdicom", "sqlite3"}


def modules_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    names = done.stdout.split()
    return {*names, *(name.partition(".")[0] for name in names)}


WITHOUT_TRAINING = """
import sys
import pytest
class Blocked:
    def find_spec(self, name, *_):
        if name.split(".")[0] in ("tensorflow", "keras", "sklearn", "skimage", "matplotlib"):
            raise ModuleNotFoundError(name, name=name)
class OnlyImports:
    def pytest_pycollect_makeitem(self):
        return []  # no tests out of the modules: half of the time of collecting them
    def pytest_sessionfinish(self):
        names = [name for name in sys.modules if name.startswith("tests.core.test_")]
        print("imported", len(names))
sys.meta_path.insert(0, Blocked())
command = ["-q", "-p", "no:cacheprovider", "--collect-only", "tests/core"]
sys.exit(pytest.main(command, plugins=[OnlyImports()]))
"""


ARCHIVE = {
    "spinealign.ui.vault", "spinealign.vault", "spinealign.archive", "spinealign.audit",
    "spinealign.accounts.book", "spinealign.accounts.keys", "argon2", "sqlcipher3", "cryptography",
}  # fmt: skip

WINDOW_WITHOUT_ARCHIVE = """
import atexit, os, tempfile
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from pathlib import Path
from spinealign.ui.app import make_application
from spinealign.ui.settings.settings import SettingsStore
from spinealign.ui.window.main_window import MainWindow
from spinealign.ui.work.services import program_services
app = make_application()
profile = Path(tempfile.mkdtemp())
window = MainWindow(program_services(profile), SettingsStore(profile))
window.start()
# Before PyQt's own: nobody takes the window apart, the interpreter ends with it.
atexit.register(lambda: (sys.stdout.flush(), os._exit(0)))
"""


def test_core_tests_are_collected_without_the_training_extra():
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-c", WITHOUT_TRAINING]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=600)
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, done.stdout[-2000:]
    imported = re.search(r"imported (\d+)", done.stdout)
    # Ten more are about a training's own libraries, and are skipped.
    assert imported is not None
    assert int(imported[1]) > 150


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        ("import spinealign.domain.findings", {"PyQt6", "cv2", "pydicom", "PIL"} | HEAVY),
        ("import spinealign.analysis, spinealign.inference.litert_engine", {"PyQt6"} | HEAVY),
        ("import spinealign.cli.main", {"PyQt6", "cv2", "ai_edge_litert"} | HEAVY | NETWORK),
        ("import spinealign.imaging.dicom", {"PyQt6"} | HEAVY | NETWORK),
        ("import spinealign.network.node", {"PyQt6", "pydicom"} | HEAVY | NETWORK),
        ("import spinealign.export.bundle", {"PyQt6"} | HEAVY),
        (
            "import spinealign.export.exporters, spinealign.imaging.readers",
            {"PyQt6", "pydicom", "nibabel", "reportlab", "PIL"} | HEAVY,
        ),
        (
            "import spinealign.ui.app, spinealign.ui.window.main_window",
            {"ai_edge_litert", "pydicom", "nibabel", "reportlab", "skimage", "scipy"}
            | HEAVY
            | NETWORK,
        ),
        (WINDOW_WITHOUT_ARCHIVE, ARCHIVE),
    ],
    ids=[
        "domain",
        "analysis",
        "command line",
        "DICOM",
        "network",
        "export",
        "tables",
        "window",
        "window without an archive",
    ],
)
def test_loads_nothing_it_must_not(statement, forbidden):
    assert modules_after(statement) & forbidden == set()
