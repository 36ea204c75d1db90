"""Any file at all: a value of the type asked for, or a refusal, and never anything else."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from spinealign.domain.paths import resources_dir
from spinealign.export.corrections import corrections_schema
from spinealign.json_files import (
    MOST_BYTES,
    MOST_LEVELS,
    JsonError,
    JsonProblem,
    parse_json,
    read_json,
)
from spinealign.wording.failures import json_reason
from tools.schemas import SCHEMAS, schema_text, write_schemas


@dataclass(frozen=True)
class Leaf:
    share: Annotated[float, Meta(ge=0, le=1)]
    name: str = ""


@dataclass(frozen=True)
class Tree:
    leaves: tuple[Leaf, ...] = ()
    named: dict[str, Leaf] = field(default_factory=dict)
    anything: Any = None


@pytest.mark.parametrize(
    ("text", "problem", "place"),
    [
        ("", JsonProblem.NOT_JSON, ""),
        ("{", JsonProblem.NOT_JSON, ""),
        ("\ud800", JsonProblem.NOT_JSON, ""),
        (b"\xff\xfe\xff", JsonProblem.NOT_JSON, ""),
        ("[]", JsonProblem.WRONG_VALUE, ""),
        ("null", JsonProblem.WRONG_VALUE, ""),
        ('{"leaves": [{"share": 2}]}', JsonProblem.WRONG_VALUE, "leaves[0].share"),
        ('{"leaves": [{"share": true}]}', JsonProblem.WRONG_VALUE, "leaves[0].share"),
        ('{"leaves": [{"share": "1"}]}', JsonProblem.WRONG_VALUE, "leaves[0].share"),
        ('{"leaves": [{}]}', JsonProblem.WRONG_VALUE, "leaves[0]"),
        ('{"leaves": [{"share": 1, "nam": ""}]}', JsonProblem.UNKNOWN_KEY, "leaves[0].nam"),
        ('{"named": {"x": {"share": 1, "y": 1}}}', JsonProblem.UNKNOWN_KEY, "named.x.y"),
        ('{"\\udce9": 1}', JsonProblem.WRONG_VALUE, ""),
        ('{"leaves": [], "leaves": [{"share": 1}]}', JsonProblem.REPEATED_KEY, "leaves"),
        ('{"named": {"x": {"share": 1, "share": 1}}}', JsonProblem.REPEATED_KEY, "share"),
        ('{"anything": NaN}', JsonProblem.NOT_A_NUMBER, ""),
        ('{"anything": -Infinity}', JsonProblem.NOT_FINITE, ""),
        ('{"anything": 1e999}', JsonProblem.NOT_FINITE, ""),
        ('{"anything": ' + "9" * 5000 + "}", JsonProblem.NOT_FINITE, ""),
        ('{"leaves": [{"share": ' + "9" * 400 + "}]}", JsonProblem.WRONG_VALUE, "leaves[0].share"),
        ("[" * 200_000, JsonProblem.TOO_DEEP, ""),
        ('{"a":' * 200_000, JsonProblem.TOO_DEEP, ""),
        ("[" * 200 + "]" * 200, JsonProblem.TOO_DEEP, ""),
        ('{"anything": ' + "[" * 200_000, JsonProblem.TOO_DEEP, ""),
        ('{"unknown": ' + "[" * 500 + "]" * 500 + "}", JsonProblem.TOO_DEEP, ""),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_what_is_refused_is_told(text, problem, place):
    with pytest.raises(JsonError) as caught:
        parse_json(text, Tree, is_strict=True)
    assert (caught.value.problem, caught.value.place) == (problem, place)


def nested(levels):
    return "[" * levels + "]" * levels


def test_the_limit_of_nesting_is_what_is_said():
    whole = f'{{"anything": {nested(MOST_LEVELS - 1)}}}'
    assert parse_json(whole, Tree).anything is not None
    with pytest.raises(JsonError):
        parse_json(f'{{"anything": {nested(MOST_LEVELS)}}}', Tree)


def test_unknown_keys_may_be_left_out():
    assert parse_json('{"new": 1, "leaves": [{"share": 0, "new": 2}]}', Tree) == Tree((Leaf(0.0),))


def test_bytes_of_a_path_that_are_no_unicode_survive():
    name = os.fsdecode(b"n\xe9ck")
    assert parse_json(json.dumps({"share": 1, "name": name}), Leaf, is_strict=True).name == name


jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["leaves", "share"]), inner),
)


@given(jsons.map(json.dumps) | st.text() | st.binary())
@pytest.mark.parametrize("is_strict", [True, False])
def test_nothing_but_a_value_or_a_refusal(is_strict, text):
    try:
        found = parse_json(text, Tree, is_strict=is_strict)
    except JsonError:
        return
    assert isinstance(found, Tree)


class TestFiles:
    def test_a_size_limit_holds_to_the_byte(self, tmp_path):
        path = tmp_path / "leaf.json"
        path.write_text('{"share": 1}'.ljust(100))
        assert read_json(path, Leaf, most_bytes=100) == Leaf(1.0)
        with pytest.raises(JsonError) as caught:
            read_json(path, Leaf, most_bytes=99)
        assert caught.value.problem is JsonProblem.TOO_LARGE
        assert json_reason(caught.value) == "larger than 9.9e-05 MB"

    def test_an_ordinary_limit_is_two_megabytes(self, tmp_path):
        path = tmp_path / "leaf.json"
        path.write_text(" " * (MOST_BYTES + 1))
        with pytest.raises(JsonError) as caught:
            read_json(path, Leaf)
        assert json_reason(caught.value) == "larger than 2 MB"

    def test_no_file_is_the_systems_own_error(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            read_json(tmp_path / "none.json", Leaf)
        with pytest.raises((IsADirectoryError, PermissionError)):
            read_json(tmp_path, Leaf)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    @pytest.mark.parametrize("target", ["pipe", "/dev/zero"])
    def test_what_never_ends_is_not_read(self, tmp_path, target):
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "link.json").symlink_to(tmp_path / target)
        with pytest.raises(JsonError) as caught:
            read_json(tmp_path / "link.json", Leaf)
        assert caught.value.problem is JsonProblem.NOT_A_FILE


@pytest.mark.parametrize("problem", JsonProblem)
@pytest.mark.parametrize("place", ["", "leaves[0]"])
def test_every_refusal_has_words(problem, place):
    reason = json_reason(JsonError(problem, place, "2 MB"))
    assert "{" not in reason
    assert "  " not in reason


class TestPublishedSchemas:
    @pytest.mark.parametrize("name", SCHEMAS)
    def test_they_are_those_of_the_types(self, name):
        published = (resources_dir() / "schemas" / name).read_text(encoding="utf-8")
        assert published == schema_text(SCHEMAS[name]()), "run: python -m tools.schemas"

    def test_they_are_written_whole(self, tmp_path):
        assert [path.name for path in write_schemas(tmp_path)] == list(SCHEMAS)
        written = json.loads((tmp_path / "corrections.schema.json").read_text(encoding="utf-8"))
        assert written == corrections_schema()


THREADS = """
import dataclasses, sys, threading
from spinealign.json_files import typed
sys.setswitchinterval(1e-6)
for _ in range(40):
    inner = dataclasses.make_dataclass("Inner", [(f"a{k}", int) for k in range(30)])
    kind = dataclasses.make_dataclass("Kind", [("rows", list[inner]), ("more", tuple[inner, ...])])
    ready, found = threading.Barrier(4), []
    def take():
        ready.wait()
        row = {f"a{k}": k for k in range(30)}
        found.append(typed({"rows": [row] * 3, "more": [row]}, kind))
    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert len(found) == 4
"""


def test_threads_that_meet_a_type_for_the_first_time_at_once_do_not_crash():
    assert subprocess.run([sys.executable, "-c", THREADS], check=False).returncode == 0
