"""A slow link on loopback: a TCP proxy that holds each direction to a bit rate, with real backpressure."""

from __future__ import annotations

import queue
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType

_CHUNK = 4096  # bytes; at 5 Mbit/s a chunk takes 6.5 ms
_BUFFER = 16 * 1024  # bytes of socket buffer: a sender must feel the link, not a buffer in front of it
_SEGMENT = 1460  # loopback's 64 kB segments stall against buffers this small


class _Link:
    """One direction of the wire, shared by all its connections: a chunk leaves when its bits had time to."""

    def __init__(self, megabits: float | None) -> None:
        self.megabits = megabits
        self.sent = 0
        self._lock = threading.Lock()
        self._free_at = 0.0

    def transmit(self, size: int) -> None:
        """Wait as long as `size` bytes occupy the wire."""
        rate = self.megabits
        with self._lock:
            self.sent += size
            if rate is None:
                return
            self._free_at = max(self._free_at, time.monotonic()) + size * 8 / (rate * 1e6)
            wait = self._free_at - time.monotonic()
        if wait > 0:
            time.sleep(wait)


class ThrottledProxy:
    """Forward a loopback port to another at a given rate each way.

    The Network domain of Chromium's debugger does not slow WebSockets down; this does.
    `megabits` may be changed at any time, for example None (no limit) while a page
    loads its megabytes of JavaScript, then 5.

    Args:
        target_port: The port on 127.0.0.1 to forward to.
        megabits: Rate of each direction in Mbit/s, shared by all connections; None for no limit.
        latency_ms: Delay of each direction in milliseconds.

    Attributes:
        port: The proxy's own port on 127.0.0.1, known after entering.
    """

    def __init__(self, target_port: int, megabits: float | None, latency_ms: float = 0) -> None:
        if megabits is not None and megabits <= 0:
            raise ValueError(f"megabits must be positive or None, not {megabits!r}")
        if latency_ms < 0:
            raise ValueError(f"latency_ms must not be negative, not {latency_ms!r}")
        self.port = 0
        self._target_port = target_port
        self._latency = latency_ms / 1000
        self._up, self._down = _Link(megabits), _Link(megabits)
        self._listener: socket.socket | None = None
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._cut = False

    def forward_to(self, target_port: int) -> None:
        """Forward new connections to another port: that of a server in the place of the one before."""
        self._target_port = target_port

    def cut(self) -> None:
        """Break every connection, and refuse new ones until `mend`."""
        self._cut = True
        self._shut_all()

    def mend(self) -> None:
        """Take new connections again."""
        self._cut = False

    @property
    def megabits(self) -> float | None:
        """The rate of each direction in Mbit/s; None for no limit."""
        return self._down.megabits

    @megabits.setter
    def megabits(self, megabits: float | None) -> None:
        if megabits is not None and megabits <= 0:
            raise ValueError(f"megabits must be positive or None, not {megabits!r}")
        self._up.megabits = self._down.megabits = megabits

    @property
    def bytes_down(self) -> int:
        """Bytes that went from the target to the clients so far."""
        return self._down.sent

    @property
    def bytes_up(self) -> int:
        """Bytes that went from the clients to the target so far."""
        return self._up.sent

    def __enter__(self) -> ThrottledProxy:
        self._listener = _small_socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        if self._listener is not None:
            _shut(self._listener)
        self._shut_all()

    def _shut_all(self) -> None:
        with self._lock:
            sockets, self._sockets = self._sockets, set()
        for each in sockets:
            _shut(each)

    def _accept(self, listener: socket.socket) -> None:
        while not self._closed:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        target = _small_socket()
        if self._cut:
            _shut(client)
            return
        try:
            target.connect(("127.0.0.1", self._target_port))
        except OSError:
            _shut(client)
            _shut(target)
            return
        with self._lock:
            self._sockets |= {client, target}
        if self._closed or self._cut:
            _shut(client)
            _shut(target)
        pumps = [
            threading.Thread(target=self._pump, args=(client, target, self._up), daemon=True),
            threading.Thread(target=self._pump, args=(target, client, self._down), daemon=True),
        ]
        for pump in pumps:
            pump.start()
        for pump in pumps:
            pump.join()
        with self._lock:
            self._sockets -= {client, target}
        client.close()
        target.close()

    def _pump(self, source: socket.socket, sink: socket.socket, link: _Link) -> None:
        """Carry one direction of one connection until its end."""
        rate = link.megabits or 1000
        in_flight = int(rate * 1e6 / 8 * self._latency / _CHUNK) + 1
        wire: queue.Queue[tuple[float, bytes]] = queue.Queue(maxsize=in_flight)
        delivery = threading.Thread(target=_deliver, args=(wire, sink), daemon=True)
        delivery.start()
        try:
            while chunk := source.recv(_CHUNK):
                link.transmit(len(chunk))
                wire.put((time.monotonic() + self._latency, chunk))
        except OSError:
            pass
        wire.put((0.0, b""))
        delivery.join()


def _deliver(wire: queue.Queue[tuple[float, bytes]], sink: socket.socket) -> None:
    """Hand chunks over when they are due; an empty one ends the direction."""
    broken = False
    while True:
        due, chunk = wire.get()
        if not chunk:
            break
        if broken:
            continue  # keep emptying the queue, so that its feeder can end
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            sink.sendall(chunk)
        except OSError:
            broken = True
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _small_socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT)
    return made


def _shut(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
