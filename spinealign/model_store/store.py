"""The models of a profile: listed, installed, checked, chosen, taken away."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from spinealign.domain.errors import ModelError
from spinealign.domain.examination import EXAMINATIONS, ExaminationKind, Task
from spinealign.domain.model_card import ModelCard
from spinealign.domain.model_store import (
    BrokenFile,
    ChosenModel,
    FileState,
    ListedModel,
    ModelPlace,
    ModelStoreError,
    Signature,
    SignatureState,
    StoreProblem,
    StoreSettings,
    TrustedSigner,
    Verified,
)
from spinealign.domain.paths import models_dirs, profile_dir
from spinealign.files import clear_unfinished, put_in_place, working_folder
from spinealign.inference import catalog
from spinealign.inference.checksums import (
    CARD,
    CHECKSUMS,
    broken_files,
    file_sha256,
    is_card_as_listed,
    is_safe_name,
    read_checksums,
    write_checksums,
)
from spinealign.inference.choices import INSTALLED, change_settings, read_settings
from spinealign.json_files import JsonError, read_json
from spinealign.model_store.signing import public_key_of, signature_of
from spinealign.model_store.taking import Tell, copied, opened_source, silent
from spinealign.model_store.trial import Trial, tried_apart
from spinealign.wording.model_store import CARD_CHANGED, card_problem_text, trial_problem_text

_STATES = {
    FileState.CHANGED: StoreProblem.FILE_CHANGED,
    FileState.MISSING: StoreProblem.FILE_MISSING,
    FileState.UNLISTED: StoreProblem.FILE_UNLISTED,
    FileState.NO_FILE: StoreProblem.NO_ORDINARY_FILE,
}


class ModelStore:
    """What a person does with models.

    Parameters
    ----------
    profile : Path, optional
        Where installed models and choices are kept. Defaults to the user's.
    trial : callable
        Runs a network once before it is installed.
    """

    def __init__(self, profile: Path | None = None, trial: Trial = tried_apart) -> None:
        self.profile = profile_dir() if profile is None else profile
        self.folder = self.profile / INSTALLED
        self._trial = trial

    @property
    def settings(self) -> StoreSettings:
        """What the profile keeps about models.

        Raises
        ------
        ModelStoreError
            BAD_SETTINGS.
        """
        return read_settings(self.profile)

    def listed(self) -> tuple[ListedModel, ...]:
        """Return all models that are there, damaged ones too: first the shipped ones, by name."""
        settings = self.settings
        folders = self._folders()
        found = [self._listed(place, folder, settings) for place, folder in folders]
        sound = self._catalog() if all(_is_readable(one) for one in found) else None
        if sound is not None:
            found = [_with_choices(one, settings, sound) for one in found]
        return tuple(_with_answers(one, sound) for one in sorted(found, key=_order))

    def install(
        self,
        source: Path,
        *,
        name: str | None = None,
        is_replacing: bool = False,
        tell: Tell = silent,
    ) -> ListedModel:
        """Copy a model folder, or one packed as zip, into the profile, once it is found sound.

        Parameters
        ----------
        source : Path
        name : str, optional
            What it is called here. Defaults to the name in its card.
        is_replacing : bool
            Whether another model of that name that was installed before may go.
        tell : callable
            Handed which part is copied, 0..1, again and again until it is in its place; what it
            raises ends the installation, and nothing is installed.

        Returns
        -------
        ListedModel
            It does not answer until `choose` is called, unless it takes the place of one that does.

        Raises
        ------
        ModelStoreError
            It is refused; what is there stays as it is.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            clear_unfinished(self.folder)
            with working_folder(self.folder) as working:
                return self._installed(source, working, name, is_replacing, tell)
        except OSError as error:
            raise ModelStoreError(
                StoreProblem.NOT_WRITABLE, str(self.folder), error.strerror or ""
            ) from error

    def remove(self, name: str) -> None:
        """Take a model away that was installed; those it stood for answer again.

        Raises
        ------
        ModelStoreError
            NOT_INSTALLED, NOT_REMOVABLE: it is shipped, or lies in a folder of the user's own.
        """
        listed = self._named(name)
        if not listed.can_be_removed:
            raise ModelStoreError(StoreProblem.NOT_REMOVABLE, name)
        models = self._catalog()
        gone = {
            one
            for one in (*self.settings.chosen, *self.settings.shadows)
            if _place_of(one, models) == listed.folder
        }
        try:
            with working_folder(self.folder) as working:
                listed.folder.rename(working / "removed")
        except OSError as error:
            raise ModelStoreError(
                StoreProblem.NOT_WRITABLE, str(listed.folder), error.strerror or ""
            ) from error
        change_settings(self.profile, lambda now: _without(now, gone))

    def verify(self, name: str | None = None) -> tuple[Verified, ...]:
        """Compare every file of one model, or of all, with its checksum, and check signatures.

        Raises
        ------
        ModelStoreError
            NOT_INSTALLED: there is no model of that name.
        """
        wanted = self.listed() if name is None else (self._named(name),)
        return tuple(_verified(one) for one in wanted)

    def choose(self, name: str) -> ListedModel:
        """Let a model answer for its task on the kinds of examination that its card names.

        One that was chosen before for any of these steps back.

        Raises
        ------
        ModelStoreError
            It is not there, damaged, or its card names no examination.
        """
        chosen = self._choosable(name)

        def change(now: StoreSettings) -> StoreSettings:
            others = tuple(one for one in now.chosen if not _overlap(one, chosen))
            shadows = tuple(one for one in now.shadows if one.sha256 != chosen.sha256)
            return replace(now, chosen=(*others, chosen), shadows=shadows)

        change_settings(self.profile, change)
        return self._named(name)

    def choose_shipped(self, task: Task, kind: ExaminationKind | None = None) -> None:
        """Let the shipped models answer again for a task, on one kind of examination or on all."""

        def change(now: StoreSettings) -> StoreSettings:
            kept = (_without_kind(one, kind) if one.task == task else one for one in now.chosen)
            return replace(now, chosen=tuple(one for one in kept if one is not None))

        change_settings(self.profile, change)

    def shadow(self, name: str) -> ListedModel:
        """Have a candidate run beside what answers; only its differences are told.

        Another candidate for the same task on the same kinds steps back.

        Raises
        ------
        ModelStoreError
            It is not there, damaged, names no examination, or answers already.
        """
        candidate = self._choosable(name)
        if not candidate.examinations:
            raise ModelStoreError(StoreProblem.NO_EXAMINATION, name)
        if self._named(name).answers:
            raise ModelStoreError(StoreProblem.ANSWERS_ALREADY, name)

        def change(now: StoreSettings) -> StoreSettings:
            others = tuple(one for one in now.shadows if not _overlap(one, candidate))
            return replace(now, shadows=(*others, candidate))

        change_settings(self.profile, change)
        return self._named(name)

    def end_shadow(self, name: str) -> None:
        """Have a candidate run no more."""
        models = self._catalog()
        folder = models.folder_of(name)

        def is_other(one: ChosenModel) -> bool:
            return one.name != name and (folder is None or _place_of(one, models) != folder)

        change_settings(
            self.profile,
            lambda now: replace(now, shadows=tuple(filter(is_other, now.shadows))),
        )

    def trust(self, public_key: Path, name: str) -> TrustedSigner:
        """Trust what the owner of a public key signs.

        Raises
        ------
        ModelStoreError
            NO_KEY; KEY_TRUSTED: the name or the key stands in the list already.
        """
        signer = TrustedSigner(name, public_key_of(public_key).hex())

        def change(now: StoreSettings) -> StoreSettings:
            for one in now.trusted:
                if one.name == name or one.public_key == signer.public_key:
                    raise ModelStoreError(StoreProblem.KEY_TRUSTED, one.name)
            return replace(now, trusted=(*now.trusted, signer))

        change_settings(self.profile, change)
        return signer

    def distrust(self, name: str) -> None:
        """Trust a signer no more.

        Raises
        ------
        ModelStoreError
            NO_SIGNER: nobody of that name is trusted.
        """

        def change(now: StoreSettings) -> StoreSettings:
            kept = tuple(one for one in now.trusted if one.name != name)
            if len(kept) == len(now.trusted):
                raise ModelStoreError(StoreProblem.NO_SIGNER, name)
            return replace(now, trusted=kept)

        change_settings(self.profile, change)

    def _installed(
        self, source: Path, working: Path, name: str | None, is_replacing: bool, tell: Tell
    ) -> ListedModel:
        copy = working / "model"
        copy.mkdir()
        with opened_source(source) as files:
            copied(files, copy, source.name, tell)
        tell(1.0)
        card = _read_whole_card(copy, source.name)
        name = card.name if name is None else name
        if not is_safe_name(name) or "/" in name:
            raise ModelStoreError(StoreProblem.UNSAFE_NAME, source.name, name[:100])
        self._require_sound(copy, source.name)
        place = self._place_for(name, copy, is_replacing)
        problem = self._trial(copy)
        tell(1.0)
        if problem is not None:
            told = trial_problem_text(problem.value)
            raise ModelStoreError(StoreProblem.NETWORK_FAILED, source.name, told)
        before = _identity(place)
        put_in_place(copy, place)
        if before is not None:
            self._follow(before, place)
        return self._named(name)

    def _require_sound(self, copy: Path, name: str) -> None:
        """Refuse a copy whose files or signature are not what they say; list unlisted ones."""
        try:
            listed = read_checksums(copy)
        except (ValueError, JsonError) as error:
            raise ModelStoreError(StoreProblem.BAD_CHECKSUMS, name) from error
        signature = signature_of(copy, self.settings.trusted)
        if signature.state is SignatureState.BROKEN:
            raise ModelStoreError(StoreProblem.SIGNATURE_BROKEN, name)
        for broken in () if listed is None else broken_files(copy, listed):
            raise ModelStoreError(_STATES[broken.state], name, broken.name)
        for broken in _of_card(copy, catalog.read_card(copy)):
            raise ModelStoreError(_STATES[broken.state], name, broken.name)
        if listed is None:
            write_checksums(copy)

    def _place_for(self, name: str, copy: Path, is_replacing: bool) -> Path:
        """Return where a model goes; refuse the name of one that stays."""
        for root in models_dirs():
            if (root / name).exists():
                raise ModelStoreError(StoreProblem.NAME_OF_SHIPPED, name)
        folded = name.casefold()
        alike = [one for one in self.folder.iterdir() if one.name.casefold() == folded]
        place = alike[0] if alike else self.folder / name
        is_same = bool(alike) and _content(place) == _content(copy)
        if alike and not (is_replacing or is_same):
            before = _identity(place)
            raise ModelStoreError(
                StoreProblem.OTHER_INSTALLED, name, "" if before is None else before.version
            )
        return place

    def _follow(self, before: ModelCard, place: Path) -> None:
        """Keep choices of a model that another took the place of, where it serves the same."""
        card = catalog.read_card(place)

        def followed(one: ChosenModel) -> ChosenModel | None:
            if one.sha256 != before.sha256:
                return one
            new = _as_chosen(card)
            return new if new.task == one.task and new.examinations == one.examinations else None

        def change(now: StoreSettings) -> StoreSettings:
            chosen = [followed(one) for one in now.chosen]
            shadows = [followed(one) for one in now.shadows]
            return replace(
                now,
                chosen=tuple(one for one in chosen if one is not None),
                shadows=tuple(one for one in shadows if one is not None),
            )

        change_settings(self.profile, change)

    def _choosable(self, name: str) -> ChosenModel:
        listed = self._named(name)
        verified = _verified(listed)
        if listed.card is None:
            raise ModelStoreError(StoreProblem.BAD_CARD, name, listed.card_problem)
        if verified.signature.state is SignatureState.BROKEN:
            raise ModelStoreError(StoreProblem.SIGNATURE_BROKEN, name)
        for broken in verified.files:
            raise ModelStoreError(_STATES[broken.state], name, broken.name)
        if not listed.card.examinations and listed.card.task != "view":
            raise ModelStoreError(StoreProblem.NO_EXAMINATION, name)
        return _as_chosen(listed.card)

    def _named(self, name: str) -> ListedModel:
        for one in self.listed():
            if one.name == name:
                return one
        raise ModelStoreError(StoreProblem.NOT_INSTALLED, name)

    def _catalog(self) -> catalog.ModelStore:
        return catalog.ModelStore(profile=self.profile)

    def _folders(self) -> Sequence[tuple[ModelPlace, Path]]:
        roots = models_dirs()
        places = [(ModelPlace.SHIPPED, roots[-1])]
        places += [(ModelPlace.NAMED_FOLDER, root) for root in roots[:-1]]
        places += [(ModelPlace.INSTALLED, self.folder)]
        return [
            (place, card.parent)
            for place, root in places
            for card in sorted(root.glob(f"*/{CARD}"))
            if not card.parent.name.startswith(".")
        ]

    def _listed(self, place: ModelPlace, folder: Path, settings: StoreSettings) -> ListedModel:
        card, problem = None, ""
        try:
            card = catalog.read_card(folder)
        except ModelError as error:
            problem = card_problem_text(error.__cause__, error.detail)
        is_shipped = place is ModelPlace.SHIPPED
        signature = (
            Signature(SignatureState.SHIPPED) if is_shipped
            else signature_of(folder, settings.trusted)
        )  # fmt: skip
        if card is not None and not is_card_as_listed(folder):
            problem = CARD_CHANGED
            if signature.state is not SignatureState.UNSIGNED:
                signature = replace(signature, state=SignatureState.BROKEN, signer="")
        return ListedModel(folder.name, place, folder, card, problem, signature)


