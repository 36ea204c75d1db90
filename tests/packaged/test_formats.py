"""Every kind of file has the same outcome in the package as from source."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.corpus import corpus_files
from tests.image_files import ramp, write_nifti
from tests.packaged.machine import ROOT, UID

IGNORED = ("seconds", "created", "program", "source", "path", "manifest", "timestamp")


def outcomes(lines: str) -> dict[str, object]:
    """Return the result or the reason of each file, by its name below the corpus."""
    found = {}
    for line in lines.splitlines():
        if line.startswith("{"):
            answer = json.loads(line)
            name = answer["path"].split("corpus/", 1)[1]
            found[name] = answer.get("error") or without_times(answer["result"])
    return found


def without_times(value: object) -> object:
    """Leave out what differs from run to run: times, places."""
    if isinstance(value, Mapping):
        kept = {k: v for k, v in value.items() if not any(word in k for word in IGNORED)}
        return {key: without_times(item) for key, item in kept.items()}
    if isinstance(value, list):
        return [without_times(item) for item in value]
    return value


@pytest.fixture(scope="module")
def corpus(machine):
    """pydicom's test files and samples of the other formats, in the clean root."""
    folder = machine.at("/srv/corpus")
    shutil.rmtree(folder, ignore_errors=True)
    for name, path in corpus_files().items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    write_others(folder / "other")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, UID, UID)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def write_others(folder: Path) -> None:
    """Write a picture, and a volume, in each format that is not DICOM."""
    folder.mkdir()
    picture = np.clip(ramp(96, 128, np.float32) / 50, 0, 255).astype(np.uint8)
    for suffix in ("png", "jpg", "tif", "bmp", "webp"):
        Image.fromarray(picture).save(folder / f"picture.{suffix}")
    Image.fromarray(picture.astype(np.uint16) * 200).save(folder / "deep.png")
    Image.fromarray(picture.astype(np.uint16) * 200).save(
        folder / "deep.tif", compression="tiff_lzw"
    )
    volume = np.stack([picture.astype(np.int16)] * 5)
    write_nifti(folder / "volume.nii", volume, np.diag([3.0, 1.0, 1.0, 1.0]))
    write_nifti(folder / "packed.nii.gz", volume, np.diag([3.0, 1.0, 1.0, 1.0]))


def test_every_file_has_the_same_outcome(machine, corpus, tmp_path, seen):
    """Every test file of pydicom, NIfTI, PNG, JPEG, TIFF, BMP, WebP: package beside source."""
    inside = [str(path).removeprefix(str(machine.folder)) for path in corpus]
    packaged = subprocess.run(
        machine.command(["spinealign", "analyze", *inside, "--json", "--out", "/tmp/corpus-out"]),
        capture_output=True, text=True, timeout=3000, check=False,
    )  # fmt: skip
    python = ROOT / ".venv-installer" / "bin" / "python"
    source = subprocess.run(
        [str(python if python.exists() else sys.executable), "-m", "spinealign", "analyze",
         *map(str, corpus), "--json", "--out", str(tmp_path / "out")],
        capture_output=True, text=True, timeout=3000, check=False, cwd=ROOT,
    )  # fmt: skip
    here, there = outcomes(packaged.stdout), outcomes(source.stdout)
    assert len(here) == len(there) == len(corpus)
    different = [name for name in there if here.get(name) != there[name]]
    assert different == []
    opened = sum("sentence" not in result for result in there.values())
    seen(f"{len(corpus)} files, {opened} analysed, {len(corpus) - opened} refused; 0 differ")
