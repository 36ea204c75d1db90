"""Which models a profile has, whether each is sound, and which of them answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from spinealign.domain.errors import ModelError
from spinealign.domain.examination import EXAMINATIONS
from spinealign.domain.findings import ModelStatus
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
    Verified,
)
from spinealign.domain.paths import models_dirs
from spinealign.inference import catalog
from spinealign.inference.checksums import (
    CARD,
    CHECKSUMS,
    broken_files,
    file_sha256,
    is_card_as_listed,
    read_checksums,
)
from spinealign.inference.choices import INSTALLED, read_settings
from spinealign.json_files import JsonError
from spinealign.model_store.signing import signature_of
from spinealign.wording.model_store import CARD_CHANGED, card_problem_text

STATES = {
    FileState.CHANGED: StoreProblem.FILE_CHANGED,
    FileState.MISSING: StoreProblem.FILE_MISSING,
    FileState.UNLISTED: StoreProblem.FILE_UNLISTED,
    FileState.NO_FILE: StoreProblem.NO_ORDINARY_FILE,
}
"""Why a model is refused, by what is wrong about one of its files."""


class Listing:
    """The models that a profile can use, read anew at each call.

    Parameters
    ----------
    profile : Path
    """

    def __init__(self, profile: Path) -> None:
        self.profile, self.folder = profile, profile / INSTALLED

    @property
    def settings(self) -> StoreSettings:
        """What the profile keeps about models.

        Raises
        ------
        ModelStoreError
            BAD_SETTINGS.
        """
        return read_settings(self.profile)

    def catalog(self) -> catalog.ModelStore:
        """Return the models as an analysis finds them."""
        return catalog.ModelStore(profile=self.profile)

    def listed(self) -> tuple[ListedModel, ...]:
        """Return all models that are there, damaged ones too: first the shipped ones, by name."""
        settings = self.settings
        folders = self._folders()
        found = [self._listed(place, folder, settings) for place, folder in folders]
        sound = self.catalog() if all(_is_readable(one) for one in found) else None
        if sound is not None:
            found = [_with_choices(one, settings, sound) for one in found]
        return tuple(_with_answers(one, sound) for one in sorted(found, key=_order))

    def named(self, name: str) -> ListedModel:
        """Return the model of a name.

        Raises
        ------
        ModelStoreError
            NOT_INSTALLED: there is none.
        """
        for one in self.listed():
            if one.name == name:
                return one
        raise ModelStoreError(StoreProblem.NOT_INSTALLED, name)

    def verify(self, name: str | None = None) -> tuple[Verified, ...]:
        """Compare every file of one model, or of all, with its checksum, and check signatures.

        Raises
        ------
        ModelStoreError
            NOT_INSTALLED: there is no model of that name.
        """
        wanted = self.listed() if name is None else (self.named(name),)
        return tuple(_verified(one) for one in wanted)

    def choosable(self, name: str) -> ModelCard:
        """Return the card of a model that may be chosen.

        Raises
        ------
        ModelStoreError
            It is not there, damaged, or its card names no images that it could be asked of.
        """
        listed = self.named(name)
        verified = _verified(listed)
        if listed.card is None:
            raise ModelStoreError(StoreProblem.BAD_CARD, name, listed.card_problem)
        if verified.signature.state is SignatureState.BROKEN:
            raise ModelStoreError(StoreProblem.SIGNATURE_BROKEN, name)
        for broken in verified.files:
            raise ModelStoreError(STATES[broken.state], name, broken.name)
        if not _may_be_asked(listed.card):
            raise ModelStoreError(StoreProblem.NO_EXAMINATION, name)
        return listed.card

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
        stated: ModelStatus | None = None
        try:
            read = catalog.read_card(folder)
            card = catalog.believed_card(folder, read, settings.trusted)
            stated = None if card.status is read.status else read.status
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
        return ListedModel(
            folder.name, place, folder, card, problem, signature, stated_status=stated
        )


def _order(one: ListedModel) -> tuple[int, str]:
    return list(ModelPlace).index(one.place), one.name


def _is_readable(one: ListedModel) -> bool:
    """Whether a model lets others answer: a damaged one of the user's own does."""
    return one.card is not None or one.place is not ModelPlace.SHIPPED


def _with_choices(
    one: ListedModel, settings: StoreSettings, models: catalog.ModelStore
) -> ListedModel:
    """Add whether a person chose a model, or registered it as a candidate."""

    def is_among(chosen: Sequence[ChosenModel]) -> bool:
        return any(place_of(each, models) == one.folder for each in chosen)

    return replace(one, is_chosen=is_among(settings.chosen), is_shadow=is_among(settings.shadows))


def place_of(chosen: ChosenModel, models: catalog.ModelStore) -> Path | None:
    """Return the folder that a choice means, the damaged one of that name too."""
    try:
        return models.place_of(chosen)
    except ModelError:
        return models.folder_of(chosen.name)


def _may_be_asked(card: ModelCard) -> bool:
    """Whether there are images of which a model would be asked once it is chosen."""
    is_alone = any(card.serves(kind) for kind in card.image_kinds)
    return bool(card.examinations) or is_alone or card.task == "view"


def _with_answers(one: ListedModel, models: catalog.ModelStore | None) -> ListedModel:
    """Add for which images a model is asked."""
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
        alone = tuple(
            kind
            for kind in one.card.image_kinds
            if one.name in {card.name for card in models.named_for(kind)}
        )
    except ModelError:
        return one
    return replace(one, answers_for=kinds, answers_all=answers_all, answers_alone=alone)


def as_chosen(card: ModelCard) -> ChosenModel:
    """Return what the settings keep of a model: its weights, whatever it is called later."""
    alone = tuple(kind for kind in card.image_kinds if card.serves(kind))
    return ChosenModel(card.name, card.title, card.sha256, card.task, card.examinations, alone)


def as_candidate(card: ModelCard) -> ChosenModel:
    """Return the same of a candidate, which runs beside others: where it is alone it cannot."""
    return replace(as_chosen(card), image_kinds=())


def _verified(one: ListedModel) -> Verified:
    if one.card is None:
        return Verified(one.name, (), one.signature, one.card_problem)
    try:
        listed = read_checksums(one.folder)
    except (ValueError, JsonError, OSError):
        return Verified(one.name, (BrokenFile(CHECKSUMS, FileState.CHANGED),), one.signature)
    files = () if listed is None else broken_files(one.folder, listed)
    told = {broken.name for broken in files}
    weights = tuple(b for b in of_card(one.folder, one.card) if b.name not in told)
    return Verified(one.name, (*files, *weights), one.signature)


def of_card(folder: Path, card: ModelCard) -> tuple[BrokenFile, ...]:
    """Return the weights if they are not those of the card."""
    weights = folder / card.weights
    if not weights.is_file():
        return (BrokenFile(card.weights, FileState.MISSING),)
    is_same = file_sha256(weights) == card.sha256
    return () if is_same else (BrokenFile(card.weights, FileState.CHANGED),)
