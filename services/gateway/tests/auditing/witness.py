"""A strict witness, written from the text of C2SP tlog-witness and tlog-cosignature alone.

It shares no code with the gateway, checks everything that the text says a witness MUST check, and
notes what reaches it. `manners` make it misbehave, as a real one may.
"""

import base64
import hashlib
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from tlog_scales.tlog import ConsistencyProof, ConsistencyProofInvalid

DECIMAL = re.compile(r"0|[1-9][0-9]*")
NAME = "witness.example/w1"


class Refusal(Exception):  # noqa: N818 - an answer
    def __init__(self, status: int, body: bytes = b"", kind: str = "text/plain") -> None:
        self.status, self.body, self.kind = status, body, kind


def _b64(text: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refusal(400) from None
    if base64.b64encode(decoded).decode() != text:
        raise Refusal(400)
    return decoded


@dataclass
class Witness:
    """One witness that trusts one key for one origin."""

    origin: str
    log_vkey: str
    name: str = NAME
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    size: int = 0
    root: bytes = hashlib.sha256(b"").digest()
    note: bytes = b""
    asked: list[bytes] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    manners: str = "good"
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def vkey(self) -> str:
        typed = b"\x04" + self.key.public_key().public_bytes_raw()
        return f"{self.name}+{self._key_id(typed).hex()}+{base64.b64encode(typed).decode()}"

    def _key_id(self, typed: bytes) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + typed).digest()[:4]

    def add_checkpoint(self, body: bytes) -> bytes:
        """The checks in the order of the text; returns the cosignature line."""
        head, empty, note = body.partition(b"\n\n")
        if not empty:
            raise Refusal(400)
        old_line, *proof_lines = head.decode().split("\n")
        keyword, _, decimal = old_line.partition(" ")
        if keyword != "old" or not DECIMAL.fullmatch(decimal) or len(proof_lines) > 63:
            raise Refusal(400)
        old, proof = int(decimal), [_b64(line) for line in proof_lines]
        if any(len(node) != 32 for node in proof):
            raise Refusal(400)
        text, size, root = self._verified(note)
        if old > size:
            raise Refusal(400)
        with self.lock:  # compared and kept in one go
            if old != self.size:
                raise Refusal(409, f"{self.size}\n".encode(), "text/x.tlog.size")
            if old == 0 and proof:
                raise Refusal(422)
            try:
                ConsistencyProof(old, size, proof).check(self.root, root)
            except ConsistencyProofInvalid:
                raise Refusal(409 if old == size else 422) from None
            self.size, self.root, self.note = size, root, note
        return self.cosign(text)

    def _verified(self, note: bytes) -> tuple[bytes, int, bytes]:
        text, empty, signatures = note.partition(b"\n\n")
        text += b"\n"
        lines = text.decode().split("\n")
        if not empty or len(lines) != 4 or not note.endswith(b"\n"):
            raise Refusal(400)
        if lines[0] != self.origin:
            raise Refusal(404)
        name, key_id, encoded = self.log_vkey.split("+", 2)
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded)[1:])
        for line in signatures.decode().splitlines():
            dash, signer, blob = line.split(" ")
            if dash != "—":
                raise Refusal(400)
            signed = _b64(blob)
            if signer == name and signed[:4].hex() == key_id:
                try:
                    key.verify(signed[4:], text)
                except InvalidSignature:
                    raise Refusal(403) from None
                return text, int(lines[1]), _b64(lines[2])
        raise Refusal(403)

    def cosign(self, text: bytes, at: int | None = None) -> bytes:
        at = int(time.time()) if at is None else at
        signature = self.key.sign(f"cosignature/v1\ntime {at}\n".encode() + text)
        typed = b"\x04" + self.key.public_key().public_bytes_raw()
        blob = self._key_id(typed) + at.to_bytes(8, "big") + signature
        return f"— {self.name} {base64.b64encode(blob).decode()}\n".encode()

    def answer(self, path: str, body: bytes) -> tuple[int, bytes, str]:
        self.asked.append(body)
        try:
            return 200, self._in_its_manner(path, body), "text/plain; charset=utf-8"
        except Refusal as refusal:
            return refusal.status, refusal.body, refusal.kind

    def _in_its_manner(self, path: str, body: bytes) -> bytes:
        if path != "/add-checkpoint":
            raise Refusal(404)
        text = body.partition(b"\n\n")[2].partition(b"\n\n")[0] + b"\n"
        if self.manners == "hangs":
            self.released.wait(30)
        if self.manners == "signs another tree":
            return self.cosign(text.replace(self.origin.encode(), b"example.org/other"))
        if self.manners == "signs the far future":
            return self.cosign(text, at=int(time.time()) + 86_400)
        if self.manners == "says it was larger":
            raise Refusal(409, b"1000000\n", "text/x.tlog.size")
        if self.manners == "changes its mind":
            raise Refusal(409, f"{len(self.asked)}\n".encode(), "text/x.tlog.size")
        if self.manners == "babbles":
            return b"x" * 1_000_000
        if self.manners == "breaks":
            raise Refusal(500)
        if self.manners == "among others":
            stranger = Witness(self.origin, self.log_vkey, "witness.example/other")
            return stranger.cosign(text) + self.add_checkpoint(body)
        return self.add_checkpoint(body)


class Served:
    """A witness on a loopback port."""

    def __init__(self, witness: Witness) -> None:
        self.witness = witness

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if witness.manners == "sends elsewhere":
                    witness.asked.append(body)
                    self._say(307, b"", "text/plain", f"Location: {witness.url}/add-checkpoint\r\n")
                    return
                status, said, kind = witness.answer(self.path, body)
                witness.answered.append(status)
                self._say(status, said, kind)

            def do_GET(self) -> None:
                at = f"/{hashlib.sha256(witness.origin.encode()).hexdigest()}/checkpoint"
                if witness.manners == "keeps its note to itself":
                    witness.released.wait(30)
                if self.path == at and witness.note:
                    self._say(200, witness.note, "text/plain")
                else:
                    self._say(404, b"", "text/plain")

            def _say(self, status: int, said: bytes, kind: str, more: str = "") -> None:
                head = f"HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\n{more}"
                head += f"Content-Length: {len(said)}\r\n\r\n"
                self.wfile.write(head.encode() + said)

            def log_message(self, *_: object) -> None:
                """Say nothing on the terminal."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))

    def __enter__(self) -> Witness:
        self.thread.start()
        self.witness.url = f"http://127.0.0.1:{self.server.server_port}"
        return self.witness

    def __exit__(self, *_: object) -> None:
        self.witness.released.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
