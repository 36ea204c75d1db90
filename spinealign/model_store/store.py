"""The models of a profile: listed, installed, checked, chosen, taken away."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from spinealign.domain.examination import ExaminationKind, ImageKind, Task
from spinealign.domain.model_card import ModelCard
from spinealign.domain.model_store import (
    NOT_COMPARED,
    ChosenModel,
    ListedModel,
    ModelChange,
    ModelEvent,
    ModelStoreError,
    StoreProblem,
    StoreSettings,
    TrustedSigner,
    Verified,
)
from spinealign.domain.paths import profile_dir
from spinealign.files import working_folder
from spinealign.inference.choices import change_settings
from spinealign.model_store.installing import Installation
from spinealign.model_store.listing import Listing, as_candidate, as_chosen, place_of
from spinealign.model_store.signing import fingerprint, public_key_of
from spinealign.model_store.taking import Tell, silent
from spinealign.model_store.trial import Trial, tried_apart
from spinealign.model_store.watching import Unwatched, Watch
from spinealign.wording.model_manager import NOT_IN_SHADOW


class ModelStore:
    """What a person does with models.

    Parameters
    ----------
    profile : Path, optional
        Where installed models and choices are kept. Defaults to the user's.
    trial : callable, optional
        Runs a network once before it is installed; in a process of its own by default.
    watch : Watch, optional
        Says who may change models, and writes down that they did. Nobody by default.
    """

    def __init__(
        self,
        profile: Path | None = None,
        trial: Trial | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.profile = profile_dir() if profile is None else profile
        self._listing = Listing(self.profile)
        self.folder = self._listing.folder
        self._watch: Watch = Unwatched() if watch is None else watch
        self._installation = Installation(
            self._listing, tried_apart if trial is None else trial, self._watch
        )

    @property
    def settings(self) -> StoreSettings:
        """What the profile keeps about models.

        Raises
        ------
        ModelStoreError
            BAD_SETTINGS.
        """
        return self._listing.settings

    def listed(self) -> tuple[ListedModel, ...]:
        """Return all models that are there, damaged ones too: first the shipped ones, by name."""
        return self._listing.listed()

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
        SpineAlignError
            Of `watch`, here and in all that changes something: it is not allowed, or cannot be
            written down.
        """
        self._watch.require()
        return self._listing.named(self._installation.run(source, name, is_replacing, tell))

    def remove(self, name: str) -> None:
        """Take a model away that was installed; those it stood for answer again.

        Raises
        ------
        ModelStoreError
            NOT_INSTALLED, NOT_REMOVABLE: it is shipped, or lies in a folder of the user's own.
        """
        self._watch.require()
        listed = self._listing.named(name)
        if not listed.can_be_removed:
            raise ModelStoreError(StoreProblem.NOT_REMOVABLE, name)
        card = listed.card
        removal = (
            ModelEvent(ModelChange.REMOVED, name) if card is None
            else _event(ModelChange.REMOVED, card)
        )  # fmt: skip
        models = self._listing.catalog()
        gone = {
            one
            for one in (*self.settings.chosen, *self.settings.shadows)
            if place_of(one, models) == listed.folder
        }
        with self._watch.recorded(removal):
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
        return self._listing.verify(name)

    def choose(self, name: str) -> ListedModel:
        """Let a model answer for its task on the images that its card names.

        Of those that no examination is of, such as frontal films, it alone is asked from then on.

        One that was chosen before for any of these steps back.

        Raises
        ------
        ModelStoreError
            It is not there, damaged, or its card names no images that it could be asked of.
        """
        card = self._listing.choosable(name)
        chosen = as_chosen(card)

        def change(now: StoreSettings) -> StoreSettings:
            others = tuple(one for one in now.chosen if not one.shares_images_with(chosen))
            shadows = tuple(one for one in now.shadows if one.sha256 != chosen.sha256)
            return replace(now, chosen=(*others, chosen), shadows=shadows)

        self._change(_event(ModelChange.CHOSEN, card), change)
        return self._listing.named(name)

    def choose_shipped(self, task: Task, kind: ExaminationKind | ImageKind | None = None) -> None:
        """Let the shipped models answer again for a task, on images of one kind or on all.

        Of a kind that no examination is of, nothing is asked then.
        """

        def left(one: ChosenModel) -> ChosenModel | None:
            if one.task != task:
                return one
            return None if kind is None else one.without(kind)

        def change(now: StoreSettings) -> StoreSettings:
            kept = map(left, now.chosen)
            return replace(now, chosen=tuple(one for one in kept if one is not None))

        what = task if kind is None else f"{task}, {kind.value}"
        self._change(ModelEvent(ModelChange.SHIPPED_CHOSEN, what), change)

    def shadow(self, name: str) -> ListedModel:
        """Have a candidate run beside what answers; only its differences are told.

        Another candidate for the same task on the same kinds steps back.

        Raises
        ------
        ModelStoreError
            It is not there, damaged, names no examination, answers already, or its task is one
            whose answers are not compared.
        """
        card = self._listing.choosable(name)
        candidate = as_candidate(card)
        if not candidate.examinations:
            raise ModelStoreError(StoreProblem.NO_EXAMINATION, name)
        if card.task in NOT_COMPARED:
            why = NOT_IN_SHADOW[card.task]
            raise ModelStoreError(StoreProblem.NOT_COMPARED, name, why[0].lower() + why[1:])
        if self._listing.named(name).answers:
            raise ModelStoreError(StoreProblem.ANSWERS_ALREADY, name)

        def change(now: StoreSettings) -> StoreSettings:
            others = tuple(one for one in now.shadows if not one.shares_images_with(candidate))
            return replace(now, shadows=(*others, candidate))

        self._change(_event(ModelChange.SHADOW_BEGUN, card), change)
        return self._listing.named(name)

    def end_use(self, name: str) -> ListedModel | None:
        """Let a model that was chosen answer no more, on any images.

        Those that it stood for answer again; of images that no examination is of, none is asked.

        Parameters
        ----------
        name : str
            Of a model, or of one that was chosen and is gone.

        Returns
        -------
        ListedModel or None
            As it is listed then; None of a model that is gone.

        Raises
        ------
        ModelStoreError
            NOT_CHOSEN.
        """
        is_other = self._is_other(name)
        if all(map(is_other, self.settings.chosen)):
            raise ModelStoreError(StoreProblem.NOT_CHOSEN, name)
        self._change(
            ModelEvent(ModelChange.CHOSEN_NO_MORE, name),
            lambda now: replace(now, chosen=tuple(filter(is_other, now.chosen))),
        )
        return next((one for one in self.listed() if one.name == name), None)

    def end_shadow(self, name: str) -> None:
        """Have a candidate run no more."""
        is_other = self._is_other(name)
        self._change(
            ModelEvent(ModelChange.SHADOW_ENDED, name),
            lambda now: replace(now, shadows=tuple(filter(is_other, now.shadows))),
        )

    def _is_other(self, name: str) -> Callable[[ChosenModel], bool]:
        """Return what tells whether a choice is of another model, whatever that was called then."""
        models = self._listing.catalog()
        folder = models.folder_of(name)

        def is_other(one: ChosenModel) -> bool:
            return one.name != name and (folder is None or place_of(one, models) != folder)

        return is_other

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

        known = fingerprint(bytes.fromhex(signer.public_key))
        self._change(ModelEvent(ModelChange.SIGNER_TRUSTED, name, mark=known), change)
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

        self._change(ModelEvent(ModelChange.SIGNER_DISTRUSTED, name), change)

    def _change(self, event: ModelEvent, change: Callable[[StoreSettings], StoreSettings]) -> None:
        """Change what the profile keeps, once that is written down."""
        with self._watch.recorded(event):
            change_settings(self.profile, change)


def _event(change: ModelChange, card: ModelCard) -> ModelEvent:
    return ModelEvent(change, card.name, card.version, card.sha256)


def _without(now: StoreSettings, gone: Collection[ChosenModel]) -> StoreSettings:
    return replace(
        now,
        chosen=tuple(one for one in now.chosen if one not in gone),
        shadows=tuple(one for one in now.shadows if one not in gone),
    )
