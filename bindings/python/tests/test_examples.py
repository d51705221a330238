"""Each example runs as a user runs it, and says what came through."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1] / "examples"

SAY = {
    "camera.py": (["50"], r"50 frames of 1048592 bytes, brightest pixel 255"),
    "tables.py": (
        ["30000"],
        r"30000 ticks in \d+ record batches; volume by symbol: \{0: \d+, 1: \d+, 2: \d+, 3: \d+\}",
    ),
    "service.py": (["300"], r"300 requests served, and the loop did \d+ other things meanwhile"),
    "loader.py": (["200", "2"], r"200 samples of 2 workers; mean of class 9: (8\.9|9\.0)\d"),
}


@pytest.mark.parametrize("example", SAY, ids=SAY.keys())
def test_an_example_runs(example: str) -> None:
    if example == "tables.py":
        pytest.importorskip("pandas")
        pytest.importorskip("pyarrow")
    arguments, says = SAY[example]
    ran = subprocess.run(
        [sys.executable, HERE / example, *arguments], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert re.fullmatch(says, ran.stdout.strip()), ran.stdout


def test_each_example_has_its_test() -> None:
    assert sorted(SAY) == sorted(path.name for path in HERE.glob("*.py"))
