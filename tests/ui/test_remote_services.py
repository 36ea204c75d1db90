"""The window's services in a worker process answer as those of this process do."""

import ast
import enum
import importlib
import inspect
import sys
import typing

import numpy as np
import pytest

from spinealign.domain.generators import run_to_end
from spinealign.domain.paths import resources_dir
from spinealign.ui.deidentify.jobs import look_through
from spinealign.ui.work import in_worker, worker_start
from spinealign.ui.work.remote_services import remote_services, started_worker
from spinealign.ui.work.services import program_services
from spinealign.worker.values import Admitted


@pytest.fixture(scope="module")
def worker():
    found = started_worker()
    yield found
    found.close()


def test_a_file_is_looked_at_read_and_named_as_here(worker, tmp_path):
    file = resources_dir() / "samples" / "ct_axial" / "CT_small.dcm"
    there, here = (of(tmp_path) for of in (lambda p: remote_services(worker, p), program_services))
    scans = [run_to_end(services.scan([file])) for services in (there, here)]
    assert scans[0] == scans[1]
    [entry] = scans[0].found
    [[one], [other]] = [list(services.read_slices(entry, [0])) for services in (there, here)]
    np.testing.assert_array_equal(one.pixels, other.pixels)
    assert one.sha256 == other.sha256
    assert there.read_patient(entry.parts[0]) == here.read_patient(entry.parts[0])
    assert there.models().cards() == here.models().cards()


def test_pictures_are_looked_at_for_text_there_as_here(worker, tmp_path):
    file = resources_dir() / "samples" / "ct_axial" / "CT_small.dcm"
    found = []
    for name, away in (
        ("there", remote_services(worker, tmp_path).away),
        ("here", program_services(tmp_path).away),
    ):
        (tmp_path / name).mkdir()
        work = away(look_through, (file,), tmp_path / "out", tmp_path / name)
        [picture] = run_to_end(work)
        found.append((picture.image, picture.boxes, picture.shown.read_bytes()))
    assert found[0] == found[1]


def _names_for_types(kind):
    """Return what annotations of a class or function may name, imports for types included."""
    module = sys.modules[kind.__module__]
    names = dict(vars(module))
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("spinealign"):
            found = importlib.import_module(node.module)
            for each in node.names:
                names.setdefault(each.asname or each.name, getattr(found, each.name, None))
    return names


def _collect(annotation, found):
    """Add every class of the program that a value of an annotation may hold."""
    for each in typing.get_args(annotation):
        _collect(each, found)
    is_class = isinstance(annotation, type) and typing.get_origin(annotation) is None
    if not is_class or annotation in found or not annotation.__module__.startswith("spinealign."):
        return
    found.add(annotation)
    for each in annotation.__subclasses__():
        _collect(each, found)
    if not issubclass(annotation, enum.Enum):
        for each in typing.get_type_hints(annotation, _names_for_types(annotation)).values():
            _collect(each, found)


def test_all_that_the_functions_of_the_worker_return_may_come_back():
    found = set()
    for function in vars(in_worker).values():
        if inspect.isfunction(function) and function.__module__ == in_worker.__name__:
            hints = typing.get_type_hints(function, _names_for_types(function))
            if not function.__name__.startswith("_"):
                _collect(hints["return"], found)
    admitted = Admitted(worker_start.ADMITTED)
    assert len({kind for kind in found if admitted.name_of(kind)}) > 90
