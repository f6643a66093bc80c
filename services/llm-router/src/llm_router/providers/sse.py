"""Server-sent events from whoever sends them: split anywhere, any line end, bounded.

The grammar is that of the HTML standard, section 9.2; only `data` matters to us.
"""

from dataclasses import dataclass, field

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class GarbledStream(Exception):  # noqa: N818 - what arrived, not a fault of ours
    """What arrived is no event stream: bad UTF-8, or an event without end."""


@dataclass(slots=True)
class EventDecoder:
    """Turns chunks of bytes into the data of events, in order.

    `max_event_bytes` bounds one line and the sum of one event's lines.
    """

    max_event_bytes: int
    _pending: bytearray = field(default_factory=bytearray)
    _data: list[str] = field(default_factory=list)
    _data_size: int = 0
    _is_first_line: bool = True
    _skip_line_feed: bool = False

    def feed(self, chunk: bytes) -> list[str]:
        """Return the data of the events that `chunk` completes.

        Raises:
            GarbledStream: bad UTF-8, or an event larger than the bound.
        """
        events: list[str] = []
        if self._skip_line_feed and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._skip_line_feed = False
        self._pending += chunk
        while (line := self._next_line()) is not None:
            if (event := self._read(line)) is not None:
                events.append(event)
        if len(self._pending) > self.max_event_bytes:
            raise GarbledStream("an event without end")
        return events

    def _next_line(self) -> bytes | None:
        pending = self._pending
        ends = [at for at in (pending.find(b"\n"), pending.find(b"\r")) if at >= 0]
        if not ends:
            return None
        end = min(ends)
        after = end + 1
        if pending[end] == ord("\r"):
            # CR LF is one end, and the LF may come with the next chunk.
            if after == len(pending):
                self._skip_line_feed = True
            elif pending[after] == ord("\n"):
                after += 1
        line = bytes(pending[:end])
        del pending[:after]
        return line

    def _read(self, line: bytes) -> str | None:
        if self._is_first_line:
            line = line.removeprefix(_BYTE_ORDER_MARK)
            self._is_first_line = False
        if not line:
            return self._finished()
        name, _, value = line.partition(b":")
        if name == b"data":
            self._keep(value.removeprefix(b" "))
        return None

    def _keep(self, value: bytes) -> None:
        self._data_size += len(value)
        if self._data_size > self.max_event_bytes:
            raise GarbledStream("an event without end")
        try:
            self._data.append(value.decode())
        except UnicodeDecodeError:
            raise GarbledStream("bytes that are no UTF-8") from None

    def _finished(self) -> str | None:
        if not self._data:
            return None
        event = "\n".join(self._data)
        self._data.clear()
        self._data_size = 0
        return event
