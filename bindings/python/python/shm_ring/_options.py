"""Owns: the names and types of the options. Knows nothing of: what is done with them."""

from __future__ import annotations

from typing import Literal, TypedDict


class Options(TypedDict, total=False):
    """How a ring is created, opened and attached to: keywords of all that do so.

    ``items``, ``bytes`` or ``history``, ``mode``, ``group`` and ``sparse`` matter to the creator; ``schema`` and ``label`` must
    be the same on both sides; the rest is each side's own. An opener that says how much the ring holds is refused if it holds
    something else.
    """

    #: Room for exactly this many values at once.
    items: int | None
    #: Room for exactly this many bytes of records, messages with their headers; 64 KiB if nothing is said.
    bytes: int | None
    #: How many of its newest values a latest value keeps at least.
    history: int | None
    #: What the payloads of messages are aligned to at least, in bytes.
    align: int | None
    #: The most bytes that a ring which is opened may have.
    max_capacity: int | None
    #: A number that names the meaning of the values, such as that of :func:`shm_ring.schema_id`; 0 if nothing is said.
    schema: int | None
    #: A text of up to 64 bytes that says what is inside.
    label: str | None
    #: Permission bits of a new region, and the most that others may be allowed to write when opening one; 0o600.
    mode: int | None
    #: The number of the group that a new region is given.
    group: int | None
    #: Opens regions of other users too.
    any_owner: bool | None
    #: Touches every page when attaching.
    prefault: bool | None
    #: Locks the pages in memory when attaching.
    lock_memory: bool | None
    #: Allocates pages when they are first touched.
    sparse: bool | None
    #: Removes the name when the last user leaves and nothing is unread.
    unlink_on_close: bool | None
    #: Whether the kernel tells the other side at once, should this process die; True. It takes a thread.
    death_notice: bool | None
    #: Whether this process takes part in membarrier; True.
    membarrier: bool | None
    #: Seconds that attaching waits for a role whose last holder has died or closed and has not given it up yet; 5.
    attach_timeout: float | None
    #: Which ends of the other side are reported: of one that was there or came later, or of every stream.
    ends: Literal["mine", "of_stream"] | None
    #: How this side waits: spin and then sleep, spin, or sleep at once.
    wait: Literal["balanced", "spin", "park"] | None
