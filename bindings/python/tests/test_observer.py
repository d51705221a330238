"""Looking at rings: dicts that say what the command says."""

import os

import pytest

import shm_ring


def test_stat_says_what_a_ring_is_and_how_it_stands(name: str) -> None:
    tx = shm_ring.Producer(name, "<u8", items=10, schema=7, label="numbers")
    tx.push_records([1, 2, 3])
    found = shm_ring.stat(name)
    assert {
        key: found[key]
        for key in ("kind", "size", "align", "schema", "label", "limit", "unread", "published")
    } == {
        "kind": "values",
        "size": 8,
        "align": 8,
        "schema": 7,
        "label": "numbers",
        "limit": 80,
        "unread": 3,
        "published": 3,
    }
    assert found["producer"]["pid"] == os.getpid()
    assert (found["producer"]["state"], found["consumer"]["state"]) == ("alive", "absent")
    assert (found["corrupt"], found["settled"], found["unread_bytes"]) == (False, True, 24)
    rings = {ring["name"]: ring for ring in shm_ring.list()}
    assert rings[name[1:]]["id"] == found["id"]
    tx.close()
    assert shm_ring.stat(name)["producer"]["state"] == "closed"


def test_stat_of_messages_and_latest_values(name: str) -> None:
    with shm_ring.MessageProducer(name) as tx:
        tx.push(b"text")
        found = shm_ring.stat(name)
        assert (found["kind"], found["size"], found["unread"], found["unread_bytes"]) == (
            "messages",
            None,
            None,
            16,
        )
    shm_ring.unlink(name, unread=True)
    with shm_ring.LatestWriter(name, "<f4") as writer:
        writer.write(1)
        found = shm_ring.stat(name)
        assert (found["kind"], found["size"], found["published"]) == ("latest", 4, 1)
    with pytest.raises(shm_ring.NotFound):
        shm_ring.stat(name + "-none")
