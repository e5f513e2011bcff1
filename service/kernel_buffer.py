"""What the kernel still holds of an answer: bounded, counted, and dropped where a connection is aborted.

    protocol -> [kernel_buffer] -> the socket of a connection

A response waits for its reader by what is unsent in this process. What the kernel has taken looks sent, though a slow
reader may need minutes for it. So it may take little, and what its peer has not acknowledged is counted. Knows sockets
alone: a platform, or a transport, that does not have one of these options goes on without it.
"""

import fcntl
import socket
import struct
import termios
from asyncio import Transport
from contextlib import suppress

UNSENT_IN_KERNEL_BYTES = 128 << 10
"""Unsent bytes in the kernel; 4 MB without it, and then a slow reader makes no visible progress for minutes."""


def keep_few_unsent(transport: Transport) -> None:
    """Keep few unsent bytes in the kernel, where the platform can."""
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    connection = transport.get_extra_info("socket")
    if option is not None and connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):  # the client has gone already
            connection.setsockopt(socket.IPPROTO_TCP, option, UNSENT_IN_KERNEL_BYTES)


def unacknowledged_bytes(transport: Transport) -> int:
    """Bytes in the kernel that the client's kernel has not taken; 0 where the platform does not say."""
    connection = transport.get_extra_info("socket")
    if connection is None:
        return 0
    try:
        return int(struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0])
    except OSError:
        return 0


def forget_unsent(transport: Transport) -> None:
    """Let the kernel drop what it still has to send when the connection is closed."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
