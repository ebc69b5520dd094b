"""A subscriber's webhook endpoint: takes notices, verifies each signature with Python's hmac as Standard
Webhooks says, and notes what it verified. receiver.py FOLDER: reads FOLDER/secret, writes FOLDER/port once it
listens, FOLDER/notices.tsv as it goes. GET /figures answers the counts so far. Shares no code with the
services."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

# A signature older or younger than this is a replay; the tolerance of the Standard Webhooks libraries.
TOLERANCE_SECONDS = 300
# Notices are far smaller; what is larger is no notice.
MAXIMUM_BYTES = 1 << 20


class Notices:
    """What was verified, and what was not."""

    def __init__(self, secret: bytes, log: TextIO, now: Callable[[], float] = time.time) -> None:
        self.secret = secret
        self.log = log
        self.now = now
        self.seen: set[str] = set()
        self.by_type: dict[str, int] = {}
        self.repeated = 0
        self.invalid = 0

    def take(self, headers: dict[bytes, bytes], body: bytes) -> int:
        """The status to answer with."""
        if not self.is_signed(headers, body):
            self.invalid += 1
            return 401
        notice = headers[b"webhook-id"].decode()
        if notice in self.seen:
            self.repeated += 1
            return 204
        try:
            content = json.loads(body)
            kind, data = content["type"], content["data"]
            what = data.get("event") or data.get("spend") or data.get("issuance") or ""
            line = f"{notice}\t{kind}\t{what}\t{data.get('externalId', '')}\t{data.get('sequence', '')}\n"
        except (ValueError, KeyError, AttributeError):
            self.invalid += 1
            return 400
        self.seen.add(notice)
        self.by_type[kind] = self.by_type.get(kind, 0) + 1
        self.log.write(line)
        return 204

    def is_signed(self, headers: dict[bytes, bytes], body: bytes) -> bool:
        notice, stamp = headers.get(b"webhook-id", b""), headers.get(b"webhook-timestamp", b"")
        if not notice or not stamp.isdigit() or abs(self.now() - int(stamp)) > TOLERANCE_SECONDS:
            return False
        digest = hmac.new(self.secret, b".".join((notice, stamp, body)), hashlib.sha256).digest()
        due = b"v1," + base64.b64encode(digest)
        given = headers.get(b"webhook-signature", b"").split(b" ")
        return any(hmac.compare_digest(due, one) for one in given)

    def figures(self) -> bytes:
        self.log.flush()
        return json.dumps(
            {
                "verified": len(self.seen),
                "repeated": self.repeated,
                "invalid": self.invalid,
                "types": self.by_type,
            }
        ).encode()


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as much of it as a webhook's sender uses."""

    def __init__(self, notices: Notices) -> None:
        self.notices = notices
        self.buffer = b""
        self.promised = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            first, headers = split_head(self.buffer[:end])
            length = headers.get(b"content-length", b"0")
            if b"transfer-encoding" in headers or not length.isdigit() or int(length) > MAXIMUM_BYTES:
                self.answer(413)
                return self.transport.close()
            body_end = end + 4 + int(length)
            if len(self.buffer) < body_end:
                return self.promise(headers)
            body, self.buffer, self.promised = self.buffer[end + 4 : body_end], self.buffer[body_end:], False
            if first.startswith(b"GET /figures "):
                self.answer(200, self.notices.figures())
            elif first.startswith(b"POST "):
                self.answer(self.notices.take(headers, body))
            else:
                self.answer(404)
        if len(self.buffer) > MAXIMUM_BYTES:
            self.transport.close()

    def promise(self, headers: dict[bytes, bytes]) -> None:
        """A sender that asks first is told once that its body is welcome."""
        if not self.promised and headers.get(b"expect", b"").lower() == b"100-continue":
            self.promised = True
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def answer(self, status: int, body: bytes = b"") -> None:
        length = b"" if status == 204 else b"Content-Length: %d\r\n" % len(body)
        self.transport.write(b"HTTP/1.1 %d -\r\n%s\r\n%s" % (status, length, body))


def split_head(head: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    first, *lines = head.split(b"\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip()
    return first, headers


async def serve(folder: Path) -> None:
    secret = base64.b64decode((folder / "secret").read_text().strip().removeprefix("whsec_"), validate=True)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    with (folder / "notices.tsv").open("w") as log:
        notices = Notices(secret, log)
        server = await loop.create_server(lambda: Connection(notices), "127.0.0.1", 0)
        # Under another name first, so that nobody reads half a number.
        (folder / "port.new").write_text(str(server.sockets[0].getsockname()[1]))
        os.replace(folder / "port.new", folder / "port")
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
