"""Owns: the exceptions, whose words are the library's. Knows nothing of: when which is raised."""


class Error(Exception):
    """What all exceptions of this module have in common.

    >>> issubclass(TimedOut, TimeoutError) and issubclass(TimedOut, Error)
    True
    """

    #: How many records of a batch were published before.
    pushed: int = 0


class NotFound(Error, FileNotFoundError):
    """Nothing stands under the name, or it was removed or replaced since."""


class AlreadyExists(Error, FileExistsError):
    """Something stands under the name already."""


class Incompatible(Error, ValueError):
    """A ring, but not the one that was asked for: its kind, size, alignment, schema id, label or limit differs."""


class RoleTaken(Error):
    """Somebody holds the role already: a ring has one producer and one consumer."""


class NotAllowed(Error, PermissionError):
    """The region belongs to another user, or more people may write it than was agreed to."""


class Unread(Error):
    """Something in the region can still be read, so it is not removed."""


class Corrupt(Error):
    """What stands there is no ring, is damaged, or contradicts the protocol. Final for this end."""


class InvalidArgument(Error, ValueError):
    """An argument cannot be: the text says which, and what to give."""


class SystemFailure(Error, OSError):
    """A system call failed, or there is no room for the region."""


class TimedOut(Error, TimeoutError):
    """There was nothing to read, or no room, until the time was over."""


class Closed(Error, EOFError):
    """The other side has closed in order, and everything was read."""


class PeerDead(Error, ConnectionError):
    """The other side died, and everything that it published was read."""


class EndClosed(Error, ValueError):
    """This end was closed here."""


class Busy(Error, RuntimeError):
    """The end is in a call of another thread, or has lent records or room."""


class Forked(Error, RuntimeError):
    """The end belongs to the process that this one was forked from: attach after forking."""


class Empty(Error):
    """Nothing was ever written to a latest value."""


class Lagged(Error):
    """Values were lost, since the writer overtook this reader."""

    def __init__(self, text: str, lost: int = 0) -> None:
        super().__init__(text)
        #: How many.
        self.lost = lost


class Overrun(Error):
    """The writer overwrote each slot while it was copied: read again."""
