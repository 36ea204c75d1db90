"""Models that a person installed: where each lies, who signed it, which one answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from spinealign.domain.comparison import ComparedMeasure
from spinealign.domain.discs import GradeName
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.examination import (
    Examination,
    ExaminationKind,
    ImageKind,
    Task,
    are_among,
)
from spinealign.domain.findings import ModelIdentity, ModelStatus
from spinealign.domain.model_card import ModelCard, Name, Sha256

SETTINGS_SCHEMA: Literal["spinealign-model-store-1"] = "spinealign-model-store-1"
NOT_COMPARED: frozenset[Task] = frozenset({"view", "multi_label", "ordinal", "landmarks"})
"""Tasks whose answers no candidate is compared by: their models cannot run in shadow."""

SIGNATURE_SCHEMA: Literal["spinealign-model-signature-1"] = "spinealign-model-signature-1"


class ModelPlace(StrEnum):
    """Where a model lies: with the program, in the profile, or in the folder of SPINEALIGN_MODELS.

    Only those in the profile are installed and removed by the program.
    """

    SHIPPED = "shipped"
    INSTALLED = "installed"
    NAMED_FOLDER = "named_folder"


class SignatureState(StrEnum):
    """What the signature of a model folder says."""

    TRUSTED = "trusted"
    UNKNOWN = "unknown"
    UNSIGNED = "unsigned"
    BROKEN = "broken"
    SHIPPED = "shipped"


@dataclass(frozen=True)
class Signature:
    """Whether a model folder is signed, and by whom.

    Parameters
    ----------
    state : SignatureState
        SHIPPED models are part of the program and carry none of their own.
    signer : str
        What the list of trusted signers calls the owner of the key; empty unless TRUSTED. The
        folder itself names nobody.
    fingerprint : str
        First 16 bytes of the SHA-256 of the public key, in hexadecimal; empty without a signature.
    """

    state: SignatureState
    signer: str = ""
    fingerprint: str = ""


class FileState(StrEnum):
    """What is wrong about one file of a model folder."""

    MISSING = "missing"
    CHANGED = "changed"
    UNLISTED = "unlisted"
    NO_FILE = "no_file"


@dataclass(frozen=True)
class BrokenFile:
    """A file of a model folder that is not as its checksum says."""

    name: str
    state: FileState


@dataclass(frozen=True)
class Verified:
    """One model folder, looked through.

    Parameters
    ----------
    name : str
    files : tuple of BrokenFile
    signature : Signature
    card_problem : str
        What is wrong about its card, in words; empty if nothing is.
    """

    name: str
    files: tuple[BrokenFile, ...]
    signature: Signature
    card_problem: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether every file is as its checksum says, the card whole and no signature broken."""
        is_broken = self.signature.state is SignatureState.BROKEN
        return not (self.files or self.card_problem or is_broken)


@dataclass(frozen=True)
class ListedModel:
    """One model that is there, with all that a list of models tells.

    Parameters
    ----------
    name : str
        Of its folder.
    place : ModelPlace
    folder : Path
    card : ModelCard or None
        None where it is damaged.
    card_problem : str
        What is wrong about the card, in words; empty if nothing is. A card that was changed after
        its checksum was taken is there and has a problem.
    signature : Signature
    answers_for : tuple of ExaminationKind
        Kinds of examination for whose task it is asked now.
    is_chosen : bool
        Whether a person chose it for its task.
    is_shadow : bool
        Whether it runs beside the model that answers, and only its differences are told.
    answers_all : bool
        Of a gate, which has no kinds of examination: whether it is the one that is asked.
    answers_alone : tuple of ImageKind
        Kinds of image that no examination is of, and of which it alone is asked now.
    stated_status : ModelStatus or None
        What its card states, where nothing bears that out and `card` says demonstration.
    """

    name: str
    place: ModelPlace
    folder: Path
    card: ModelCard | None
    card_problem: str
    signature: Signature
    answers_for: tuple[ExaminationKind, ...] = ()
    is_chosen: bool = False
    is_shadow: bool = False
    answers_all: bool = False
    answers_alone: tuple[ImageKind, ...] = ()
    stated_status: ModelStatus | None = None

    @property
    def answers(self) -> bool:
        """Whether it is asked for any image now."""
        return bool(self.answers_for or self.answers_alone) or self.answers_all

    @property
    def can_be_removed(self) -> bool:
        """Whether the program may take it away."""
        return self.place is ModelPlace.INSTALLED


