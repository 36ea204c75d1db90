"""Models that a person installs: refused, trusted, chosen, taken away."""

import hashlib
import json
import shutil
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinealign.domain.earned_status import is_borne_out, with_mark
from spinealign.domain.errors import Cancelled, ModelError, ModelProblem
from spinealign.domain.examination import ExaminationKind
from spinealign.domain.findings import ModelStatus
from spinealign.domain.model_store import (
    NOT_COMPARED,
    FileState,
    ModelPlace,
    ModelStoreError,
    SignatureState,
    StoreProblem,
)
from spinealign.files import put_in_place
from spinealign.inference import catalog
from spinealign.inference.checksums import CHECKSUMS, SIGNATURE, is_safe_name, write_checksums
from spinealign.model_store import ModelStore
from spinealign.model_store.signing import (
    fingerprint,
    make_key,
    opened_key,
    public_key_of,
    sign_folder,
)
from spinealign.model_store.taking import MOST_BYTES
from spinealign.model_store.trial import TrialProblem
from spinealign.selftest import run_self_test
from spinealign.wording.failures import explain
from spinealign.wording.model_manager import NOT_IN_SHADOW
from spinealign.wording.models import installed_lines, model_lines
from tests.cards import classifier_card, gate_card
from tests.core.test_catalog import MODULES_THAT_LOOK, SilentEngine, write_model
from tests.examinations import LATERAL_NECK, NECK_CT, SPINE_MR
from tests.located import point_card

