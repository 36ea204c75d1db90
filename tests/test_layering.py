"""The house rules that a linter cannot see: what a fresh interpreter loads."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"tensorflow", "keras", "torch", "sklearn", "matplotlib"}
NETWORK = {"pynetdicom", "dicomweb_client", "keyring", "requests", "highdicom", "sqlite3"}


def modules_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint('\\n'.join(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.split())


WITHOUT_TRAINING = """
import sys
import pytest
class Blocked:
    def find_spec(self, name, *_):
        if name.split(".")[0] in ("tensorflow", "keras", "sklearn", "skimage", "matplotlib"):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Blocked())
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "--collect-only", "tests/core"]))
"""


def test_core_tests_are_collected_without_the_training_extra():
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-c", WITHOUT_TRAINING]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:]


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
    ],
)
def test_loads_nothing_it_must_not(statement, forbidden):
    assert modules_after(statement) & forbidden == set()
