"""Every number that decides a clinical result has a name, and states where it comes from."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "spinealign"
PACKAGES = ("measure", "radiograph", "frontal", "lumbar", "gate")
PLAIN = {0, 1, 2, 3, 4, -1, 0.5}
"""Numbers that count, halve or double; they decide nothing that could be set otherwise."""

CONVERSIONS = {90, 100, 180, 255, 256, 360}
"""Per cent, degrees, and the range of a byte."""

GUARD = 1e-5
"""Smaller numbers keep a division from failing."""

MODULES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_constants_state_their_source(path: Path) -> None:
    assert list(unexplained(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_function_holds_a_number_of_its_own(path: Path) -> None:
    assert list(nameless(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_what_lacks_a_source_or_a_name_is_found() -> None:
    tree = ast.parse(
        "A = 0.7\n_B, _C = 1, 2\n'''Source: none.'''\ndef f(x):\n    return x > 0.62\n"
    )
    assert list(unexplained(tree)) == ["A"]
    assert list(nameless(tree)) == ["f: 0.62"]


def unexplained(tree: ast.Module):
    """Yield constants whose docstring names no source."""
    following = [*tree.body[1:], None]
    for node, after in zip(tree.body, following, strict=True):
        if isinstance(node, ast.Assign | ast.AnnAssign) and any(decides(n) for n in numbers(node)):
            docstring = ast.get_docstring(ast.Module([after], [])) if after is not None else None
            if "Source:" not in (docstring or ""):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                yield ast.unparse(target)


def nameless(tree: ast.Module):
    """Yield numbers written inside functions."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for value in numbers(function):
                if decides(value) and value not in PLAIN | CONVERSIONS:
                    yield f"{function.name}: {value}"


def numbers(node: ast.AST):
    """Yield the numbers in a piece of code."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and type(part.value) in (int, float):
            yield part.value


def decides(value: float) -> bool:
    return abs(value) >= GUARD
