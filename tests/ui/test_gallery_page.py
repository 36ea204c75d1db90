"""The script of a batch's gallery, run by Qt's JavaScript on a page as small as it needs.

How the page looks was seen in a browser (docs/design/batch.md); what it finds, sorts and leafs
through is tested here.
"""

import json
import re
from pathlib import Path

import pytest
from PyQt6.QtQml import QJSEngine

from spinealign.domain.paths import resources_dir
from spinealign.wording import batch_gallery as words
from spinealign.wording.batch_gallery import ORDERS

STAND_IN = Path(__file__).with_name("gallery_page.js")
PAGE_SIZE = 3
# name, status, kind, confidence, cautions
ROWS = (
    ("alpha", "done", "CT", 0.9, [0]), ("bravo", "done", "MR", 0.2, []),
    ("Charlie", "refused", "", None, []), ("delta", "failed", "", None, []),
    ("echo", "done", "CT", None, [0, 1]), ("foxtrot", "waiting", "", None, []),
    ("golf", "done", "CT", 0.5, []),
)  # fmt: skip
CAUTIONS = [{"code": "a", "text": "Turned film."}, {"code": "b", "text": "No spacing."}]


class Page:
    """The page of `ROWS`, opened with what an address says behind its #."""

    def __init__(self, address=""):
        self.engine = QJSEngine()
        self.run(STAND_IN.read_text(encoding="utf-8"))
        rows = [
            {"number": k, "name": name, "folder": f"f{k}", "status": status, "kind": kind,
             "said": f"Said of {name}.", "confidence": sure, "cautions": cautions, "picture": "",
             "links": []}
            for k, (name, status, kind, sure, cautions) in enumerate(ROWS, start=1)
        ]  # fmt: skip
        data = {
            "rows": rows, "cautions": CAUTIONS, "pageSize": PAGE_SIZE,
            "words": {**words.SHOWN, "statuses": words.STATUSES},
        }  # fmt: skip
        names = re.search(r"const fields = \[(.*?)\]", self.script())[1]
        given = (json.dumps(data), " ".join(json.loads(f"[{names}]")), address)
        self.run(f"load({', '.join(map(json.dumps, given))})")
        # Names of the script are its own, as in a browser's module of one page.
        self.run(f"(function () {{ {self.script()} }})()")

    @staticmethod
    def script():
        return (resources_dir() / "pages" / "gallery.js").read_text(encoding="utf-8")

    def run(self, text):
        answer = self.engine.evaluate(text)
        assert not answer.isError(), answer.toString()
        return answer.toString()

    def type(self, name, value):
        self.run(f"type({json.dumps(name)}, {json.dumps(value)})")
        return self.shown

    @property
    def shown(self):
        return self.run("shown()").split()

    @property
    def all_shown(self):
        found = self.shown
        while self.run("String(ids.next.disabled)") == "false":
            self.run("ids.next.listeners.click()")
            found += self.shown
        return found


@pytest.fixture
def page(qapp):
    return Page()


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("doubt", "bravo golf alpha echo Charlie delta foxtrot"),
        ("sure", "alpha golf bravo Charlie delta echo foxtrot"),
        ("cautions", "echo alpha bravo Charlie delta foxtrot golf"),
        ("name", "Charlie alpha bravo delta echo foxtrot golf"),
        ("number", "alpha bravo Charlie delta echo foxtrot golf"),
    ],
)
def test_results_are_sorted(page, order, expected):
    assert set(ORDERS) == {"doubt", "sure", "cautions", "name", "number"}
    page.type("sort", order)
    assert page.all_shown == expected.split()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("text", "GOLF", "golf"), ("text", "said bravo", "bravo"), ("text", "said f5", "echo"),
        ("text", "turned", "alpha echo"), ("text", "nobody", ""), ("status", "failed", "delta"),
        ("kind", "CT", "golf alpha echo"), ("caution", "b", "echo"),
        ("caution", "none", "bravo golf Charlie delta foxtrot"),
    ],
)  # fmt: skip
def test_results_are_chosen(page, name, value, expected):
    page.type(name, value)
    assert page.all_shown == expected.split()
    total = len(expected.split())
    assert page.run("ids.count.textContent").startswith(f"{total} of {len(ROWS)} ")


def test_choices_go_together_and_begin_at_the_first_page(page):
    page.run("ids.next.listeners.click()")
    assert page.type("caution", "none") == ["bravo", "golf", "Charlie"]
    page.type("caution", "")
    assert page.type("kind", "CT") == ["golf", "alpha", "echo"]
    assert page.type("caution", "a") == ["alpha", "echo"]
    page.run("controls.text.value = 'alpha'")
    page.run("press('Escape', controls.text)")
    assert page.shown == ["alpha", "echo"]


def test_pages_end_at_the_first_and_the_last(page):
    assert page.run("String(ids.previous.disabled)") == "true"
    for key, expected in (
        ("PageUp", "bravo golf alpha"), ("PageDown", "echo Charlie delta"),
        ("PageDown", "foxtrot"), ("PageDown", "foxtrot"), ("PageUp", "echo Charlie delta"),
    ):  # fmt: skip
        page.run(f"press('{key}')")
        assert page.shown == expected.split()


def test_arrows_go_from_result_to_result(page):
    page.run("var cards = ids.cards; cards.children[0].children[0].focus()")
    place = "String(cards.children.map((c) => c.children[0]).indexOf(document.activeElement))"
    for key, expected in (("ArrowRight", 1), ("ArrowDown", 2), ("Home", 0), ("End", 2)):
        page.run(f"press('{key}')")
        assert page.run(place) == str(expected)


def test_the_address_keeps_what_was_chosen(qapp, page):
    page.type("kind", "CT")
    page.type("sort", "number")
    address = page.run("location.hash")
    assert Page(address).shown == page.shown == ["alpha", "echo", "golf"]
    assert Page("#page=2&sort=number").shown == ["golf"]