def _order(one: ListedModel) -> tuple[int, str]:
    return list(ModelPlace).index(one.place), one.name


def _is_readable(one: ListedModel) -> bool:
    """Whether a model lets others answer: a damaged one that was only installed does."""
    return one.card is not None or one.place is ModelPlace.INSTALLED


def _with_choices(
    one: ListedModel, settings: StoreSettings, models: catalog.ModelStore
) -> ListedModel:
    """Add whether a person chose a model, or registered it as a candidate."""

    def is_among(chosen: Sequence[ChosenModel]) -> bool:
        return any(_place_of(each, models) == one.folder for each in chosen)

    return replace(one, is_chosen=is_among(settings.chosen), is_shadow=is_among(settings.shadows))


def _place_of(chosen: ChosenModel, models: catalog.ModelStore) -> Path | None:
    """Return the folder that a choice means, the damaged one of that name too."""
    try:
        return models.place_of(chosen)
    except ModelError:
        return models.folder_of(chosen.name)


def _with_answers(one: ListedModel, models: catalog.ModelStore | None) -> ListedModel:
    """Add which kinds of examination a model is asked for."""
    if one.card is None or models is None or models.folder_of(one.name) != one.folder:
        return one
    try:
        kinds = tuple(
            kind
            for kind in one.card.examinations
            if one.card.task in EXAMINATIONS[kind].tasks
            and one.name in {c.name for c in models.find_all(one.card.task, EXAMINATIONS[kind])}
        )
        is_gate = one.card.task == "view"
        answers_all = is_gate and models.find("view") == one.card
    except ModelError:
        return one
    return replace(one, answers_for=kinds, answers_all=answers_all)


