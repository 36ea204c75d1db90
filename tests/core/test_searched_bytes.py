"""The search for planted texts finds them in every form; it would be worth nothing else."""

from __future__ import annotations

import base64
import gzip
import io
import json
import sys
import threading
import zipfile
import zlib
from pathlib import Path

import pytest

from tests.searched_bytes import Searcher

WORD = "Zwickelmüller QX7"


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("member", content)
    return buffer.getvalue()


PLAIN = WORD.encode()
WRITTEN = {
    "UTF-8": PLAIN,
    "Latin-1": WORD.encode("latin-1"),
    "UTF-16": WORD.encode("utf-16-le"),
    "UTF-16, the other way round": WORD.encode("utf-16-be"),
    "UTF-32": WORD.encode("utf-32-le"),
    "small letters": WORD.lower().encode(),
    "capital letters": WORD.upper().encode(),
    "JSON": json.dumps({"name": WORD}).encode(),
    "hexadecimal": PLAIN.hex().upper().encode(),
    **{f"base64 at {n}": base64.b64encode(b"x" * n + PLAIN + b"yz") for n in range(4)},
    "base64 of UTF-16": base64.b64encode(b"x" + WORD.encode("utf-16-le") + b"y"),
    "gzip": gzip.compress(PLAIN),
    "zlib": zlib.compress(PLAIN),
    "zlib, quick": zlib.compress(PLAIN, 1),
    "zlib, cut off": zlib.compress(PLAIN + bytes(range(256)) * 99)[:-50],
    "zlib of UTF-16": zlib.compress(WORD.encode("utf-16-le")),
    "zip": zipped(PLAIN),
    "zip of gzip": zipped(gzip.compress(PLAIN)),
}


@pytest.mark.parametrize("form", WRITTEN)
def test_a_word_is_found_in_every_form(form: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\x93 before " + WRITTEN[form] + b" after \xff")
    if form.startswith("zip"):
        path.write_bytes(WRITTEN[form])
    searcher = Searcher({"name": WORD, "other": "Nobody Else"})
    assert searcher.below([tmp_path]) == {path: {"name"}}
    assert searcher.files == 1


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(zlib.compress(b"Zwickel Muller") + PLAIN[:-1])
    assert Searcher({"name": WORD}).below([tmp_path]) == {}


def test_a_name_of_a_file_counts(tmp_path: Path) -> None:
    path = tmp_path / f"of {WORD}.txt"
    path.write_bytes(b"")
    assert Searcher({"name": WORD}).below([tmp_path]) == {path: {"name"}}


@pytest.mark.skipif(sys.platform != "linux", reason="reads memory as Linux shows it")
def test_a_word_is_found_in_memory(tmp_path: Path) -> None:
    import subprocess

    program = "import sys; word = sys.stdin.readline(); print('ready', flush=True); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    timer = threading.Timer(60, child.kill)
    timer.start()
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(f"{WORD}\n")
    child.stdin.flush()
    assert child.stdout.readline() == "ready\n"
    try:
        found = Searcher({"name": WORD, "other": "Nobody Else"}).in_memory(child.pid)
    except PermissionError:
        pytest.skip("only root looks into other programs here")
    finally:
        child.kill()
        child.communicate()
        timer.cancel()
    assert found == {"name"}