class StoreProblem(StrEnum):
    """Why a model was not installed, removed, chosen or signed."""

    NOT_THERE = "not_there"
    NO_CARD = "no_card"
    BAD_CARD = "bad_card"
    BAD_ARCHIVE = "bad_archive"
    UNSAFE_NAME = "unsafe_name"
    NO_ORDINARY_FILE = "no_ordinary_file"
    TOO_LARGE = "too_large"
    BAD_CHECKSUMS = "bad_checksums"
    FILE_CHANGED = "file_changed"
    FILE_MISSING = "file_missing"
    FILE_UNLISTED = "file_unlisted"
    SIGNATURE_BROKEN = "signature_broken"
    NETWORK_FAILED = "network_failed"
    OTHER_INSTALLED = "other_installed"
    OTHER_THERE = "other_there"
    NAME_OF_SHIPPED = "name_of_shipped"
    NOT_INSTALLED = "not_installed"
    NOT_REMOVABLE = "not_removable"
    NO_EXAMINATION = "no_examination"
    ANSWERS_ALREADY = "answers_already"
    NOT_CHOSEN = "not_chosen"
    NOT_COMPARED = "not_compared"
    NO_KEY = "no_key"
    KEY_EXISTS = "key_exists"
    KEY_LOCKED = "key_locked"
    WRONG_PASSPHRASE = "wrong_passphrase"
    SHORT_PASSPHRASE = "short_passphrase"
    KEY_TRUSTED = "key_trusted"
    NO_SIGNER = "no_signer"
    NOT_WRITABLE = "not_writable"
    BAD_SETTINGS = "bad_settings"


class ModelChange(StrEnum):
    """What a person does with models, or with whom is trusted to sign them."""

    INSTALLED = "installed"
    REPLACED = "replaced"
    REMOVED = "removed"
    CHOSEN = "chosen"
    CHOSEN_NO_MORE = "chosen no more"
    SHIPPED_CHOSEN = "shipped models chosen"
    SHADOW_BEGUN = "shadow run begun"
    SHADOW_ENDED = "shadow run ended"
    SIGNER_TRUSTED = "signer trusted"
    SIGNER_DISTRUSTED = "signer trusted no more"

    @property
    def is_of_signer(self) -> bool:
        """Whether it is about whom somebody trusts rather than about a model."""
        return self in (ModelChange.SIGNER_TRUSTED, ModelChange.SIGNER_DISTRUSTED)


@dataclass(frozen=True)
class ModelEvent:
    """One change of the models of a profile, as an audit trail names it.

    Parameters
    ----------
    change : ModelChange
    name : str
        Of the model's folder, of the task whose shipped models answer again, or of the signer.
    version : str
        Of the model; empty for tasks and signers.
    mark : str
        SHA-256 of the weights, or the fingerprint of the signer's key; empty for tasks.
    """

    change: ModelChange
    name: str
    version: str = ""
    mark: str = ""


class ModelStoreError(SpineAlignError):
    """A model could not be installed, removed, chosen, signed or trusted."""

    def __init__(self, problem: StoreProblem, name: str, detail: str = "") -> None:
        super().__init__(f"{name}: {problem.value}" + (f" ({detail})" if detail else ""))
        self.problem = problem
        self.name = name
        self.detail = detail


@dataclass(frozen=True)
class ChosenModel:
    """A model that a person chose: these weights, whatever the folder is called later.

    Parameters
    ----------
    name, title : str
        As they were when it was chosen; told where it is gone.
    sha256 : str
        Of the weights.
    task : str
    examinations : tuple of ExaminationKind
        Empty for a gate.
    image_kinds : tuple of ImageKind
        Kinds of image that no examination is of.
    """

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    title: Name
    sha256: Sha256
    task: Task
    examinations: tuple[ExaminationKind, ...] = ()
    image_kinds: tuple[ImageKind, ...] = ()

    @property
    def is_for_all(self) -> bool:
        """Whether it was chosen for every image, as a gate is."""
        return are_among(None, self.examinations, self.image_kinds)

    def serves(self, shown: Examination | ImageKind | None) -> bool:
        """Whether it was chosen for an examination, or for a kind of image that none is of.

        None asks for all images.
        """
        return are_among(shown, self.examinations, self.image_kinds)

    def shares_images_with(self, other: ChosenModel) -> bool:
        """Whether both were chosen for one task on images of one sort."""
        if self.task != other.task:
            return False
        if self.is_for_all and other.is_for_all:
            return True
        kinds = {*self.examinations} & {*other.examinations}
        return bool(kinds or {*self.image_kinds} & {*other.image_kinds})

    def without(self, kind: ExaminationKind | ImageKind) -> ChosenModel | None:
        """Return what is left of the choice without images of one sort; None if nothing is."""
        left = replace(
            self,
            examinations=tuple(one for one in self.examinations if one is not kind),
            image_kinds=tuple(one for one in self.image_kinds if one is not kind),
        )
        return None if left.is_for_all else left