def _as_chosen(card: ModelCard) -> ChosenModel:
    return ChosenModel(card.name, card.title, card.sha256, card.task, card.examinations)


def _overlap(one: ChosenModel, other: ChosenModel) -> bool:
    """Whether two models are chosen for a task on a kind of examination that both serve."""
    if one.task != other.task:
        return False
    if not one.examinations and not other.examinations:
        return True
    return bool({*one.examinations} & {*other.examinations})


def _without(now: StoreSettings, gone: Collection[ChosenModel]) -> StoreSettings:
    return replace(
        now,
        chosen=tuple(one for one in now.chosen if one not in gone),
        shadows=tuple(one for one in now.shadows if one not in gone),
    )


def _without_kind(one: ChosenModel, kind: ExaminationKind | None) -> ChosenModel | None:
    left = () if kind is None else tuple(other for other in one.examinations if other is not kind)
    return replace(one, examinations=left) if left else None


def _read_whole_card(folder: Path, name: str) -> ModelCard:
    """Read the card of a copy as it stands there, with the name that its maker gave it."""
    try:
        values = read_json(folder / CARD, dict)
        return ModelCard.from_json(values)
    except ValueError as error:
        raise ModelStoreError(StoreProblem.BAD_CARD, name, card_problem_text(error)) from error


