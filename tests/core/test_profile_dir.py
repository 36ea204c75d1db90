"""Which folder keeps settings and corrections."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from spinealign.__main__ import main
from spinealign.domain import paths
from spinealign.export.corrections import profile_path


@pytest.fixture
def usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "usual"
    folder.mkdir()
    monkeypatch.delenv(paths.PROFILE_VARIABLE, raising=False)
    monkeypatch.setattr(paths, "usual_profile_dir", lambda: folder)
    return folder


def test_the_usual_folder(usual: Path) -> None:
    assert paths.profile_dir() == usual


@pytest.mark.parametrize(
    "given",
    [
        ["--self-test", "--profile-dir", "X"], ["--profile-dir", "X", "--self-test"],
        ["--profile-dir", "X", "self-test"], ["--profile-dir=X", "--self-test"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_the_self_test_opens_no_window(given: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    profiles = []
    monkeypatch.setattr("spinealign.__main__.has_display", lambda: False)
    monkeypatch.setattr(
        "spinealign.selftest.run_self_test",
        lambda *_: profiles.append(Path(os.environ[paths.PROFILE_VARIABLE]).name) or [],
    )
    assert main(given) == 0
    assert profiles == ["X"]


def test_the_self_test_takes_no_images(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--self-test", "neck.png"])
    assert "takes no images" in capsys.readouterr().err


def test_a_chosen_folder(usual: Path, tmp_path: Path) -> None:
    pointer = usual / paths.PROFILE_POINTER
    pointer.write_text(json.dumps({"folder": str(tmp_path / "mine")}))
    assert paths.profile_dir() == tmp_path / "mine"
    assert profile_path("0" * 64).parent == tmp_path / "mine" / "corrections"


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", '{"folder": 7}', '{"folder": "relative"}', '{"other": "/x"}', "",
        '{"folder": "/x\\u0000"}', "[" * 200_000,
    ],
    ids=["cut", "list", "number", "relative", "other key", "empty", "no path", "deep"],
)  # fmt: skip
def test_a_damaged_note_is_passed_over(usual: Path, text: str) -> None:
    (usual / paths.PROFILE_POINTER).write_text(text)
    assert paths.profile_dir() == usual


def test_the_environment_counts_first(
    usual: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (usual / paths.PROFILE_POINTER).write_text(json.dumps({"folder": str(tmp_path / "mine")}))
    monkeypatch.setenv(paths.PROFILE_VARIABLE, str(tmp_path / "stated"))
    assert paths.profile_dir() == tmp_path / "stated"


def raise_error(*_: object, **__: object) -> Path:
    raise RuntimeError("could not determine the home directory")


@pytest.mark.parametrize(
    "answer", [lambda *_, **__: Path("~/.config/x"), raise_error], ids=["older", "newer"]
)
def test_without_a_home_nothing_is_written_anywhere(
    monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    monkeypatch.setattr("platformdirs.user_config_path", answer)
    assert paths.usual_profile_dir() == paths.NO_HOME
