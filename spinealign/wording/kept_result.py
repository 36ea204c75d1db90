"""Words of a result that was kept in the archive and is opened as it was."""

from __future__ import annotations

from collections.abc import Iterable

from spinealign.domain.findings import Analysis, ModelIdentity
from spinealign.domain.model_card import ModelCard
from spinealign.wording.failures import Message
from spinealign.wording.text import listed, safe_text

ANALYSE_ANEW = "Analyse &anew"
ANEW_TIP = "Let this program's models analyse the image now; the kept result stays in the archive"
OTHER_MODEL = "This program has another model now: analysed anew, values may differ."
UNREADABLE = Message(
    "The result that the archive keeps of this image cannot be read: it was analysed anew.",
    "Check the archive (File, Archive, page Safety); a back-up may hold the result.",
)


def kept_result_text(analysis: Analysis, cards: Iterable[ModelCard]) -> str:
    """Return whose result it is and of when, and whether this program's models are others.

    Parameters
    ----------
    analysis : Analysis
        As it was kept.
    cards : iterable of ModelCard
        Of the models that are installed.
    """
    spoke = [part.model for part in (analysis.segmentation, analysis.classification) if part]
    spoke += [] if analysis.disc_model is None else [analysis.disc_model]
    named = [f"{safe_text(each.title)} v{safe_text(each.version)}" for each in spoke]
    without = f"without a model, by version {safe_text(analysis.program_version)} of the program"
    by = f"by {listed(named)}" if named else without
    told = f"Result of {analysis.created_utc[:10]} {by}, as it was kept in the archive."
    installed = {(card.name, card.version, card.sha256) for card in cards}
    return told if _are_all(analysis.models, installed) else f"{told} {OTHER_MODEL}"


def _are_all(models: Iterable[ModelIdentity], installed: set[tuple[str, str, str]]) -> bool:
    return all((each.name, each.version, each.sha256) in installed for each in models)