P = StoreProblem
MR = ExaminationKind.SAGITTAL_SPINE_MR


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A profile beside a shipped classifier for CT of the neck, and networks that all answer."""
    write_model(tmp_path / "shipped", "shipped_net")
    roots = (tmp_path / "shipped",)
    for module in MODULES_THAT_LOOK:
        monkeypatch.setattr(f"{module}.models_dirs", lambda: roots)
    return ModelStore(tmp_path / "profile", trial=lambda folder: None)


def answering(store, examination=NECK_CT, task="classification"):
    """The names of the models that an analysis would ask."""
    models = catalog.ModelStore(
        open_engine=lambda weights, card: SilentEngine(), profile=store.profile
    )
    return [card.name for card in models.find_all(task, examination)]


def made(tmp_path, name="mine", weights=b"weights", **changes):
    """A model folder that somebody passes on."""
    folder = write_model(tmp_path / "from", name, **changes)
    if weights != b"weights":
        (folder / "model.tflite").write_bytes(weights)
        edit_card(folder, sha256=hashlib.sha256(weights).hexdigest())
    return folder


def made_sha256():
    return hashlib.sha256(b"weights").hexdigest()


def edit_card(folder, **changes):
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    (folder / "card.json").write_text(json.dumps({**card, **changes}), encoding="utf-8")


def refused(problem):
    return pytest.raises(ModelStoreError, match=problem.value)


def packed(tmp_path, folder, top=""):
    path = tmp_path / "packed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"{top}{file.name}")
    return path


# ---------------------------------------------------------------------------- installed


def test_a_model_is_installed_and_answers_only_once_it_is_chosen(store, tmp_path):
    found = store.install(made(tmp_path))
    assert (found.name, found.place, found.answers) == ("mine", ModelPlace.INSTALLED, False)
    assert found.signature.state is SignatureState.UNSIGNED
    assert answering(store) == ["shipped_net"]
    assert store.choose("mine").answers_for == (NECK_CT.kind,)
    assert answering(store) == ["mine"]
    store.choose_shipped("classification")
    assert answering(store) == ["shipped_net"]


def test_the_one_that_is_there_for_no_other_task_answers_not_by_itself_either(store, tmp_path):
    store.install(made(tmp_path, examinations=[MR]))
    assert answering(store, SPINE_MR) == []
    store.choose("mine")
    assert answering(store, SPINE_MR) == ["mine"]
    assert answering(store, NECK_CT) == ["shipped_net"]


def test_what_answers_is_listed_and_so_is_who_does_not(store, tmp_path):
    store.install(made(tmp_path))
    store.install(made(tmp_path, "other"))
    assert [(m.name, m.place) for m in store.listed()] == [
        ("shipped_net", ModelPlace.SHIPPED),
        ("mine", ModelPlace.INSTALLED),
        ("other", ModelPlace.INSTALLED),
    ]
    store.choose("other")
    assert [m.name for m in store.listed() if m.answers] == ["other"]
    assert [m.name for m in store.listed() if m.can_be_removed] == ["mine", "other"]


@pytest.mark.parametrize("top", ["", "any folder/"])
def test_a_zip_file_is_installed_with_or_without_its_folder(store, tmp_path, top):
    found = store.install(packed(tmp_path, made(tmp_path), top))
    assert (found.name, store.verify("mine")[0].is_sound) == ("mine", True)


def test_an_installation_tells_how_far_it_is(store, tmp_path):
    told = []
    store.install(made(tmp_path), tell=told.append)
    assert told == sorted(told)
    assert told[0] == 0
    assert told[-2:] == [1, 1]
    assert 0 < told[1] < 1


@pytest.mark.parametrize("last", [0, 1], ids=["while it is copied", "before it is in its place"])
def test_an_installation_that_is_stopped_leaves_nothing(store, tmp_path, last):
    store.install(made(tmp_path, "before"))

    def stop(fraction):
        if fraction >= last:
            raise Cancelled

    with pytest.raises(Cancelled):
        store.install(made(tmp_path), tell=stop)
    assert [one.name for one in store.folder.iterdir()] == ["before"]
    assert store.settings.chosen == ()


def test_the_profile_is_stated_before_or_after_what_is_done(tmp_path, capsys):
    from spinealign.cli.main import run_command

    profile = tmp_path / "profile"
    write_model(profile / "models", "mine")
    for words in (["--profile-dir", str(profile), "list"], ["list", "--profile-dir", str(profile)]):
        assert run_command(["models", *words]) == 0
        assert "mine" in capsys.readouterr().out


def test_a_model_is_called_as_its_card_says_or_as_a_person_wants(store, tmp_path):
    folder = made(tmp_path).rename(tmp_path / "from" / "downloaded (2)")
    assert store.install(folder).name == "mine"
    assert store.install(folder, name="again").name == "again"


def test_the_copy_is_listed_so_that_a_later_change_of_its_card_stops_it(store, tmp_path):
    store.install(made(tmp_path))
    store.choose("mine")
    edit_card(store.folder / "mine", threshold=0.9)
    (verified,) = store.verify("mine")
    assert [(b.name, b.state) for b in verified.files] == [("card.json", FileState.CHANGED)]
    models = catalog.ModelStore(
        open_engine=lambda weights, card: SilentEngine(), profile=store.profile
    )
    with pytest.raises(ModelError) as caught:
        models.load("mine")
    assert caught.value.problem is ModelProblem.WRONG_CARD


# ------------------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"temperature": 0}, "“temperature”: a number of at least 0.2 is expected"),
        ({"input_shape": [10**9, 224]}, "“input_shape[0]”: a whole number of at most 4096"),
        ({"metrics": json.loads("[" * 60 + "]" * 60)}, "nested more than 32 levels deep"),
        ({"threshold": float("nan")}, "a number that is none"),
        ({"surprise": 1}, "does not know at “surprise”"),
        ({"limits": "REMOVE"}, "“limits” is missing"),
        ({"title": 5}, "text is expected, not a whole number"),
        ({"status": "perfect"}, "“perfect” is not known"),
        ({"classes": ["one", "one"]}, "contradicts itself (classes)"),
        (
            {"metrics": {"held_out": {"auc": {"value": 17, "low": 3, "high": 2, "units": -5}}}},
            "contradicts itself (metrics.held_out.auc: 17 is no share between 0 and 1)",
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_impossible_card_is_refused_with_one_true_sentence(store, tmp_path, change, told):
    with refused(P.BAD_CARD) as caught:
        store.install(made(tmp_path, **change))
    assert told in explain(caught.value).sentence
    assert store.listed()[-1].name == "shipped_net"
    assert not list(store.folder.iterdir())


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda f: shutil.rmtree(f), P.NOT_THERE),
        (lambda f: (f / "card.json").unlink(), P.NO_CARD),
        (lambda f: (f / "model.tflite").write_bytes(b"other"), P.FILE_CHANGED),
        (lambda f: (f / "model.tflite").unlink(), P.FILE_MISSING),
        (lambda f: (f / "Über.txt").write_text("x"), P.UNSAFE_NAME),
        (lambda f: (f / "con.txt").write_text("x"), P.UNSAFE_NAME),
        (lambda f: (f / "link").symlink_to("/etc/hostname"), P.NO_ORDINARY_FILE),
        (lambda f: (f / "sub").symlink_to("/etc"), P.NO_ORDINARY_FILE),
        (lambda f: (f / CHECKSUMS).write_text("nonsense"), P.BAD_CHECKSUMS),
        (lambda f: (f / CHECKSUMS).write_text(""), P.BAD_CHECKSUMS),
        (lambda f: (write_checksums(f), edit_card(f, threshold=0.4)), P.FILE_CHANGED),
        (lambda f: (write_checksums(f), (f / "more.txt").write_text("x")), P.FILE_UNLISTED),
        (lambda f: ((f / "more").write_text("x"), write_checksums(f), (f / "more").unlink()),
         P.FILE_MISSING),
        (lambda f: (f / SIGNATURE).write_text("{}"), P.SIGNATURE_BROKEN),
    ],
)  # fmt: skip
def test_what_is_not_as_it_says_is_refused_and_nothing_is_left(store, tmp_path, spoil, problem):
    folder = made(tmp_path)
    spoil(folder)
    with refused(problem):
        store.install(folder)
    assert not store.folder.exists() or not list(store.folder.iterdir())


@pytest.mark.parametrize("problem", TrialProblem)
def test_a_network_that_fails_its_trial_is_refused(store, tmp_path, problem):
    failing = ModelStore(store.profile, trial=lambda folder: problem)
    with refused(P.NETWORK_FAILED):
        failing.install(made(tmp_path))
    assert not list(store.folder.iterdir())


@pytest.mark.parametrize(
    "member", ["../evil", "/evil", "a/../../evil", "..\\evil", "C:evil", "nul", "x" * 200]
)
def test_a_zip_file_cannot_write_anywhere_else(store, tmp_path, member):
    path = packed(tmp_path, made(tmp_path))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, "evil")
    with refused(P.UNSAFE_NAME):
        store.install(path)
    assert not list(tmp_path.rglob("*evil*"))


def test_links_and_encrypted_members_of_a_zip_file_are_refused(store, tmp_path):
    path = packed(tmp_path, made(tmp_path))
    link = zipfile.ZipInfo("weights")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/hostname")
    with refused(P.NO_ORDINARY_FILE):
        store.install(path)


def test_a_zip_file_that_swells_is_refused_before_it_is_unpacked(store, tmp_path, monkeypatch):
    monkeypatch.setattr("spinealign.model_store.taking.MOST_BYTES", 10_000)
    folder = made(tmp_path)
    (folder / "zeros").write_bytes(bytes(20_000))
    with refused(P.TOO_LARGE):
        store.install(folder)
    with refused(P.TOO_LARGE):
        store.install(packed(tmp_path, folder))
    assert MOST_BYTES >= 160_000_000  # the report's own network


def sentence_of_refusal(store, source):
    """Install a model beside no shipped ones; why it was refused, or nothing."""
    with pytest.MonkeyPatch.context() as patch:
        for module in MODULES_THAT_LOOK:
            patch.setattr(f"{module}.models_dirs", lambda: (source.parent / "no shipped ones",))
        try:
            store.install(source)
        except ModelStoreError as error:
            return explain(error).sentence
        return ""


@given(data=st.data())
@settings(max_examples=30)
def test_a_damaged_zip_file_is_installed_whole_or_refused(tmp_path_factory, data):
    place = tmp_path_factory.mktemp("damaged")
    content = bytearray(packed(place, made(place)).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (place / "damaged.zip").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    store = ModelStore(place / "profile", trial=lambda folder: None)
    told = sentence_of_refusal(store, place / "damaged.zip")
    left = [path.name for path in store.folder.iterdir()] if store.folder.exists() else []
    if told:
        assert (told[-1], left) == (".", [])
    else:
        assert store.verify(left[0])[0].is_sound


@given(
    entry=st.sampled_from(sorted(classifier_card().to_json())),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
        max_leaves=6,
    ),
)
@settings(max_examples=25)
def test_any_value_in_a_card_is_taken_or_refused_with_a_sentence(tmp_path_factory, entry, value):
    place = tmp_path_factory.mktemp("card")
    folder = made(place)
    try:
        edit_card(folder, **{entry: value})
    except UnicodeEncodeError:
        return
    told = sentence_of_refusal(ModelStore(place / "profile", trial=lambda folder: None), folder)
    assert told[-1:] in ("", ".")


@pytest.mark.parametrize(
    ("name", "is_safe"),
    [("card.json", True), ("a/b/c.txt", True), ("a/b/c/d/e", False), ("..", False), ("", False),
     ("a//b", False), ("a/", False), ("/a", False), ("a\\b", False), ("a:b", False),
     ("Con", False), ("lpt1.txt", False), ("end.", False), ("end ", False), ("-x", False)],
)  # fmt: skip
def test_names_mean_the_same_file_on_every_system(name, is_safe):
    assert is_safe_name(name) is is_safe


# ------------------------------------------------------------------- replaced and removed


def test_another_version_needs_a_word_and_the_same_one_does_not(store, tmp_path):
    folder = made(tmp_path)
    store.install(folder)
    store.install(folder)
    edit_card(folder, version="2")
    with refused(P.OTHER_INSTALLED) as caught:
        store.install(folder)
    assert "(version 1)" in explain(caught.value).sentence
    assert store.install(folder, is_replacing=True).card.version == "2"
    assert [m.name for m in store.listed()] == ["shipped_net", "mine"]


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_replacement_leaves_nothing_of_the_old_one(store, tmp_path, monkeypatch, can_exchange):
    if not can_exchange:
        monkeypatch.setattr("spinealign.files._exchange", lambda one, other: False)
    folder = made(tmp_path)
    (folder / "old.txt").write_text("old")
    store.install(folder)
    (folder / "old.txt").unlink()
    store.install(folder, is_replacing=True)
    assert not (store.folder / "mine" / "old.txt").exists()
    assert [path.name for path in store.folder.iterdir()] == ["mine"]


def test_a_replacement_that_fails_puts_the_old_one_back(tmp_path, monkeypatch):
    monkeypatch.setattr("spinealign.files._exchange", lambda one, other: False)
    new, place = tmp_path / "work" / "new", tmp_path / "place"
    for folder in (new, place):
        folder.mkdir(parents=True)
        (folder / "file").write_text(folder.name)
    rename = Path.rename

    def failing(self, target):
        if self == new:
            raise PermissionError(13, "held by another program")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(PermissionError):
        put_in_place(new, place)
    assert (place / "file").read_text() == "place"


def test_a_chosen_model_that_is_replaced_goes_on_answering_if_it_is_for_the_same(store, tmp_path):
    store.install(made(tmp_path))
    store.choose("mine")
    shutil.rmtree(tmp_path / "from")
    store.install(made(tmp_path, weights=b"better"), is_replacing=True)
    assert answering(store) == ["mine"]
    shutil.rmtree(tmp_path / "from")
    store.install(made(tmp_path, weights=b"third", examinations=[MR]), is_replacing=True)
    assert answering(store) == ["shipped_net"]
    assert answering(store, SPINE_MR) == []


def test_the_name_of_a_shipped_model_is_taken(store, tmp_path):
    with refused(P.NAME_OF_SHIPPED):
        store.install(made(tmp_path), name="shipped_net")


def test_only_installed_models_are_removed_and_their_choice_goes_with_them(store, tmp_path):
    store.install(made(tmp_path))
    store.choose("mine")
    store.remove("mine")
    assert answering(store) == ["shipped_net"]
    assert (store.settings.chosen, list(store.folder.iterdir())) == ((), [])
    with refused(P.NOT_REMOVABLE):
        store.remove("shipped_net")
    with refused(P.NOT_INSTALLED):
        store.remove("../shipped/shipped_net")
    assert (tmp_path / "shipped" / "shipped_net" / "card.json").exists()


def test_of_two_folders_with_the_same_weights_one_is_chosen_and_goes(store, tmp_path):
    store.install(made(tmp_path, weights=b"own"))
    store.install(tmp_path / "from" / "mine", name="again")
    store.choose("mine")
    store.shadow("again")
    flags = {one.name: (one.is_chosen, one.is_shadow) for one in store.listed()}
    assert flags == {
        "shipped_net": (False, False), "mine": (True, False), "again": (False, True),
    }  # fmt: skip
    store.remove("again")
    assert answering(store) == ["mine"]
    assert store.settings.shadows == ()


def test_a_renamed_candidate_is_ended_by_its_name_of_today(store, tmp_path):
    store.install(made(tmp_path, weights=b"own"))
    store.shadow("mine")
    (store.folder / "mine").rename(store.folder / "renamed")
    store.end_shadow("something else")
    assert store.listed()[-1].is_shadow
    store.end_shadow("renamed")
    assert store.settings.shadows == ()


# ------------------------------------------------------------------------------- chosen


def test_a_second_choice_for_a_kind_takes_the_place_of_the_first(store, tmp_path):
    store.install(made(tmp_path, "one", b"1", examinations=[NECK_CT.kind, MR]))
    store.install(made(tmp_path, "two", b"2"))
    store.choose("one")
    store.choose("two")
    assert answering(store) == ["two"]
    assert answering(store, SPINE_MR) == []
    assert [one.name for one in store.settings.chosen] == ["two"]


def test_the_shipped_model_is_chosen_again_for_one_kind_only(store, tmp_path):
    store.install(made(tmp_path, examinations=[NECK_CT.kind, MR]))
    store.choose("mine")
    store.choose_shipped("segmentation")
    assert answering(store) == ["mine"]
    store.choose_shipped("classification", NECK_CT.kind)
    assert answering(store) == ["shipped_net"]
    assert answering(store, SPINE_MR) == ["mine"]


def test_a_renamed_model_folder_answers_on(store, tmp_path):
    store.install(made(tmp_path, weights=b"own"))
    store.choose("mine")
    (store.folder / "mine").rename(store.folder / "renamed")
    assert answering(store) == ["renamed"]


def test_a_chosen_model_that_is_gone_or_exchanged_is_told(store, tmp_path):
    store.install(made(tmp_path, weights=b"own"))
    store.choose("mine")
    shutil.rmtree(store.folder / "mine")
    models = catalog.ModelStore(profile=store.profile)
    assert [one.title for one in models.gone(NECK_CT)] == ["Tiny classifier"]
    assert models.gone(LATERAL_NECK) == ()
    assert answering(store) == ["shipped_net"]
    write_model(store.folder, "mine")  # other weights than those that were chosen
    assert [one.name for one in models.gone(NECK_CT)] == ["mine"]
    assert answering(store) == ["shipped_net"]


def test_a_shipped_model_with_the_weights_of_one_that_is_gone_is_not_the_chosen_one(
    store, tmp_path
):
    store.install(made(tmp_path, threshold=0.1))  # the shipped weights under another card
    store.choose("mine")
    assert catalog.ModelStore(profile=store.profile).gone(NECK_CT) == ()
    shutil.rmtree(store.folder / "mine")
    assert [one.name for one in catalog.ModelStore(profile=store.profile).gone(NECK_CT)] == ["mine"]
    assert answering(store) == ["shipped_net"]
    assert store.choose("shipped_net").is_chosen
    assert catalog.ModelStore(profile=store.profile).gone(NECK_CT) == ()


def test_a_damaged_model_stops_nothing_unless_it_was_chosen(store, tmp_path):
    store.install(made(tmp_path))
    store.choose("mine")
    (store.folder / "mine" / "card.json").write_text("{")
    with pytest.raises(ModelError):
        answering(store)
    store.choose_shipped("classification")
    assert answering(store) == ["shipped_net"]
    catalog.ModelStore(open_engine=lambda w, c: SilentEngine(), profile=store.profile).warm_up()
    (damaged,) = [one for one in store.listed() if one.card is None]
    assert (damaged.name, bool(damaged.card_problem)) == ("mine", True)
    with refused(P.BAD_CARD):
        store.choose("mine")


def own_folder(store, tmp_path, monkeypatch):
    """Let SPINEALIGN_MODELS name a folder beside the shipped one."""
    roots = (tmp_path / "own", tmp_path / "shipped")
    for module in MODULES_THAT_LOOK:
        monkeypatch.setattr(f"{module}.models_dirs", lambda: roots)
    return roots[0]


def test_a_damaged_model_in_a_folder_of_ones_own_costs_itself_alone(store, tmp_path, monkeypatch):
    own = own_folder(store, tmp_path, monkeypatch)
    write_model(own, "good", examinations=[MR])
    edit_card(write_model(own, "bad"), threshold=7)
    assert answering(store) == ["shipped_net"]
    assert answering(store, SPINE_MR) == ["good"]
    models = catalog.ModelStore(
        open_engine=lambda weights, card: SilentEngine(), profile=store.profile
    )
    models.warm_up()
    assert models.damaged() == ("bad",)
    listed = {one.name: one for one in store.listed()}
    assert listed["good"].answers_for == (MR,)
    lines = model_lines([listed["bad"]])
    assert lines[0] == (
        "bad  cannot be used: its card has an impossible or missing value at “threshold”: a number "
        "of at most 1.0 is expected"
    )
    assert lines[-1].strip() == str(own / "bad")
    with pytest.raises(ModelError) as caught:
        catalog.ModelStore(chosen=["bad"], profile=store.profile).find("classification", NECK_CT)
    told = ModelError(caught.value.model, caught.value.problem, caught.value.detail)
    for error in (caught.value, told):  # what comes from another process has lost its cause
        assert explain(error).sentence == (
            "The model “bad” cannot be used (its card has an impossible or missing value at "
            "“threshold”: a number of at most 1.0 is expected)."
        )


def test_a_damaged_shipped_model_is_missed(store, tmp_path):
    edit_card(tmp_path / "shipped" / "shipped_net", threshold=7)
    with pytest.raises(ModelError):
        answering(store)


def test_a_damaged_installed_model_is_no_note_of_results(store, tmp_path):
    store.install(made(tmp_path))
    (store.folder / "mine" / "card.json").write_text("{")
    assert catalog.ModelStore(profile=store.profile).damaged() == ()


# ---------------------------------------------------------------- the status is earned

VALIDATED = ModelStatus.INTERNALLY_VALIDATED


def earned(folder, **changes):
    """Write a card as a training does that earned its status."""
    card = replace(catalog.read_card(folder), status=VALIDATED, **changes)
    catalog.write_card(folder, with_mark(card))
    return folder


def believed(store, name="mine"):
    models = catalog.ModelStore(
        open_engine=lambda weights, card: SilentEngine(), profile=store.profile, chosen=[name]
    )
    statuses = {models.load(name).identity.status, models.chosen[0].status}
    statuses |= {card.status for card in models.cards() if card.name == name}
    (status,) = statuses
    return status


def test_a_status_that_was_typed_by_hand_is_a_demonstration(store, tmp_path):
    found = store.install(made(tmp_path, status=VALIDATED))
    assert (found.card.status, found.stated_status) == (ModelStatus.DEMONSTRATION, VALIDATED)
    assert believed(store) is ModelStatus.DEMONSTRATION
    assert "[demonstration]" in model_lines([found])[0]
    assert "states “internally validated”: that is its maker’s word" in "".join(
        model_lines([found])
    )
    assert "maker’s word" in "".join(installed_lines(found))


def test_a_status_that_a_training_earned_is_believed(store, tmp_path):
    found = store.install(earned(made(tmp_path)))
    assert (found.card.status, found.stated_status) == (VALIDATED, None)
    assert believed(store) is VALIDATED
    assert "maker’s word" not in "".join(model_lines([found]))


@pytest.mark.parametrize(
    "change",
    [
        {"metrics": {"auc": {"value": 0.99, "low": 0.98, "high": 1.0}}},
        {"threshold": 0.3},
        {"positive_class": "normal", "positive_output": "normal"},
        {"examinations": [MR]},
        {"image_kinds": ["frontal_film"]},
        {"status": "externally validated"},
        {"sha256": hashlib.sha256(b"other").hexdigest()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_a_status_rests_on_is_not_changed_by_hand(store, tmp_path, change):
    folder = earned(made(tmp_path))
    edit_card(folder, **change)
    if "sha256" in change:
        (folder / "model.tflite").write_bytes(b"other")
    store.install(folder)
    assert believed(store) is ModelStatus.DEMONSTRATION


def test_other_words_in_a_card_cost_no_status(store, tmp_path):
    folder = earned(made(tmp_path))
    edit_card(folder, title="Another title", licence="CC BY 4.0", intended_use="rounds")
    store.install(folder)
    assert believed(store) is VALIDATED


def test_numbers_as_keys_and_tuples_do_not_change_the_mark(store, tmp_path):
    figures = {2: {"value": 0.5}, 10: (1, 2.5)}
    store.install(earned(made(tmp_path), metrics=figures))
    assert believed(store) is VALIDATED


def test_the_mark_of_an_earlier_training_is_not_kept(tmp_path):
    card = with_mark(replace(classifier_card(), status=VALIDATED))
    assert is_borne_out(card)
    again = with_mark(replace(card, threshold=0.4))
    assert is_borne_out(again)
    assert not is_borne_out(replace(card, threshold=0.4))
    assert "status_mark" not in with_mark(replace(card, status=ModelStatus.DEMONSTRATION)).training


def test_the_word_of_a_signer_counts_once_she_is_trusted(store, tmp_path, key):
    folder = made(tmp_path, status=ModelStatus.EXTERNALLY_VALIDATED)
    sign_folder(folder, opened_key(key))
    make_key(tmp_path / "other")
    store.trust(tmp_path / "other.pub", "Somebody else")
    assert store.install(folder).card.status is ModelStatus.DEMONSTRATION
    store.trust(tmp_path / "key.pub", "Radiology")
    (mine,) = [one for one in store.listed() if one.name == "mine"]
    assert (mine.card.status, mine.stated_status) == (ModelStatus.EXTERNALLY_VALIDATED, None)
    assert believed(store) is ModelStatus.EXTERNALLY_VALIDATED
    store.distrust("Radiology")
    assert believed(store) is ModelStatus.DEMONSTRATION


def test_shipped_models_are_believed(store, tmp_path):
    edit_card(tmp_path / "shipped" / "shipped_net", status=VALIDATED)
    assert believed(store, "shipped_net") is VALIDATED
    assert store.listed()[0].stated_status is None


def test_a_gate_is_chosen_for_every_image_and_never_a_candidate(store, tmp_path):
    folder = made(tmp_path, "gate")
    edit_card(folder, **{**gate_card().to_json(), "name": "gate", "sha256": made_sha256()})
    store.install(folder)
    assert answering(store, None, "view") == []
    assert store.choose("gate").answers_all
    assert answering(store, None, "view") == ["gate"]
    store.choose_shipped("view")
    assert answering(store, None, "view") == []
    with refused(P.NO_EXAMINATION):
        store.shadow("gate")


def test_the_self_test_asks_the_shipped_models_whatever_was_chosen(store, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setenv("SPINEALIGN_PROFILE", str(store.profile))
    monkeypatch.setattr("spinealign.selftest.models_dirs", lambda: (tmp_path / "shipped",))
    monkeypatch.setattr("spinealign.selftest.list_samples", lambda: [])
    monkeypatch.setattr(
        "spinealign.selftest.ModelStore",
        lambda *folders: asked.append(catalog.ModelStore(*folders)) or asked[-1],
    )
    store.install(made(tmp_path))
    store.choose("mine")
    run_self_test(tmp_path, print)
    (models,) = asked
    assert [card.name for card in models.find_all("classification", NECK_CT)] == ["shipped_net"]


def test_a_model_for_no_kind_of_image_is_not_chosen(store, tmp_path):
    store.install(made(tmp_path, examinations=[]))
    with refused(P.NO_EXAMINATION):
        store.choose("mine")


def test_damaged_settings_stop_rather_than_choose_another_model(store, tmp_path):
    store.install(made(tmp_path))
    (store.profile / "model-store.json").write_text("{")
    with refused(P.BAD_SETTINGS):
        answering(store)
    with refused(P.BAD_SETTINGS):
        store.choose("mine")


def test_another_model_in_the_place_of_a_loaded_one_is_loaded_anew(store, tmp_path):
    store.install(made(tmp_path))
    models = catalog.ModelStore(open_engine=lambda w, c: SilentEngine(), profile=store.profile)
    before = models.load("mine")
    assert models.load("mine") is before
    shutil.rmtree(tmp_path / "from")
    store.install(made(tmp_path, weights=b"better", version="2.0"), is_replacing=True)
    assert models.load("mine").card.version == "2.0"


def test_a_candidate_runs_beside_and_never_instead(store, tmp_path):
    store.install(made(tmp_path, weights=b"own"))
    models = catalog.ModelStore(profile=store.profile)
    there = lambda: [card.name for card in models.find_everywhere("classification", NECK_CT)]  # noqa: E731
    assert there() == ["shipped_net", "mine"]
    assert store.shadow("mine").is_shadow
    assert there() == ["shipped_net"]  # of a candidate nobody says that it was not asked
    assert answering(store) == ["shipped_net"]
    (beside,) = catalog.ModelStore(profile=store.profile).shadows(NECK_CT)
    assert [card.name for card in beside.find_all("classification", NECK_CT)] == ["mine"]
    assert catalog.ModelStore(profile=store.profile).shadows(SPINE_MR) == ()
    store.choose("mine")
    assert store.settings.shadows == ()
    with refused(P.ANSWERS_ALREADY):
        store.shadow("mine")


def test_what_cannot_be_compared_does_not_run_in_shadow_and_the_window_says_the_same(
    store, tmp_path
):
    folder = made(tmp_path, "spots")
    told = point_card(examinations=(NECK_CT.kind,), sha256=made_sha256(), name="spots").to_json()
    edit_card(folder, **told)
    assert store.install(folder).card.task == "landmarks"
    with refused(P.NOT_COMPARED) as caught:
        store.shadow("spots")
    assert "named points are not compared beside one another" in explain(caught.value).sentence
    assert store.settings.shadows == ()
    assert set(NOT_IN_SHADOW) == NOT_COMPARED
    assert answering(store, task="landmarks") == []
    assert store.choose("spots").answers_for == (NECK_CT.kind,)
    assert answering(store, task="landmarks") == ["spots"]


# ------------------------------------------------------------------------------- signed


@pytest.fixture
def key(tmp_path):
    make_key(tmp_path / "key")
    return tmp_path / "key"


def test_a_signature_is_unknown_until_its_key_is_trusted(store, tmp_path, key):
    folder = made(tmp_path)
    made_by = sign_folder(folder, opened_key(key))
    found = store.install(folder).signature
    assert (found.state, found.signer) == (SignatureState.UNKNOWN, "")
    assert (
        found.fingerprint == made_by.fingerprint == fingerprint(public_key_of(tmp_path / "key.pub"))
    )
    store.trust(tmp_path / "key.pub", "Radiology")
    listed = store.listed()[-1].signature
    assert (listed.state, listed.signer) == (SignatureState.TRUSTED, "Radiology")
    store.distrust("Radiology")
    assert store.listed()[-1].signature.state is SignatureState.UNKNOWN
    with refused(P.NO_SIGNER):
        store.distrust("Radiology")


def test_a_signed_model_with_another_threshold_is_refused_however_it_is_listed(
    store, tmp_path, key
):
    folder = made(tmp_path)
    sign_folder(folder, opened_key(key))
    kept = (folder / SIGNATURE).read_bytes()
    edit_card(folder, threshold=0.9)
    with refused(P.FILE_CHANGED):
        store.install(folder)
    write_checksums(folder)
    assert not (folder / SIGNATURE).exists()
    (folder / SIGNATURE).write_bytes(kept)
    with refused(P.SIGNATURE_BROKEN):
        store.install(folder)


def test_what_was_changed_after_it_was_signed_does_not_answer(store, tmp_path, key):
    folder = made(tmp_path)
    sign_folder(folder, opened_key(key))
    store.install(folder)
    store.choose("mine")
    models = catalog.ModelStore(
        open_engine=lambda weights, card: SilentEngine(), profile=store.profile
    )
    assert models.load("mine").card.threshold != 0.9
    here = store.folder / "mine"
    kept = (here / SIGNATURE).read_bytes()
    edit_card(here, threshold=0.9)
    write_checksums(here)  # whoever changes a card can list it anew, but not sign it
    (here / SIGNATURE).write_bytes(kept)
    with pytest.raises(ModelError) as caught:
        models.load("mine")
    assert caught.value.problem is ModelProblem.WRONG_SIGNATURE
    assert "after it was signed" in explain(caught.value).sentence
    (here / SIGNATURE).write_bytes(b"{}")
    with pytest.raises(ModelError, match="wrong_signature"):
        models.load("mine")


def test_a_key_with_a_passphrase_signs_with_it_only(tmp_path):
    words = "several words of mine"
    make_key(tmp_path / "key", words)
    asked = []

    def ask(path):
        asked.append(path)
        return words

    content = (tmp_path / "key").read_bytes()
    assert b"ENCRYPTED PRIVATE KEY" in content
    opened = opened_key(tmp_path / "key", ask)
    assert opened.public_key().public_bytes_raw() == public_key_of(tmp_path / "key.pub")
    assert asked == [tmp_path / "key"]
    with refused(P.KEY_LOCKED):
        opened_key(tmp_path / "key")
    with refused(P.WRONG_PASSPHRASE):
        opened_key(tmp_path / "key", lambda _: "other words of mine")
    (tmp_path / "key").write_bytes(content.replace(b"\n", b"\nx", 2))
    with refused(P.WRONG_PASSPHRASE):
        opened_key(tmp_path / "key", ask)


def test_a_key_without_a_passphrase_asks_for_none(tmp_path, key):
    opened_key(key, lambda _: pytest.fail("asked for a passphrase"))


def test_a_short_passphrase_makes_no_key(tmp_path):
    with refused(P.SHORT_PASSPHRASE):
        make_key(tmp_path / "key", "eleven char")
    assert list(tmp_path.iterdir()) == []
    make_key(tmp_path / "key", "twelve chars")


def test_passphrases_come_from_a_prompt_or_a_file(tmp_path, monkeypatch, capsys):
    import io

    from spinealign.cli.main import run_command

    def run(*words, typed=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = run_command(["models", *words])
        told = capsys.readouterr()
        return code, told.out + told.err

    key, folder, file = tmp_path / "key", made(tmp_path), tmp_path / "pass"
    code, told = run("new-key", str(key), typed="several words of mine\n")
    assert (code, "its passphrase" in told) == (0, True)
    file.write_text("several words of mine\n")
    sign = ("sign", str(folder), "--key", str(key))
    assert run(*sign)[0] == 1
    assert not (folder / SIGNATURE).exists()
    assert run(*sign, typed="several words of mine\n")[0] == 0
    assert run(*sign, "--passphrase-file", str(file))[0] == 0
    assert "no passphrase" in run("new-key", str(tmp_path / "plain"))[1]
    assert run("new-key", str(tmp_path / "other"), "--passphrase-file", str(file))[0] == 0
    assert b"ENCRYPTED" in (tmp_path / "other").read_bytes()


def test_a_signature_of_another_key_under_a_trusted_name_is_broken(store, tmp_path, key):
    folder = made(tmp_path)
    sign_folder(folder, opened_key(key))
    make_key(tmp_path / "other")
    told = json.loads((folder / SIGNATURE).read_text())
    told["public_key"] = public_key_of(tmp_path / "other.pub").hex()
    (folder / SIGNATURE).write_text(json.dumps(told))
    store.trust(tmp_path / "other.pub", "Radiology")
    with refused(P.SIGNATURE_BROKEN):
        store.install(folder)


def test_a_key_is_private_and_never_written_over(tmp_path, key):
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    with refused(P.KEY_EXISTS):
        make_key(key)
    key.unlink()
    with refused(P.KEY_EXISTS):
        make_key(key)
    assert not key.exists()
    assert b"PRIVATE" in before
    assert b"PRIVATE" not in (tmp_path / "key.pub").read_bytes()


@pytest.mark.parametrize("content", [b"", b"nonsense", bytes(20_000)])
def test_what_is_no_key_is_refused(store, tmp_path, key, content):
    (tmp_path / "bad").write_bytes(content)
    with refused(P.NO_KEY):
        opened_key(tmp_path / "bad")
    with refused(P.NO_KEY):
        store.trust(tmp_path / "bad", "Nobody")
    with refused(P.NO_KEY):  # the public one does not sign, the private one is not to be given away
        opened_key(tmp_path / "key.pub")
    with refused(P.NO_KEY):
        store.trust(key, "Nobody")


def test_a_key_is_trusted_once_under_one_name(store, tmp_path, key):
    store.trust(tmp_path / "key.pub", "Radiology")
    with refused(P.KEY_TRUSTED):
        store.trust(tmp_path / "key.pub", "Somebody else")
    make_key(tmp_path / "other")
    with refused(P.KEY_TRUSTED):
        store.trust(tmp_path / "other.pub", "Radiology")


def test_verifying_names_each_broken_file(store, tmp_path):
    folder = made(tmp_path)
    (folder / "notes.txt").write_text("n")
    store.install(folder)
    installed = store.folder / "mine"
    (installed / "notes.txt").unlink()
    (installed / "added.txt").write_text("a")
    (installed / "model.tflite").write_bytes(b"other")
    (verified,) = store.verify("mine")
    assert {(b.name, b.state) for b in verified.files} == {
        ("notes.txt", FileState.MISSING),
        ("added.txt", FileState.UNLISTED),
        ("model.tflite", FileState.CHANGED),
    }
    assert [one.is_sound for one in store.verify()] == [True, False]


def test_files_of_a_file_manager_belong_to_no_model(store, tmp_path):
    folder = made(tmp_path)
    (folder / ".DS_Store").write_bytes(b"x")
    store.install(folder)
    assert {p.name for p in (store.folder / "mine").iterdir()} == {
        "card.json", "model.tflite", CHECKSUMS,
    }  # fmt: skip
    (store.folder / "mine" / ".DS_Store").write_bytes(b"x")
    assert store.verify("mine")[0].is_sound


def test_the_list_of_checksums_is_the_one_that_sha256sum_checks(store, tmp_path):
    folder = made(tmp_path)
    write_checksums(folder)
    lines = (folder / CHECKSUMS).read_text().splitlines()
    assert lines == [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}"
        for name in ("card.json", "model.tflite")
    ]
