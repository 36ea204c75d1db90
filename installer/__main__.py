"""Build every package that this system can build: ``python3 start.py build-installer``.

Freezes the program, adds licences and the bill of materials, and packs it into ``dist/``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from installer.archive import SUMS, build_archive, write_sums
from installer.bill import write_bill
from installer.contents import component_sizes
from installer.debian import build_deb
from installer.icons import draw_icons
from installer.identity import IDENTITY, ROOT
from installer.notices import NAME as NOTICES
from installer.notices import write_notices
from installer.windows import build_setup

BUILD, DIST = ROOT / "build", ROOT / "dist"
FROZEN = BUILD / "frozen" / IDENTITY.name
UNPRUNED = BUILD / "unpruned" / IDENTITY.name
WORK = BUILD / "work"
ICONS = BUILD / "icons"


def main() -> int:
    """Run the steps that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python3 start.py build-installer", description=__doc__)
    parser.add_argument("--freeze-only", action="store_true", help="make build/frozen and stop")
    parser.add_argument(
        "--compare-unpruned", action="store_true",
        help="build once more without leaving anything out, and print both sizes",
    )  # fmt: skip
    options = parser.parse_args()
    epoch = source_date()
    freeze(FROZEN, epoch)
    if options.compare_unpruned:
        freeze(UNPRUNED, epoch, is_pruned=False)
        print(size_table(component_sizes(UNPRUNED), component_sizes(FROZEN)))
    if not options.freeze_only:
        for path in pack(epoch):
            print(f"{path.stat().st_size / 1e6:8.1f} MB  {path.relative_to(ROOT)}")
    return 0


def source_date() -> int:
    """Return the time that the packages bear: ``SOURCE_DATE_EPOCH``, else the last commit's."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    told = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return int(told.stdout.strip() or time.time())


def freeze(folder: Path, epoch: int, is_pruned: bool = True) -> None:
    """Run PyInstaller so that nothing of this machine or this day gets into the result."""
    draw_icons(ICONS)
    environment = {
        **os.environ,
        "SOURCE_DATE_EPOCH": str(epoch),
        "PYTHONHASHSEED": "0",
        "SPINEALIGN_UNPRUNED": "0" if is_pruned else "1",
    }
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
    command += ["--distpath", str(folder.parent), "--workpath", str(folder.parent / "work")]
    command.append(str(ROOT / "build_installer.spec"))
    subprocess.run(command, check=True, env=environment, cwd=ROOT)
    if sys.platform == "linux":
        second = folder / IDENTITY.command_program("linux")
        second.unlink(missing_ok=True)
        second.symlink_to(IDENTITY.window_program)
    write_notices(folder)
    write_bill(folder, folder / "sbom.cdx.json", epoch)


def pack(epoch: int) -> list[Path]:
    """Pack the frozen folder in every way that this system can; return what is in ``dist/``."""
    DIST.mkdir(exist_ok=True)
    for old in DIST.iterdir():
        old.unlink()
    stem = f"SpineAlign-{IDENTITY.version}"
    made = []
    if sys.platform == "linux":
        made.append(build_deb(FROZEN, ICONS, WORK, DIST, epoch))
        made.append(build_archive(FROZEN, DIST / f"{stem}-linux.tar.zst", epoch))
    elif sys.platform == "win32":
        made.append(build_setup(FROZEN, ICONS / "spinealign.ico", DIST / f"{stem}-setup.exe"))
    else:
        archive = DIST / f"{stem}-macos.zip"
        bundle = FROZEN.with_suffix(".app")
        subprocess.run(["ditto", "-c", "-k", "--keepParent", bundle, archive], check=True)
        made.append(archive)
    for name in (NOTICES, "sbom.cdx.json"):
        made.append(Path(shutil.copyfile(FROZEN / name, DIST / f"{stem}-{name}")))
    write_sums(made, DIST / SUMS)
    return [*made, DIST / SUMS]


def size_table(before: dict[str, int], after: dict[str, int]) -> str:
    """Word sizes by component, before and after pruning, as a Markdown table."""
    lines = ["| component | before, MB | after, MB |", "|---|---:|---:|"]
    lines += [f"| {name} | {before[name] / 1e6:.1f} | {after[name] / 1e6:.1f} |" for name in after]
    total = sum(before.values()) / 1e6, sum(after.values()) / 1e6
    return "\n".join([*lines, f"| **all** | **{total[0]:.1f}** | **{total[1]:.1f}** |"])


if __name__ == "__main__":
    sys.exit(main())
