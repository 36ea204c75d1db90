"""Makes docs/ten-million.md: what ten million studies take, from figures that were measured.

``python -m tools.ten_million`` reads benchmarks/figures/batch_rates.json, which
`python -m benchmarks.batch_rates` writes, takes the prices that it is given, and writes the page.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "benchmarks" / "figures" / "batch_rates.json"
TEMPLATE = ROOT / "tools" / "ten_million_page.md"
PAGE = ROOT / "docs" / "ten-million.md"

STUDIES: Final = 10_000_000
DAYS: Final = 30
KINDS: Final = {
    "film": ("lateral films", "lateral films, one image a study", 1),
    "mr": ("MR slices", "MR, three sagittal series a study", 3),
    "ct": ("CT slices, kind only", "CT slices, one image a study, kind only", 1),
}
"""Kinds of image: what they are called, what a study of them is, and how many analyses it takes."""

RESULTS: Final = {"tables": "tables", "whole": "whole folders"}


@dataclass(frozen=True)
class Assumptions:
    """What is not measured.

    Parameters
    ----------
    cores : int
        Of a machine.
    core_hour : float
        Price of a core for an hour.
    gb_month : float
        Price of a gigabyte on a disk for a month.
    """

    cores: int = 32
    core_hour: float = 0.05
    gb_month: float = 0.02


@dataclass(frozen=True)
class Needs:
    """What all studies of a kind take.

    Parameters
    ----------
    core_hours : float
    machines : int
        For the whole to be done in `DAYS`.
    gigabytes : float
        Of results.
    cost : float
        Of the core hours, and of the results for a month.
    """

    core_hours: float
    machines: int
    gigabytes: float
    cost: float


def needs(figures: dict[str, Any], kind: str, how: str, given: Assumptions) -> Needs:
    """Return what `STUDIES` of a kind take.

    Parameters
    ----------
    figures : dict
        Of `benchmarks.batch_rates`.
    kind : str
        Of `KINDS`.
    how : str
        Of `RESULTS`.
    given : Assumptions
    """
    measured = figures["kinds"][kind][how]
    images = STUDIES * KINDS[kind][2]
    core_hours = images * figures["workers"] / measured["an_hour"]
    machines = math.ceil(core_hours / (24 * DAYS * given.cores))
    gigabytes = images * measured["bytes_an_image"] / 1e9
    cost = core_hours * given.core_hour + gigabytes * given.gb_month
    return Needs(core_hours, machines, gigabytes, cost)


def page(figures: dict[str, Any], given: Assumptions) -> str:
    """Return the page in Markdown."""
    kinds = {kind: figures["kinds"][kind] for kind in KINDS if kind in figures["kinds"]}
    memory = [f"{found['tables']['memory_mb']:,} MB ({kind})" for kind, found in kinds.items()]
    return TEMPLATE.read_text(encoding="utf-8").format(
        studies=STUDIES, days=DAYS, date=figures["date"], processors=figures["processors"],
        machine=figures["machine"], workers=figures["workers"], rounds=figures["rounds"],
        load=_load(figures), scaling=_scaling(figures), memory=", ".join(memory),
        rates="\n".join(_rates(kind, found) for kind, found in kinds.items()),
        needs="\n".join(_row(figures, kind, how, given) for kind in kinds for how in RESULTS),
        cores=given.cores, core_hour=given.core_hour, gb_month=given.gb_month,
    )  # fmt: skip


def _load(figures: dict[str, Any]) -> str:
    load, processors = figures["load_before"], figures["processors"]
    said = f"The computer had a load of {load} by others before."
    if load > processors / 4:
        return f"{said} **It was not quiet: these rates are too low**, and so is what follows."
    return said


def _scaling(figures: dict[str, Any]) -> str:
    if "scaling" not in figures:
        return ""
    count, share = figures["workers"], figures["scaling"]
    return f"{count} workers were {count * share:.2f} times as fast as one on one processor.\n"


def _rates(kind: str, found: dict[str, Any]) -> str:
    tables, whole, report = (found[name]["an_hour"] for name in ("tables", "whole", "report"))
    return (
        f"| {KINDS[kind][0]} ({found['images']}) | {tables:,.0f} | {whole:,.0f} | "
        f"{report:,.0f} | {tables / report:.2f} |"
    )


def _row(figures: dict[str, Any], kind: str, how: str, given: Assumptions) -> str:
    told = needs(figures, kind, how, given)
    return (
        f"| {KINDS[kind][1]} | {RESULTS[how]} | {told.core_hours:,.0f} | {told.machines:,} | "
        f"{told.gigabytes:,.0f} | {told.cost:,.0f} |"
    )


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    usual = Assumptions()
    parser.add_argument("--figures", type=Path, default=FIGURES)
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--cores", type=int, default=usual.cores)
    parser.add_argument("--core-hour", type=float, default=usual.core_hour)
    parser.add_argument("--gb-month", type=float, default=usual.gb_month)
    options = parser.parse_args()
    figures = json.loads(options.figures.read_text(encoding="utf-8"))
    given = Assumptions(options.cores, options.core_hour, options.gb_month)
    options.page.write_text(page(figures, given), encoding="utf-8")


if __name__ == "__main__":
    main()