def _identity(folder: Path) -> ModelCard | None:
    try:
        return catalog.read_card(folder)
    except ModelError:
        return None


def _content(folder: Path) -> tuple[str, str] | None:
    """Return what tells two model folders apart: their cards and the weights that these name."""
    card = _identity(folder)
    return None if card is None else (file_sha256(folder / CARD), card.sha256)


def _verified(one: ListedModel) -> Verified:
    if one.card is None:
        return Verified(one.name, (), one.signature, one.card_problem)
    try:
        listed = read_checksums(one.folder)
    except (ValueError, JsonError, OSError):
        return Verified(one.name, (BrokenFile(CHECKSUMS, FileState.CHANGED),), one.signature)
    files = () if listed is None else broken_files(one.folder, listed)
    told = {broken.name for broken in files}
    of_card = tuple(b for b in _of_card(one.folder, one.card) if b.name not in told)
    return Verified(one.name, (*files, *of_card), one.signature)


def _of_card(folder: Path, card: ModelCard) -> tuple[BrokenFile, ...]:
    """Return the weights if they are not those of the card."""
    weights = folder / card.weights
    if not weights.is_file():
        return (BrokenFile(card.weights, FileState.MISSING),)
    is_same = file_sha256(weights) == card.sha256
    return () if is_same else (BrokenFile(card.weights, FileState.CHANGED),)
