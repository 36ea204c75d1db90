"""Models on the command line: listed, installed, checked, signed, chosen, compared, removed."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from spinealign.cli.data_options import (
    DATA_COLUMNS,
    Told,
    add_columns,
    add_coordinates,
    add_layout,
    add_patient_pattern,
)
from spinealign.cli.passphrases import add_passphrase_option, asked_passphrase, new_passphrase
from spinealign.cli.series import WrongUseError
from spinealign.cli.signing_in import add_profile_option, add_sign_in_options
from spinealign.domain.examination import Examination, Task, image_type_named

if TYPE_CHECKING:
    from spinealign.domain.model_card import ModelCard
    from spinealign.domain.model_store import ListedModel
    from spinealign.model_store import ModelStore

EXIT_DONE, EXIT_SOME_FAILED, EXIT_MISFIT = 0, 1, 3


def add_models(commands: Any) -> None:
    """Add the command `models` and what can be done with models."""
    models = commands.add_parser("models", help="list, install, check, choose and compare models")
    models.add_argument("--json", action="store_true", help="print the whole cards as JSON")
    add_profile_option(models)
    models.set_defaults(run=_cards)
    actions = models.add_subparsers(metavar="ACTION")
    listing = _action(actions, "list", _list, "list models with place, signature and who answers")
    listing.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON list"
    )
    install = _change(actions, "install", _install, "check a model and copy it into the profile")
    install.add_argument("source", type=Path, metavar="FOLDER_OR_ZIP")
    install.add_argument("--as", dest="name", metavar="NAME", help="instead of its card's name")
    install.add_argument(
        "--replace", action="store_true", help="put it in the place of another one of that name"
    )
    install.add_argument("--use", action="store_true", help="choose it at once")
    _named(_change(actions, "remove", _remove, "take an installed model away"))
    verify = _action(actions, "verify", _verify, "compare all files with checksums and signatures")
    verify.add_argument("name", nargs="?", metavar="NAME", help="(default: all models)")
    use = _change(actions, "use", _use, "choose which model answers")
    use.add_argument("name", nargs="?", metavar="NAME")
    use.add_argument(
        "--shipped", choices=get_args(Task), metavar="TASK",
        help="let the models of SpineAlign answer again: " + ", ".join(get_args(Task)),
    )  # fmt: skip
    use.add_argument("--end", action="store_true", help="with NAME: it answers no more")
    use.add_argument(
        "--examination", type=image_type_named, metavar="KIND", help="with --shipped: only for it"
    )
    shadow = _change(
        actions, "shadow", _shadow, "run a candidate beside what answers, and tell differences only"
    )
    _named(shadow).add_argument("--end", action="store_true", help="run it no more")
    _add_comparison(actions)
    _add_signing(actions)


def _add_comparison(actions: Any) -> None:
    compare = _action(actions, "compare", _compare, "two cards side by side, and their answers")
    compare.add_argument("first", metavar="A", help="name or model folder")
    compare.add_argument("second", metavar="B", help="name or model folder")
    compare.add_argument(
        "--data", type=Path, metavar="DATA",
        help="pictures of which the truth is known, answered by both, in any layout that "
        "“evaluate” takes (needs the 'train' extra)",
    )  # fmt: skip
    add_layout(compare)
    add_columns(compare, DATA_COLUMNS)
    add_coordinates(compare)
    add_patient_pattern(compare, "finds the patient in a file's name, for --data")
    compare.add_argument("--json", action="store_true", help="print one JSON object")


def _add_signing(actions: Any) -> None:
    key = _action(actions, "new-key", _new_key, "make a pair of keys to sign models with")
    key.add_argument("file", type=Path, metavar="FILE", help="private key; FILE.pub is the public")
    add_passphrase_option(key)
    sign = _action(actions, "sign", _sign, "list the files of a model folder anew and sign them")
    sign.add_argument("folder", type=Path, metavar="FOLDER")
    sign.add_argument("--key", type=Path, required=True, metavar="KEY", help="private key")
    add_passphrase_option(sign)
    trust = _change(actions, "trust", _trust, "trust what the owner of a public key signs")
    trust.add_argument("public_key", type=Path, metavar="PUBLIC_KEY")
    trust.add_argument("--name", required=True, metavar="WHO", help="what you call the owner")
    _named(_change(actions, "distrust", _distrust, "trust a signer no more"), "WHO")
    _action(actions, "signers", _signers, "list the signers who are trusted")
    trial = _action(actions, "try-network", _try_network, argparse.SUPPRESS)
    trial.add_argument("folder", type=Path)


def _action(actions: Any, name: str, run: Any, words: str) -> argparse.ArgumentParser:
    told = {} if words is argparse.SUPPRESS else {"help": words}
    parser: argparse.ArgumentParser = actions.add_parser(name, **told)
    add_profile_option(parser, is_below=True)
    parser.set_defaults(run=run)
    return parser


def _change(actions: Any, name: str, run: Any, words: str) -> argparse.ArgumentParser:
    """Add an action that changes something: with accounts an administrator signs in for it."""
    parser: argparse.ArgumentParser = actions.add_parser(name, help=words)
    add_sign_in_options(parser, is_below=True)
    parser.set_defaults(run=run)
    return parser


def _named(parser: argparse.ArgumentParser, metavar: str = "NAME") -> argparse.ArgumentParser:
    parser.add_argument("name", metavar=metavar)
    return parser


def _store() -> ModelStore:
    from spinealign.model_store import ModelStore

    return ModelStore()


@contextmanager
def _changed_store(options: argparse.Namespace) -> Iterator[ModelStore]:
    """Open the models for a change; where there is an archive, by whoever signs in.

    Raises
    ------
    WrongUseError
        There are accounts and none was named, or there are none and one was.
    SpineAlignError
        The archive does not open.
    """
    from spinealign.cli.signing_in import is_named, own_place, signed_in
    from spinealign.domain.paths import has_archive, profile_dir
    from spinealign.model_store import ModelStore
    from spinealign.wording.archive import MODELS_ARE_ADMINISTERED, NOBODY_SIGNS_IN

    if not has_archive(profile_dir()):
        if is_named(options):
            raise WrongUseError(NOBODY_SIGNS_IN)
        yield ModelStore()
        return
    from spinealign.vault.model_changes import ModelChanges
    from spinealign.vault.place import Protection

    protection = own_place().protection
    if protection is Protection.NONE:
        yield ModelStore()
        return
    if protection is Protection.ACCOUNTS and not is_named(options):
        raise WrongUseError(MODELS_ARE_ADMINISTERED)
    with signed_in(options) as session:
        yield ModelStore(watch=ModelChanges(lambda: session))


def _cards(options: argparse.Namespace) -> int:
    from spinealign.inference.catalog import ModelStore
    from spinealign.wording.models import images_text

    cards = ModelStore().cards()
    if options.json:
        print(json.dumps([card.to_json() for card in cards], indent=2))
        return EXIT_DONE
    for card in cards:
        print(f"{card.name} {card.version}  [{card.status}]  {card.title}")
        print(f"    for: {images_text(card)}")
        print(f"    {card.limits}")
    return EXIT_DONE


def _list(options: argparse.Namespace) -> int:
    from spinealign.wording.models import model_lines

    found = _store().listed()
    if options.json:
        print(json.dumps([_as_json(one) for one in found], indent=2))
    else:
        print("\n".join(model_lines(found)))
    return EXIT_SOME_FAILED if any(one.card_problem for one in found) else EXIT_DONE


def _as_json(one: ListedModel) -> dict[str, Any]:
    from spinealign.wording.models import figure_text

    card = one.card
    told: dict[str, Any] = {"name": one.name, "place": one.place, "folder": str(one.folder)}
    if one.card_problem:
        told["problem"] = one.card_problem
    if card is not None:
        told |= {
            "title": card.title, "task": card.task, "examinations": list(card.examinations),
            "image_kinds": list(card.image_kinds), "stated_status": one.stated_status,
            "version": card.version, "status": card.status, "sha256": card.sha256,
            "figure": figure_text(card),
        }  # fmt: skip
    signature = {
        "state": one.signature.state, "signer": one.signature.signer,
        "fingerprint": one.signature.fingerprint,
    }  # fmt: skip
    return told | {
        "signature": signature, "answers_for": list(one.answers_for),
        "answers_alone": list(one.answers_alone), "answers": one.answers,
        "chosen": one.is_chosen, "shadow": one.is_shadow,
    }  # fmt: skip


def _install(options: argparse.Namespace) -> int:
    from spinealign.wording.models import installed_lines

    with _changed_store(options) as store:
        found = store.install(options.source, name=options.name, is_replacing=options.replace)
        if options.use:
            found = store.choose(found.name)
    print("\n".join(installed_lines(found)))
    return EXIT_DONE


def _remove(options: argparse.Namespace) -> int:
    with _changed_store(options) as store:
        store.remove(options.name)
    print(f"Removed {options.name}.")
    return EXIT_DONE


def _verify(options: argparse.Namespace) -> int:
    from spinealign.wording.models import verified_lines

    found = _store().verify(options.name)
    for one in found:
        stream = sys.stdout if one.is_sound else sys.stderr
        stream.write("".join(f"{line}\n" for line in verified_lines([one])))
    return EXIT_DONE if all(one.is_sound for one in found) else EXIT_SOME_FAILED


def _use(options: argparse.Namespace) -> int:
    from spinealign.wording import models as words

    if (options.name is None) == (options.shipped is None):
        raise WrongUseError(words.NAME_OR_SHIPPED)
    if options.end and options.name is None:
        raise WrongUseError(words.END_OF_A_MODEL)
    if options.shipped is not None:
        of = options.examination
        kind = of.kind if isinstance(of, Examination) else of
        with _changed_store(options) as store:
            store.choose_shipped(options.shipped, kind)
        print(words.shipped_text(options.shipped, kind))
        return EXIT_DONE
    if options.examination is not None:
        raise WrongUseError(words.EXAMINATION_OF_SHIPPED)
    if options.end:
        with _changed_store(options) as store:
            left = store.end_use(options.name)
        print(words.end_use_text(options.name, left))
        return EXIT_DONE
    with _changed_store(options) as store:
        found = store.choose(options.name)
    print(f"{found.name}: {words.answers_text(found)}")
    return EXIT_DONE


def _shadow(options: argparse.Namespace) -> int:
    from spinealign.wording.models import answers_text, ended_text

    if options.end:
        with _changed_store(options) as store:
            store.end_shadow(options.name)
        print(ended_text(options.name))
        return EXIT_DONE
    with _changed_store(options) as store:
        found = store.shadow(options.name)
    print(f"{found.name}: {answers_text(found)}")
    return EXIT_DONE


def _compare(options: argparse.Namespace) -> int:
    from spinealign.inference.catalog import ModelStore
    from spinealign.model_store.comparing import card_differences
    from spinealign.wording.models import difference_lines

    wanted = [Path(name).resolve().name for name in (options.first, options.second)]
    stores = [ModelStore(chosen=[name]) for name in (options.first, options.second)]
    cards = [store.chosen[0] for store in stores]
    found = card_differences(cards[0], cards[1])
    answers = None
    if options.data is not None:
        models = [store.load(name) for store, name in zip(stores, wanted, strict=True)]
        answers = _answers_compared(models, options)
    if options.json:
        told: dict[str, Any] = {
            "first": cards[0].name, "second": cards[1].name,
            "differences": [[one.entry, one.first, one.second] for one in found],
        }  # fmt: skip
        print(json.dumps(told | ({} if answers is None else {"answers": _figures(answers)})))
        return EXIT_DONE
    print("\n".join(difference_lines((cards[0].name, cards[1].name), found)))
    if answers is not None:
        print("\n".join(_answer_lines(answers)))
    return EXIT_DONE


def _answers_compared(models: list[Any], options: argparse.Namespace) -> Any:
    """Let two models answer on the same pictures, and compare them by patients."""
    from spinealign.cli.evaluation import evaluated_by, evaluation_module
    from spinealign.wording.models import NOT_ONE_TASK

    cards: list[ModelCard] = [model.card for model in models]
    if cards[0].task != cards[1].task:
        raise WrongUseError(NOT_ONE_TASK)
    told = Told()
    first, second = (evaluated_by(model, options, told).evaluation for model in models)
    told.done()
    for card, answered in zip(cards, (first, second), strict=True):
        sys.stderr.write("".join(f"{card.name}: {one}\n" for one in answered.cautions))
    return evaluation_module("comparing").compare_answers(
        first.cases, second.cases, (first.threshold, second.threshold)
    )


def _figures(answers: Any) -> dict[str, Any]:
    figures = {
        name: {
            key: value if math.isfinite(value) else None
            for key, value in (("difference", one.value), ("low", one.low), ("high", one.high))
        }
        for name, one in answers.differences.items()
    }
    told = {"cases": answers.cases, "patients": answers.patients, "differences": figures}
    if not hasattr(answers, "only_first"):  # no picture is right or wrong as a whole
        return told
    return told | {
        "right_only_first": answers.only_first, "right_only_second": answers.only_second,
        "turned_from": None if answers.turned is None else answers.turned[1],
    }  # fmt: skip


def _answer_lines(answers: Any) -> list[str]:
    from spinealign.wording.models import answers_compared_lines

    return answers_compared_lines(answers)


def _new_key(options: argparse.Namespace) -> int:
    from spinealign.model_store.signing import fingerprint, make_key, public_key_of
    from spinealign.wording.models import new_key_lines

    passphrase = new_passphrase(options)
    public = make_key(options.file, passphrase)
    known = fingerprint(public_key_of(public))
    is_protected = bool(passphrase)
    print("\n".join(new_key_lines(str(options.file), str(public), known, is_protected)))
    return EXIT_DONE


def _sign(options: argparse.Namespace) -> int:
    from spinealign.inference.catalog import checked_weights, read_card
    from spinealign.inference.checksums import write_checksums
    from spinealign.model_store.signing import opened_key, sign_folder
    from spinealign.wording.models import signed_text

    card = read_card(options.folder)
    private = opened_key(options.key, asked_passphrase(options))
    write_checksums(options.folder)
    checked_weights(options.folder, card)
    made = sign_folder(options.folder, private)
    print(signed_text(str(options.folder), made.fingerprint))
    return EXIT_DONE


def _trust(options: argparse.Namespace) -> int:
    from spinealign.model_store.signing import fingerprint
    from spinealign.wording.models import trusted_text

    with _changed_store(options) as store:
        signer = store.trust(options.public_key, options.name)
    print(trusted_text(signer.name, fingerprint(bytes.fromhex(signer.public_key))))
    return EXIT_DONE


def _distrust(options: argparse.Namespace) -> int:
    from spinealign.wording.models import distrusted_text

    with _changed_store(options) as store:
        store.distrust(options.name)
    print(distrusted_text(options.name))
    return EXIT_DONE


def _signers(_options: argparse.Namespace) -> int:
    from spinealign.model_store.signing import fingerprint
    from spinealign.wording.models import signer_lines

    signers = _store().settings.trusted
    known = [fingerprint(bytes.fromhex(one.public_key)) for one in signers]
    print("\n".join(signer_lines(signers, known)))
    return EXIT_DONE


def _try_network(options: argparse.Namespace) -> int:
    from spinealign.model_store.trial import try_here

    return EXIT_DONE if try_here(options.folder) else EXIT_MISFIT
