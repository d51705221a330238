"""Every example in the documentation runs, and every name that is public has documentation."""

import doctest
import inspect
import re
from pathlib import Path

import pytest

import shm_ring
from shm_ring import _errors, _layout, _native, _options, aio, stream

HERE = Path(__file__).parents[1]


def examples() -> list[doctest.DocTest]:
    finder, found = doctest.DocTestFinder(), {}
    for module in (shm_ring, _errors, _layout, _options, aio, stream):
        for test in finder.find(module, module.__name__):
            found[test.name] = test
    for name, thing in vars(_native).items():
        if not name.startswith("__"):
            for test in finder.find(thing, f"shm_ring.{name}", module=False):
                found[test.name] = test
    return [test for test in found.values() if test.examples]


@pytest.mark.parametrize("test", examples(), ids=lambda test: test.name)
def test_an_example_runs(test: doctest.DocTest) -> None:
    output: list[str] = []
    doctest.DocTestRunner().run(test, out=output.append)
    assert not output, "".join(output)


def test_there_are_examples_of_each_class() -> None:
    shown = {test.name.split(".")[-1] for test in examples()}
    classes = {name for name in shm_ring.__all__ if inspect.isclass(getattr(shm_ring, name))}
    without = {
        name for name in classes if not issubclass(getattr(shm_ring, name), Exception)
    } - shown
    # One example of a family.
    assert without <= {"StreamReader", "Options"}


def test_whatever_is_public_has_documentation() -> None:
    for name in shm_ring.__all__:
        thing = getattr(shm_ring, name)
        assert thing.__doc__, name
        if inspect.isclass(thing):
            for member, value in vars(thing).items():
                if not member.startswith("_") and (
                    callable(value) or inspect.isdatadescriptor(value)
                ):
                    assert value.__doc__, f"{name}.{member}"


@pytest.mark.parametrize(
    "block", re.findall(r"```python\n(.*?)```", (HERE / "README.md").read_text(), re.DOTALL)
)
def test_what_the_readme_shows_runs(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        exec(block, {"__name__": "__readme__"})
    finally:
        for ring in shm_ring.list():
            if ring["name"].startswith("readme-"):
                shm_ring.unlink(ring["name"], force=True)
