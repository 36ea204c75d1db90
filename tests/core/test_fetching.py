"""What comes is kept once and named so that it tells nobody; what was not asked for is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from spinealign.domain.network import NetworkError, NetworkProblem
from spinealign.network.fetching import Collector
from spinealign.network.objects import object_file, parsed_head

PATH = Path(str(get_testdata_file("CT_small.dcm")))
CONTENT = PATH.read_bytes()
HEAD = parsed_head(CONTENT)


@pytest.mark.parametrize(
    ("study", "series", "status"),
    [
        (HEAD.study_uid, "", 0x0000),
        (HEAD.study_uid, HEAD.series_uid, 0x0000),
        (HEAD.study_uid, "1.2.3", 0xA900),
        ("1.2.3", "", 0xA900),
        ("1.2.3", HEAD.series_uid, 0xA900),
    ],
)
def test_only_what_was_asked_for_is_kept(tmp_path, study, series, status):
    collector = Collector(tmp_path, study, series)
    assert collector.take(HEAD, CONTENT) == status
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    if status:
        assert kept == []
        assert collector.failure is not None
        assert collector.failure.problem is NetworkProblem.OTHER_STUDY
    else:
        assert kept == collector.fetched.paths
        assert kept[0].read_bytes() == CONTENT


def test_an_object_that_comes_twice_is_kept_once(tmp_path):
    collector = Collector(tmp_path, HEAD.study_uid, "")
    assert [collector.take(HEAD, CONTENT) for _ in range(2)] == [0, 0]
    [path] = collector.fetched.paths
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]


def test_names_and_representations_tell_nobody(tmp_path):
    collector = Collector(tmp_path, HEAD.study_uid, "")
    collector.take(HEAD, CONTENT)
    [path] = collector.fetched.paths
    for secret in ("CompressedSamples", "1CT1", HEAD.sop_uid, HEAD.study_uid):
        assert secret not in str(path)
        assert secret not in repr(HEAD)


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    collector = Collector(tmp_path / "file", HEAD.study_uid, "")
    assert collector.take(HEAD, CONTENT) == 0xA700
    assert collector.failure is not None
    assert collector.failure.problem is NetworkProblem.DISK


@pytest.mark.parametrize(
    "content",
    [b"", b"DICM", CONTENT[132:], CONTENT[:400], b"\0" * 128 + b"DICM"],
    ids=["empty", "word", "no preamble", "cut", "nothing else"],
)
def test_what_is_no_object_is_refused(content):
    with pytest.raises(NetworkError) as told:
        object_file(PATH, content)
    assert told.value.problem is NetworkProblem.NOT_DICOM


def test_file_meta_and_data_set_must_name_one_object():
    other = CONTENT.replace(HEAD.sop_uid.encode(), HEAD.sop_uid[:-1].encode() + b"7", 1)
    assert other != CONTENT
    with pytest.raises(NetworkError):
        object_file(PATH, other)
