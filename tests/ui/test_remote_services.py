"""The window's services in a worker process answer as those of this process do."""

import numpy as np
import pytest

from spinealign.domain.generators import run_to_end
from spinealign.domain.paths import resources_dir
from spinealign.ui.work.remote_services import remote_services, started_worker
from spinealign.ui.work.services import program_services


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
