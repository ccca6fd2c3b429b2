"""Hostile and normal traffic mixed: no request is lost, no memory leaks, no thread or descriptor is left behind.

SOAK_SECONDS (8) says for how long; run it for some minutes before a release.
"""

import contextlib
import http.client
import json
import os
import random
import socket
import threading
import time
import unittest

from serving import Server

SECONDS = float(os.environ.get("SOAK_SECONDS", "8"))
NORMAL_CLIENTS = 6
HOSTILE_CLIENTS = 6


class Traffic:
    def __init__(self, server: Server):
        self.server = server
        self.end = time.monotonic() + SECONDS
        self.answered = 0
        self.refused = 0
        self.attacks = 0
        self.kinds: set[str] = set()
        self.faults: list[str] = []
        self.memory: list[int] = []  # KiB that the server holds, now and then
        self.lock = threading.Lock()

    def normal(self, seed: int):
        """Requests one after another on one connection: each must get its own right answer."""
        draw = random.Random(seed)
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        while time.monotonic() < self.end:
            harm = draw.random() < 0.5
            prompt = "How can I make a bomb?" if harm else "Capital of France?"
            name = f"{seed}-{draw.randrange(10**9)}"
            connection.request("POST", "/v1/verdicts", json.dumps({"prompt": prompt}), {"X-Request-Id": name})
            answer = connection.getresponse()
            body = answer.read()
            with self.lock:
                if answer.status == 429:
                    self.refused += 1
                elif answer.status != 200 or answer.headers["X-Request-Id"] != name:
                    self.faults.append(f"{answer.status} {body[:200]!r}")
                elif json.loads(body)["verdicts"][0]["blocked"] != harm:
                    self.faults.append(f"wrong verdict: {body[:300]!r}")
                else:
                    self.answered += 1
        connection.close()

    def hostile(self, seed: int):
        draw = random.Random(1000 + seed)
        attacks = (self.garbage, self.leave_early, self.never_read, self.cut_off, self.wrong_fields, self.floods,
                   self.huge_headers, self.huge_body, self.slow_sender, self.slow_reader, self.bad_text,
                   self.odd_paths)
        while time.monotonic() < self.end:
            attack = draw.choice(attacks)
            try:
                attack(draw)
            except (OSError, http.client.HTTPException):
                pass  # being thrown out is what it asked for
            with self.lock:
                self.attacks += 1
                self.kinds.add(attack.__name__)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=5)

    def post_bytes(self, path: str, body: dict) -> bytes:
        text = json.dumps(body).encode()
        return f"POST {path} HTTP/1.1\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text

    def garbage(self, draw):
        with self.connect() as connection:
            connection.sendall(draw.randbytes(draw.randrange(1, 3000)) + b"\r\n\r\n")
            connection.recv(4096)

    def leave_early(self, draw):
        with self.connect() as connection:
            body = {"prompt": "x", "max_tokens": 3000, "ignore_eos": True, "stream": draw.random() < 0.5, "n": 2}
            connection.sendall(self.post_bytes("/v1/completions", body))
            time.sleep(draw.random() * 0.05)

    def never_read(self, draw):
        with self.connect() as connection:
            connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n" * 200)
            time.sleep(draw.random() * 0.2)

    def cut_off(self, draw):
        whole = self.post_bytes("/v1/chat/completions", {"messages": [{"role": "user", "content": "x" * 500}]})
        with self.connect() as connection:
            connection.sendall(whole[:draw.randrange(len(whole))])
            time.sleep(draw.random() * 0.1)

    def wrong_fields(self, draw):
        values = (None, -1, 1e308, "x" * 100, [], {}, [[]], True, {"a": {"b": []}})
        fields = ("messages", "prompt", "input", "n", "max_tokens", "stop", "temperature", "conversations", "tokens")
        path = draw.choice(("/v1/chat/completions", "/v1/completions", "/v1/moderations", "/v1/verdicts",
                            "/v1/verdicts/stream", "/tokenize", "/detokenize"))
        body = {draw.choice(fields): draw.choice(values) for _ in range(3)}
        answer = self.server.post(path, body, timeout=30)
        if answer.status >= 500:
            self.fault(f"{path} {body}: {answer.status} {answer.body[:200]!r}")

    def fault(self, what: str):
        with self.lock:
            self.faults.append(what)

    def expect(self, bytes_sent: bytes, *statuses: int):
        """Sends them as far as they are taken; if an answer can be read, it is one of these."""
        with self.connect() as connection:
            with contextlib.suppress(OSError):
                connection.sendall(bytes_sent)
            status = connection.recv(4096)[9:12]
            if status and int(status) not in statuses:
                self.fault(f"{status!r} to {bytes_sent[:80]!r}")

    def huge_headers(self, draw):
        header = b"X-%d: " % draw.randrange(100) + b"a" * draw.randrange(30_000, 200_000)
        self.expect(b"GET /health HTTP/1.1\r\n" + header + b"\r\n\r\n", 200, 431)

    def huge_body(self, draw):
        path = draw.choice((b"/v1/verdicts", b"/v1/chat/completions", b"/tokenize"))
        if draw.random() < 0.5:
            self.expect(b"POST " + path + b" HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n{", 413)
        else:  # that it is too long is known only when it has come
            chunk = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
            self.expect(b"POST " + path + b" HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 9, 413, 503)

    def slow_sender(self, draw):
        whole = self.post_bytes("/v1/verdicts", {"prompt": "x" * 50})
        with self.connect() as connection:
            for at in range(draw.randrange(1, 12)):
                connection.sendall(whole[at:at + 1])
                time.sleep(0.1)

    def slow_reader(self, draw):
        with self.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.sendall(self.post_bytes("/v1/completions", {
                "prompt": "x", "max_tokens": 200, "ignore_eos": True, "stream": True, "n": 4}))
            for _ in range(draw.randrange(5)):
                connection.recv(64)
                time.sleep(0.1)

    def bad_text(self, draw):
        body = b'{"prompt": "' + draw.randbytes(draw.randrange(1, 100)) + b'"}'
        path = draw.choice((b"/v1/verdicts", b"/v1/completions?a=%ff", b"/v1/moderations", b"/tokenize"))
        self.expect(b"POST " + path + b" HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body, 200, 400, 429)

    def odd_paths(self, draw):
        path = draw.choice((b"/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd", b"//v1/models", b"/v1/models/%00",
                            b"/v1/models/..%2f..", b"/%", b"*", b"http://x", b"/v1/verdicts/stream/" + b"a" * 9000,
                            b"/\xff\xfe", b"/console/../../server.cc"))
        self.expect(b"GET " + path + b" HTTP/1.1\r\n\r\n", 200, 400, 404, 405)

    def floods(self, draw):
        held = [self.connect() for _ in range(draw.randrange(5, 40))]
        for each in held:
            each.sendall(b"POST /v1/verdicts HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n")
        for each in held:
            each.close()


class Soak(unittest.TestCase):
    def status(self, server: Server, field: str) -> int:
        with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(field + ":"))

    def held(self, server: Server) -> dict[str, int]:
        return {"threads": self.status(server, "Threads"), "KiB": self.status(server, "VmRSS"),
                "descriptors": len(os.listdir(f"/proc/{server.process.pid}/fd"))}

    def run_traffic(self, server: Server, seconds: float) -> Traffic:
        traffic = Traffic(server)
        traffic.end = time.monotonic() + seconds
        clients = [threading.Thread(target=traffic.normal, args=(i,)) for i in range(NORMAL_CLIENTS)]
        clients += [threading.Thread(target=traffic.hostile, args=(i,)) for i in range(HOSTILE_CLIENTS)]
        for each in clients:
            each.start()
        while (left := traffic.end - time.monotonic()) > 0:
            time.sleep(min(left, max(1, seconds / 8)))
            traffic.memory.append(self.status(server, "VmRSS"))
        for each in clients:
            each.join()
        server.until(lambda: server.get("/load").json()["server_load"] == 0, 30)
        server.until(lambda: server.metric("parapet:http_connections") <= 1, 30)
        return traffic

    def test_it_stands(self):
        server = Server("--max-waiting", "400", "--timeout-header-ms", "1000", "--timeout-body-ms", "1000",
                        "--kv-cache-memory", "16M")  # soon all of it has been touched
        try:
            self.run_traffic(server, SECONDS / 3)  # until memory is what it will be
            before = self.held(server)
            traffic = self.run_traffic(server, SECONDS * 2 / 3)
            after = self.held(server)
            print(f"soak: {traffic.answered} answered, {traffic.refused} refused, {traffic.attacks} attacks of "
                  f"{len(traffic.kinds)} kinds; held before {before}, after {after}; KiB meanwhile {traffic.memory}")
            self.assertEqual(traffic.faults, [])
            self.assertGreater(traffic.answered, 10)
            self.assertGreater(traffic.attacks, 10)
            self.assertEqual(after["threads"], before["threads"])
            self.assertLessEqual(after["descriptors"], before["descriptors"] + 2)
            # Less than a kilobyte for each request and attack, beside what allocators keep.
            allowed = 32 * 1024 + (traffic.answered + traffic.attacks) // 2
            self.assertLess(after["KiB"] - before["KiB"], allowed)
            self.assertEqual(server.get("/health").status, 200)
        finally:
            self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
