"""With accounts: who may change models, and that the audit trail tells what was changed."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from spinealign import protected_folders
from spinealign.accounts.book import Role
from spinealign.accounts.key_store import ARCHIVE, KeyStore
from spinealign.accounts.keys import LEAST_COST
from spinealign.audit.events import EventKind, Outcome
from spinealign.cli.main import run_command
from spinealign.domain.model_store import ModelStoreError
from spinealign.domain.protection import AccountError
from spinealign.model_store import ModelStore
from spinealign.model_store.signing import make_key
from spinealign.vault import administration, place, session
from spinealign.vault.model_changes import ModelChanges
from spinealign.vault.place import Place
from spinealign.vault.session import (
    Session,
    open_with_key_store,
    set_up_accounts,
    set_up_key_store,
    sign_in,
    system_name,
)
from spinealign.wording.archive import event_cells
from tests import keyrings
from tests.core.test_catalog import MODULES_THAT_LOOK, WEIGHTS, write_model

PASSWORD, OTHER = "correct horse battery", "another horse battery"


@pytest.fixture
def where(tmp_path, monkeypatch):
    """A profile with the accounts of anna, who administers, and bob, who reads."""
    write_model(tmp_path / "shipped", "shipped_net")
    for module in MODULES_THAT_LOOK:
        monkeypatch.setattr(f"{module}.models_dirs", lambda: (tmp_path / "shipped",))
    for module in (place, session):
        monkeypatch.setattr(module, "calibrated_cost", lambda: LEAST_COST)
    here = Place.of_profile(tmp_path / "profile")
    made, _ = set_up_accounts(here, "anna", "Dr. Anna", PASSWORD)
    administration.add_account(made, "bob", "", [Role.READER], OTHER)
    made.close()
    second = sign_in(here, "bob", OTHER)
    administration.change_password(second, OTHER, PASSWORD)
    second.close()
    yield here
    for folder in (here.files, here.kept):
        protected_folders.release(folder)


@pytest.fixture
def models(tmp_path, monkeypatch, capsys):
    """Runs ``spinealign models`` as somebody; returns its code and what it says."""
    monkeypatch.setattr("spinealign.model_store.store.tried_apart", lambda _: None)
    (tmp_path / "pw").write_text(f"{PASSWORD}\n")

    def run(*words: str, user: str = "anna") -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(""))
        name = ("--user", user, "--password-file", str(tmp_path / "pw")) if user else ()
        profile = ("--profile-dir", str(tmp_path / "profile"))
        code = run_command(["models", words[0], *profile, *name, *words[1:]])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def trail(where: Place) -> list[tuple[str, ...]]:
    """What the trail tells of models: who, what, about what, how it went."""
    opened = sign_in(where, "anna", PASSWORD)
    cells = [
        event_cells(number, one)[2:]
        for number, one in opened.events()
        if one.kind in (EventKind.MODELS, EventKind.MODEL_SIGNERS)
    ]
    opened.close()
    return cells


def made_by(tmp_path: Path, name: str = "mine") -> str:
    return str(write_model(tmp_path / "from", name))


def test_each_change_is_in_the_trail(where, models, tmp_path):
    key = make_key(tmp_path / "key")
    folder = made_by(tmp_path)
    for words in (
        ("install", folder), ("install", folder), ("use", "mine"),
        ("use", "--shipped", "classification"), ("shadow", "mine"), ("shadow", "mine", "--end"),
        ("remove", "mine"), ("trust", str(key), "--name", "Ward"), ("distrust", "Ward"),
    ):  # fmt: skip
        code, told = models(*words)
        assert code == 0, told
    cells = trail(where)
    assert [who for who, *_ in cells] == ["anna"] * 9
    assert [what for _, what, *_ in cells] == ["Models changed"] * 7 + [
        "Signers of models changed"
    ] * 2
    assert [went for *_, went in cells] == [
        "installed", "replaced", "chosen", "shipped models chosen", "shadow run begun",
        "shadow run ended", "removed", "signer trusted", "signer trusted no more",
    ]  # fmt: skip
    about = [about for _, _, about, _ in cells]
    assert about[0] == f"model mine 1 (weights {hashlib.sha256(WEIGHTS).hexdigest()[:8]}…)"
    assert about[3] == "model classification"
    assert about[7].startswith("signer Ward (key ")


def test_installing_and_choosing_at_once_are_two_events(where, models, tmp_path):
    assert models("install", made_by(tmp_path), "--use")[0] == 0
    assert [cells[-1] for cells in trail(where)] == ["installed", "chosen"]


@pytest.mark.parametrize(
    "words", [("install", "FOLDER"), ("use", "--shipped", "classification"), ("shadow", "mine")]
)
def test_nobody_changes_models_without_signing_in(where, models, tmp_path, words):
    given = [made_by(tmp_path) if word == "FOLDER" else word for word in words]
    code, told = models(*given, user="")
    assert (code, "--user NAME" in told) == (2, True)
    assert not (tmp_path / "profile" / "models").exists()
    assert models("list", user="")[0] == 0


def test_who_only_reads_changes_nothing(where, models, tmp_path):
    models("install", made_by(tmp_path))
    before = (tmp_path / "profile" / "models" / "mine" / "card.json").read_bytes()
    key = make_key(tmp_path / "key")
    for words in (
        ("install", made_by(tmp_path, "other")), ("use", "mine"), ("remove", "mine"),
        ("use", "--shipped", "classification"), ("shadow", "mine"), ("shadow", "mine", "--end"),
        ("trust", str(key), "--name", "Ward"),
    ):  # fmt: skip
        code, told = models(*words, user="bob")
        assert (code, "may not" in told or "allow" in told) == (1, True), (words, told)
    assert (tmp_path / "profile" / "models" / "mine" / "card.json").read_bytes() == before
    assert not (tmp_path / "profile" / "model-store.json").exists()
    assert [cells[-1] for cells in trail(where)] == ["installed"]


def test_without_accounts_nobody_signs_in(models, tmp_path, monkeypatch):
    for module in MODULES_THAT_LOOK:
        monkeypatch.setattr(f"{module}.models_dirs", lambda: (tmp_path / "none",))
    assert models("install", made_by(tmp_path), user="")[0] == 0
    code, told = models("use", "mine")
    assert (code, "no accounts" in told) == (2, True)
    assert models("use", "mine", user="")[0] == 0


def test_an_archive_without_accounts_keeps_its_trail_too(models, tmp_path, monkeypatch):
    for module in MODULES_THAT_LOOK:
        monkeypatch.setattr(f"{module}.models_dirs", lambda: (tmp_path / "none",))
    keyrings.use(monkeypatch)
    here = Place.of_profile(tmp_path / "profile")
    set_up_key_store(here, KeyStore(ARCHIVE)).close()
    assert models("install", made_by(tmp_path), "--use", user="")[0] == 0
    opened = open_with_key_store(here, KeyStore(ARCHIVE))
    told = [one for _, one in opened.events() if one.kind is EventKind.MODELS]
    opened.close()
    for folder in (here.files, here.kept):
        protected_folders.release(folder)
    assert [one.description for one in told] == ["installed", "chosen"]
    assert told[0].user == system_name()


class TestWatch:
    @pytest.fixture
    def anna(self, where):
        opened = sign_in(where, "anna", PASSWORD)
        yield opened
        opened.close()

    def test_what_fails_is_marked(self, anna: Session, tmp_path, where):
        store = ModelStore(tmp_path / "profile", lambda _: None, ModelChanges(lambda: anna))
        store.install(Path(made_by(tmp_path)))
        (tmp_path / "profile" / "model-store.json").mkdir()
        with pytest.raises(ModelStoreError):
            store.choose_shipped("classification")
        last = [one for _, one in anna.events() if one.kind is EventKind.MODELS][-1]
        assert (last.outcome, last.description) == (Outcome.SERIOUS_FAILURE, "bad settings")

    def test_what_cannot_be_written_down_is_not_done(self, anna: Session, tmp_path, monkeypatch):
        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        store = ModelStore(tmp_path / "profile", lambda _: None, ModelChanges(lambda: anna))
        store.install(Path(made_by(tmp_path)))
        monkeypatch.setattr(Session, "record", full)
        for change in (lambda: store.choose("mine"), lambda: store.remove("mine")):
            with pytest.raises(OSError, match="space"):
                change()
        with pytest.raises(ModelStoreError):
            store.install(Path(made_by(tmp_path, "other")))
        assert [one.name for one in store.listed() if one.can_be_removed] == ["mine"]
        assert store.settings.chosen == ()

    def test_while_it_is_locked_nothing_is_changed(self, anna: Session, tmp_path):
        store = ModelStore(tmp_path / "profile", lambda _: None, ModelChanges(lambda: None))
        with pytest.raises(AccountError):
            store.install(Path(made_by(tmp_path)))
        assert not (tmp_path / "profile" / "models").exists()
