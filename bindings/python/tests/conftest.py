"""Owns: what the tests have in common: names that are removed again, peers that end. Knows nothing of: what is tested."""

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import shm_ring

COUNT = itertools.count()
#: No test waits longer for anything.
LONG = 20.0


@pytest.fixture
def name() -> Iterator[str]:
    """A name of this test's own, which is gone afterwards."""
    name = f"/shm-ring-py-{os.getpid()}-{next(COUNT)}"
    yield name
    with contextlib.suppress(shm_ring.NotFound):
        shm_ring.unlink(name, force=True)


Started = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def python() -> Iterator[Started]:
    """Starts programs of Python, which end with the test. Each line that they print is read by the test."""
    started: list[subprocess.Popen[str]] = []

    def start(program: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-u", "-c", program, *arguments]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


@pytest.fixture
def command() -> Callable[..., subprocess.Popen[bytes]]:
    """Starts the command shm-ring, whose program SHM_RING names."""
    program = os.environ.get("SHM_RING") or shutil.which("shm-ring")
    if not program:
        pytest.skip("SHM_RING does not name the command shm-ring")

    def start(*arguments: str, **how: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen([program, *arguments], **how)  # type: ignore[call-overload, no-any-return]

    return start


@pytest.fixture(scope="session")
def c_peer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A peer in C, compiled: one side of a ring, written from LAYOUT.md alone."""
    source = Path(__file__).parents[3] / "crates/shm-ring-outsider/c/peer.c"
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not source.exists():
        pytest.skip("there is no C compiler, or not the source of the peer")
    program = tmp_path_factory.mktemp("c") / "peer"
    subprocess.run([compiler, "-O1", "-std=c11", source, "-o", program], check=True)
    return program


def in_thread(call: Callable[[], object]) -> threading.Thread:
    """Runs it beside the test; the test joins it."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


def join(thread: threading.Thread) -> None:
    """Sees it end."""
    thread.join(LONG)
    assert not thread.is_alive()
