"""The portable archive and the checksums; the same input gives the same bytes."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path

from installer.contents import files_in, sha256

SUMS = "SHA256SUMS"


def build_archive(folder: Path, path: Path, epoch: int) -> Path:
    """Pack a built folder as ``.tar.zst``: sorted, owned by nobody, all of one time.

    Raises
    ------
    subprocess.CalledProcessError
        ``zstd`` failed.
    """
    plain = path.with_suffix("")
    with tarfile.open(plain, "w", format=tarfile.PAX_FORMAT) as tar:
        for file in files_in(folder):
            _add(tar, file, f"{folder.name}/{file.relative_to(folder).as_posix()}", epoch)
    # Two threads whatever the machine has: their number shapes the output.
    command = ["zstd", "--quiet", "--force", "--rm", "-19", "--long=27", "--threads=2"]
    subprocess.run([*command, str(plain), "-o", str(path)], check=True)
    return path


def _add(tar: tarfile.TarFile, file: Path, name: str, epoch: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.mtime = epoch
    if file.is_symlink():
        entry.type, entry.linkname = tarfile.SYMTYPE, str(file.readlink())
        tar.addfile(entry)
        return
    content = file.read_bytes()
    entry.size = len(content)
    entry.mode = 0o755 if file.stat().st_mode & 0o100 else 0o644
    tar.addfile(entry, io.BytesIO(content))


def write_sums(files: Iterable[Path], path: Path) -> None:
    """Write the SHA-256 of files in the form that ``sha256sum --check`` reads."""
    lines = [f"{sha256(file)}  {file.name}\n" for file in sorted(files)]
    path.write_text("".join(lines), encoding="utf-8", newline="\n")