@dataclass(frozen=True)
class TrustedSigner:
    """Somebody whose signature under a model is trusted.

    Parameters
    ----------
    name : str
        What the person who trusts calls the owner of the key.
    public_key : str
        Ed25519, 32 bytes in hexadecimal.
    """

    name: Name
    public_key: Sha256


@dataclass(frozen=True)
class StoreSettings:
    """What the profile keeps about models, as ``model-store.json``.

    Parameters
    ----------
    chosen : tuple of ChosenModel
        Those that answer instead of the shipped ones.
    shadows : tuple of ChosenModel
        Candidates that run beside those that answer.
    trusted : tuple of TrustedSigner
    """

    schema: Literal["spinealign-model-store-1"] = SETTINGS_SCHEMA
    chosen: Annotated[tuple[ChosenModel, ...], Meta(max_length=100)] = ()
    shadows: Annotated[tuple[ChosenModel, ...], Meta(max_length=100)] = ()
    trusted: Annotated[tuple[TrustedSigner, ...], Meta(max_length=1000)] = ()


@dataclass(frozen=True)
class FolderSignature:
    """``signature.json`` of a model folder.

    Parameters
    ----------
    public_key : str
        32 bytes in hexadecimal.
    signature : str
        Ed25519 (RFC 8032), 64 bytes in hexadecimal, over the folder's list of checksums.
    """

    schema: Literal["spinealign-model-signature-1"]
    algorithm: Literal["Ed25519"]
    public_key: Sha256
    signature: Annotated[str, Meta(pattern=r"^[0-9a-f]{128}\Z")]


@dataclass(frozen=True)
class ShadowClass:
    """What two classifiers call one image where they differ.

    Parameters
    ----------
    answering, candidate : str
        Names of classes.
    answering_probability, candidate_probability : float
        Of the class that each decided for.
    """

    answering: str
    candidate: str
    answering_probability: float
    candidate_probability: float


@dataclass(frozen=True)
class ShadowGrade:
    """One grade of one disc that two graders give otherwise.

    Parameters
    ----------
    level : str
        Such as "L4/L5".
    grade : GradeName
    answering, candidate : int, bool or None
        As `DiscGrade.value`; None is "uncertain".
    """

    level: str
    grade: GradeName
    answering: int | bool | None
    candidate: int | bool | None


@dataclass(frozen=True)
class ShadowOutline:
    """How far the outlines of one structure agree.

    Parameters
    ----------
    structure : str
    dice : float
        Twice the common area over the sum of both; 1 where they are one.
    answering_px, candidate_px : int
        Pixels of each.
    """

    structure: str
    dice: float
    answering_px: int
    candidate_px: int


@dataclass(frozen=True)
class ShadowResult:
    """What a candidate says otherwise about one image than the model that answered.

    Parameters
    ----------
    candidate : ModelIdentity
    answering : tuple of ModelIdentity
        What answered for the candidate's task; empty where nothing did.
    classes : ShadowClass or None
        None where both say the same, or neither classifies.
    grades : tuple of ShadowGrade
    measures : tuple of ComparedMeasure
        `first` is the answer's, `second` the candidate's: those that differ by more than the
        stated error, and those that only one of the two gives.
    outlines : tuple of ShadowOutline
        Of every structure that either outlines, unless both masks are one.
    """

    candidate: ModelIdentity
    answering: tuple[ModelIdentity, ...]
    classes: ShadowClass | None = None
    grades: tuple[ShadowGrade, ...] = ()
    measures: tuple[ComparedMeasure, ...] = ()
    outlines: tuple[ShadowOutline, ...] = field(default=())

    @property
    def has_differences(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.classes or self.grades or self.measures or self.outlines)


@dataclass(frozen=True)
class CardDifference:
    """One entry of two model cards that is not the same in both.

    Parameters
    ----------
    entry : str
        Key of the card, "intensity.denoise" for what lies deeper.
    first, second : str
        As the cards have it; empty where a card has no such entry.
    """

    entry: str
    first: str
    second: str
