"""The tests with the arithmetic that other processors get.

numpy, its linear algebra (OpenBLAS), OpenCV and the C library each choose among several versions of
their inner loops by the processor they find; the last bits of a result may differ. Each row runs
the tests as on another processor, by forcing those choices. LiteRT's kernels can't be chosen so.

Run: ``python benchmarks/kernels.py [--only NAME ...] [TESTS ...]`` with pytest's options or paths;
without any, tests/core and tests/model but for those that train.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

AVX512 = "X86_V4 AVX512_ICL AVX512_SPR"
# What each variable switches: the BLAS kernel, numpy's loops, OpenCV's, the C library's.
PROCESSORS: dict[str, dict[str, str]] = {
    "this computer": {},
    "BLAS of Haswell": {"OPENBLAS_CORETYPE": "Haswell"},
    "numpy without AVX-512 and AVX2": {"NPY_DISABLE_CPU_FEATURES": f"X86_V3 {AVX512}"},
    "OpenCV without AVX-512 and AVX2": {"OPENCV_CPU_DISABLE": "AVX512_SKX,AVX2,FMA3"},
    "AMD Zen": {
        "OPENBLAS_CORETYPE": "Zen",
        "NPY_DISABLE_CPU_FEATURES": AVX512,
        "OPENCV_CPU_DISABLE": "AVX512_SKX",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW",
    },
    "Intel Sandy Bridge": {
        "OPENBLAS_CORETYPE": "Sandybridge",
        "NPY_DISABLE_CPU_FEATURES": f"X86_V3 {AVX512}",
        "OPENCV_CPU_DISABLE": "AVX512_SKX,AVX2,FMA3",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-FMA",
    },
    "x86-64-v2 of 2008": {
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": f"X86_V3 {AVX512}",
        "OPENCV_CPU_DISABLE": "AVX512_SKX,AVX2,FMA3,AVX",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-FMA,-AVX",
    },
}
# Prints what was really chosen, and a number that differs where the last bits do.
PROBE = """
import hashlib, math
import cv2, numpy as np
from threadpoolctl import threadpool_info
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
values = np.random.default_rng(1).standard_normal((64, 67)).astype(np.float32)
made = [
    values @ values[0], np.exp(values), np.sin(values.astype(float)),
    cv2.resize(values, (191, 133), interpolation=cv2.INTER_CUBIC),
    cv2.GaussianBlur(values, (0, 0), 3),
    np.array([math.exp(v) + math.sin(v) for v in values[0]]),
]
loops = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
blas = [pool["architecture"] for pool in threadpool_info() if pool["user_api"] == "blas"]
print(blas[0], loops[-1] if loops else "baseline", sep="|", end="|")
print(*(hashlib.sha256(part.tobytes()).hexdigest()[:3] for part in made))
"""


def environment(changes: dict[str, str]) -> dict[str, str]:
    """Return the variables of a run, without any choice made outside."""
    chosen = {name for one in PROCESSORS.values() for name in one} | {"OPENBLAS_L2_SIZE"}
    kept = {name: value for name, value in os.environ.items() if name not in chosen}
    return {**kept, "QT_QPA_PLATFORM": "offscreen", **changes}


def probed(changes: dict[str, str]) -> list[str]:
    """Return which kernels are in use, and the fingerprints of some arithmetic."""
    command = [sys.executable, "-c", PROBE]
    run = subprocess.run(command, env=environment(changes), capture_output=True, text=True)
    return run.stdout.strip().split("|") if run.returncode == 0 else [run.stderr[-200:]] * 3


def tested(changes: dict[str, str], tests: list[str]) -> tuple[str, str]:
    """Run the tests; return pytest's last line and the names of those that failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    run = subprocess.run(
        command, env=environment(changes), cwd=ROOT, capture_output=True, text=True
    )
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+.*)", run.stdout, re.MULTILINE)
    return (run.stdout.strip().splitlines() or [run.stderr[-200:]])[-1], "\n".join(failed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", choices=PROCESSORS, help="rows to run")
    known, tests = parser.parse_known_args()
    tests = tests or ["tests/core", "tests/model", "-m", "not train"]
    print("| as on | BLAS | numpy | fingerprints of @ exp sin resize blur libm | tests | s |")
    print("|---|---|---|---|---|---|")
    all_failed = []
    for name in known.only or PROCESSORS:
        changes, began = PROCESSORS[name], time.monotonic()
        outcome, failed = tested(changes, tests)
        cells = [name, *probed(changes), outcome, f"{time.monotonic() - began:.0f}"]
        print("| " + " | ".join(cells) + " |", flush=True)
        all_failed += [f"{name}: {line}" for line in failed.splitlines()]
    print("\n".join(all_failed))
    return 1 if all_failed else 0


if __name__ == "__main__":
    sys.exit(main())
