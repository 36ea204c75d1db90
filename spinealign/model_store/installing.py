"""A model is copied, looked through, tried and put in its place, or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from spinealign.domain.errors import ModelError
from spinealign.domain.model_card import ModelCard
from spinealign.domain.model_store import (
    ChosenModel,
    ModelChange,
    ModelEvent,
    ModelStoreError,
    SignatureState,
    StoreProblem,
    StoreSettings,
)
from spinealign.domain.paths import models_dirs
from spinealign.files import clear_unfinished, put_in_place, working_folder
from spinealign.inference import catalog
from spinealign.inference.checksums import (
    CARD,
    broken_files,
    file_sha256,
    is_safe_name,
    read_checksums,
    write_checksums,
)
from spinealign.inference.choices import change_settings
from spinealign.json_files import JsonError, read_json
from spinealign.model_store.listing import STATES, Listing, as_candidate, as_chosen, of_card
from spinealign.model_store.signing import signature_of
from spinealign.model_store.taking import Tell, copied, opened_source
from spinealign.model_store.trial import Trial
from spinealign.model_store.watching import Watch
from spinealign.wording.model_store import card_problem_text, trial_problem_text


class Installation:
    """Takes models into a profile.

    Parameters
    ----------
    listing : Listing
        Of the profile.
    trial : callable
        Runs a network once before it is put in its place.
    watch : Watch
        Asked before, told before it is put in its place.
    """

    def __init__(self, listing: Listing, trial: Trial, watch: Watch) -> None:
        self._listing, self._trial, self._watch = listing, trial, watch

    def run(self, source: Path, name: str | None, is_replacing: bool, tell: Tell) -> str:
        """Copy a model folder, or one packed as zip, into the profile; see `ModelStore.install`.

        Returns
        -------
        str
            What it is called there.
        """
        folder = self._listing.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            clear_unfinished(folder)
            with working_folder(folder) as working:
                copy = working / "model"
                copy.mkdir()
                with opened_source(source) as files:
                    copied(files, copy, source.name, tell)
                tell(1.0)
                return self._checked_and_placed(copy, source.name, name, is_replacing, tell)
        except OSError as error:
            raise ModelStoreError(
                StoreProblem.NOT_WRITABLE, str(folder), error.strerror or ""
            ) from error

    def _checked_and_placed(
        self, copy: Path, source: str, name: str | None, is_replacing: bool, tell: Tell
    ) -> str:
        card = _read_whole_card(copy, source)
        name = card.name if name is None else name
        if not is_safe_name(name) or "/" in name:
            raise ModelStoreError(StoreProblem.UNSAFE_NAME, source, name[:100])
        self._require_sound(copy, source)
        place = self._place_for(name, copy, is_replacing)
        problem = self._trial(copy)
        tell(1.0)
        if problem is not None:
            told = trial_problem_text(problem.value)
            raise ModelStoreError(StoreProblem.NETWORK_FAILED, source, told)
        before = _identity(place)
        change = ModelChange.REPLACED if place.exists() else ModelChange.INSTALLED
        with self._watch.recorded(ModelEvent(change, place.name, card.version, card.sha256)):
            put_in_place(copy, place)
            if before is not None:
                self._follow(before, place)
        return name

    def _require_sound(self, copy: Path, name: str) -> None:
        """Refuse a copy whose files or signature are not what they say; list unlisted ones."""
        try:
            listed = read_checksums(copy)
        except (ValueError, JsonError) as error:
            raise ModelStoreError(StoreProblem.BAD_CHECKSUMS, name) from error
        signature = signature_of(copy, self._listing.settings.trusted)
        if signature.state is SignatureState.BROKEN:
            raise ModelStoreError(StoreProblem.SIGNATURE_BROKEN, name)
        for broken in () if listed is None else broken_files(copy, listed):
            raise ModelStoreError(STATES[broken.state], name, broken.name)
        for broken in of_card(copy, catalog.read_card(copy)):
            raise ModelStoreError(STATES[broken.state], name, broken.name)
        if listed is None:
            write_checksums(copy)

    def _place_for(self, name: str, copy: Path, is_replacing: bool) -> Path:
        """Return where a model goes; refuse the name of one that stays."""
        for root in models_dirs():
            if (root / name).exists():
                raise ModelStoreError(StoreProblem.NAME_OF_SHIPPED, name)
        folded = name.casefold()
        alike = [one for one in self._listing.folder.iterdir() if one.name.casefold() == folded]
        place = alike[0] if alike else self._listing.folder / name
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

        def followed(one: ChosenModel, new: ChosenModel) -> ChosenModel | None:
            if one.sha256 != before.sha256:
                return one
            same = (new.task, new.examinations, new.image_kinds)
            return new if same == (one.task, one.examinations, one.image_kinds) else None

        def change(now: StoreSettings) -> StoreSettings:
            chosen = [followed(one, as_chosen(card)) for one in now.chosen]
            shadows = [followed(one, as_candidate(card)) for one in now.shadows]
            return replace(
                now,
                chosen=tuple(one for one in chosen if one is not None),
                shadows=tuple(one for one in shadows if one is not None),
            )

        change_settings(self._listing.profile, change)


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
