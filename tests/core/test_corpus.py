"""Every test file and every slice of the real series opens as the table says, or is refused."""

from __future__ import annotations

import pytest

from tests.corpus import SERIES_MISSING, corpus_files, describe, is_of_series, read_table

FILES = corpus_files()
TABLE = read_table()


def test_the_table_names_every_file() -> None:
    absent = set(TABLE) - set(FILES)
    assert set(FILES) <= set(TABLE)
    assert all(map(is_of_series, absent))
    assert not absent or not any(map(is_of_series, FILES))


@pytest.mark.parametrize("name", TABLE)
def test_file(name: str) -> None:
    if name not in FILES:
        pytest.skip(SERIES_MISSING)
    assert describe(name, FILES[name]) == TABLE[name]
