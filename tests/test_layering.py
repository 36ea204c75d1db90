"""The house rules that a linter cannot see: what a fresh interpreter loads."""

import subprocess
import sys

import pytest

HEAVY = {"tensorflow", "keras", "torch", "sklearn", "matplotlib"}


def modules_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint('\\n'.join(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        ("import spinealign.domain.findings", {"PyQt6", "cv2", "pydicom", "PIL"} | HEAVY),
        ("import spinealign.analysis, spinealign.inference.litert_engine", {"PyQt6"} | HEAVY),
        ("import spinealign.cli.main", {"PyQt6", "cv2", "ai_edge_litert"} | HEAVY),
        ("import spinealign.export.bundle", {"PyQt6"} | HEAVY),
        (
            "import spinealign.export.exporters, spinealign.imaging.readers",
            {"PyQt6", "pydicom", "nibabel", "reportlab", "PIL"} | HEAVY,
        ),
        (
            "import spinealign.ui.app, spinealign.ui.window.main_window",
            {"ai_edge_litert", "pydicom", "nibabel", "reportlab", "skimage", "scipy"} | HEAVY,
        ),
    ],
    ids=["domain", "analysis", "command line", "export", "tables", "window"],
)
def test_loads_nothing_it_must_not(statement, forbidden):
    assert modules_after(statement) & forbidden == set()
