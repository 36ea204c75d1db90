"""Every test file of pydicom and pydicom-data opens as the table says, or gives its reason."""

from __future__ import annotations

import pytest

from tests.corpus import corpus_files, describe, read_table

FILES = corpus_files()
TABLE = read_table()


def test_the_table_names_every_file() -> None:
    assert set(TABLE) == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_file(name: str) -> None:
    assert describe(name, FILES[name]) == TABLE[name]
