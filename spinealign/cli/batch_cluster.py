"""Options with which a batch is analysed by the workers of a cluster."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinealign.cli.series import WrongUseError

if TYPE_CHECKING:
    from spinealign.batch.cluster import Place

SYSTEMS = ("slurm", "pbs", "sge", "lsf")
_MOST_OPTIONS_BYTES = 1_000_000
_BYTES = "bytes"


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Let a command name a scheduler or a queueing system."""
    group = parser.add_argument_group(
        "cluster", "needs the 'cluster' extra here and where workers run: dask distributed"
    )
    group.add_argument(
        "--scheduler", default="", metavar="ADDRESS",
        help="analyse by the workers of this scheduler, such as tcp://host:8786",
    )  # fmt: skip
    group.add_argument(
        "--cluster", choices=SYSTEMS,
        help="ask a queueing system for workers, as many as --workers says (default: 1)",
    )  # fmt: skip
    group.add_argument(
        "--cluster-options", type=Path, metavar="FILE",
        help="YAML file of what dask-jobqueue takes: queue, cores, memory, walltime and others",
    )  # fmt: skip
    group.add_argument(
        "--send", choices=("path", _BYTES), default="path",
        help="whether workers read the same paths, or get the content of files (default: path)",
    )  # fmt: skip
    for name, what in (("ca", "of the authority"), ("cert", "of this computer")):
        group.add_argument(
            f"--tls-{name}", type=Path, metavar="FILE", help=f"certificate {what} (PEM)"
        )
    group.add_argument("--tls-key", type=Path, metavar="FILE", help="key of --tls-cert (PEM)")


def wanted_place(options: argparse.Namespace) -> Place | None:
    """Return which workers of a cluster a command names; None where it names none.

    Raises
    ------
    WrongUseError
        Options do not fit together.
    BatchError
        FAULTY_CLUSTER: the file of options cannot be used; NO_CLUSTER: the extra is missing.
    """
    tls = [options.tls_ca, options.tls_cert, options.tls_key]
    if not options.scheduler and not options.cluster:
        if options.cluster_options or options.send == _BYTES or any(tls):
            raise WrongUseError("options of a cluster need --scheduler or --cluster")
        return None
    if options.scheduler and options.cluster:
        raise WrongUseError("name --scheduler or --cluster, not both")
    if options.cluster_options and not options.cluster:
        raise WrongUseError("--cluster-options belongs to --cluster")
    if options.archive is not None:
        raise WrongUseError("the archive is encrypted for this computer: leave out --archive")
    if any(tls) and not (all(tls) and options.scheduler):
        raise WrongUseError("--tls-ca, --tls-cert and --tls-key belong together, to --scheduler")
    from spinealign.batch.cluster import Certificates, Place

    return Place(
        options.scheduler, options.cluster or "", _read_options(options), options.workers or 1,
        Certificates(*tls) if all(tls) else None,
    )  # fmt: skip


def sends_files(options: argparse.Namespace) -> bool:
    """Tell whether workers get the content of files."""
    return bool(options.send == _BYTES)


def _read_options(options: argparse.Namespace) -> Mapping[str, Any]:
    path: Path | None = options.cluster_options
    if path is None:
        return {}
    from spinealign.domain.errors import BatchError, BatchProblem

    try:
        import yaml
    except ModuleNotFoundError as error:  # it comes with the extra
        raise BatchError(options.cluster, BatchProblem.NO_CLUSTER) from error
    try:
        if path.stat().st_size > _MOST_OPTIONS_BYTES:
            raise ValueError("too large")
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        detail = f"{path.name}: {type(error).__name__}"
        raise BatchError(options.cluster, BatchProblem.FAULTY_CLUSTER, detail) from error
    if not isinstance(told, dict) or not all(isinstance(key, str) for key in told):
        detail = f"{path.name} holds no “key: value” lines"
        raise BatchError(options.cluster, BatchProblem.FAULTY_CLUSTER, detail)
    return told
