"""What a server must stand: too much, too slow, too long, strangers, leavers, and its own end."""

import contextlib
import hashlib
import json
import signal
import threading
import time
import unittest

from serving import BUNDLED, Server, ServerCase

LONG = {"prompt": "The guard", "max_tokens": 4000, "ignore_eos": True}


def request_bytes(path: str, body: dict, more: str = "") -> bytes:
    text = json.dumps(body).encode()
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(text)}\r\n{more}\r\n".encode() + text


def read_all(connection) -> bytes:
    pieces = []
    try:
        while piece := connection.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


class Keys(ServerCase):
    FLAGS = ("--api-key", "first key", "sha256:" + hashlib.sha256(b"second").hexdigest())

    def test_every_route_but_health_asks_for_one(self):
        self.assertEqual(self.get("/health").status, 200)
        for path in ("/version", "/metrics", "/v1/models", "/nothing", "/openapi.json", "/v1/console/stats"):
            for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "first key"}):
                self.refused(self.get(path, headers=header), 401)
        for key in ("first key", "second"):
            self.assertEqual(self.get("/version", headers={"Authorization": "Bearer " + key}).status, 200)

    def test_another_origin_is_not_let_in(self):
        answer = self.get("/health", headers={"Origin": "https://example.org"})
        self.assertIsNone(answer.headers["Access-Control-Allow-Origin"])

    def test_keys_are_not_logged(self):
        self.assertNotIn("first key", "\n".join(self.server.log))


class Origins(ServerCase):
    FLAGS = ("--allowed-origins", '["https://example.org"]')

    def test_the_one_that_was_asked_for(self):
        ask = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
        answer = self.server.request("OPTIONS", "/v1/verdicts", headers=ask)
        self.assertEqual((answer.status, answer.headers["Access-Control-Allow-Methods"]), (204, "POST"))
        self.assertEqual(self.get("/health", headers=ask).headers["Access-Control-Allow-Origin"],
                         "https://example.org")
        other = self.get("/health", headers={"Origin": "https://example.com"})
        self.assertIsNone(other.headers["Access-Control-Allow-Origin"])


class Senders(ServerCase):
    FLAGS = ("--timeout-header-ms", "300", "--timeout-body-ms", "300", "--timeout-keep-alive-ms", "600",
             "--max-header-bytes", "2000", "--max-connections", "40")

    def exchange(self, data: bytes) -> bytes:
        with self.server.raw() as connection:
            connection.sendall(data)
            return read_all(connection)

    def test_slow_senders_are_dropped(self):
        begun = time.monotonic()
        self.assertIn(b" 408 ", self.exchange(b"GET /health HT"))
        self.assertIn(b" 408 ", self.exchange(b"POST /v1/verdicts HTTP/1.1\r\nContent-Length: 50\r\n\r\n{"))
        self.assertEqual(self.exchange(b""), b"")  # nothing asked, nothing answered
        self.assertLess(time.monotonic() - begun, 10)

    def test_what_is_no_http(self):
        for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n", b"GET\r\n\r\n",
                     b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                     b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
            self.assertIn(self.exchange(data).split(b" ")[1:2], ([b"400"], []), data)
        self.assertEqual(self.get("/health").status, 200)

    def test_long_headers_are_refused(self):
        answer = self.exchange(b"GET /health HTTP/1.1\r\nX: " + b"x" * 5000 + b"\r\n\r\n")
        self.assertIn(b" 431 ", answer)

    def test_requests_one_behind_another(self):
        three = b"GET /health HTTP/1.1\r\n\r\n" * 2 + b"GET /version HTTP/1.1\r\nConnection: close\r\n\r\n"
        answer = self.exchange(three)
        self.assertEqual(answer.count(b"HTTP/1.1 200"), 3)
        self.assertIn(b'"version"', answer)

    def test_old_http_and_bodies_in_chunks(self):
        self.assertIn(b"Connection: close", self.exchange(b"GET /health HTTP/1.0\r\n\r\n"))
        chunked = (b"POST /tokenize HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                   b"8\r\n{\"prompt\r\n7\r\n\":\"hi\"}\r\n0\r\n\r\n")
        self.assertIn(b'"count"', self.exchange(chunked))
        asked = request_bytes("/tokenize", {"prompt": "hi"}, "Expect: 100-continue\r\nConnection: close\r\n")
        self.assertIn(b"100 Continue", self.exchange(asked))

    def test_more_connections_than_allowed_do_no_harm(self):
        held = [self.server.raw() for _ in range(60)]
        for each in held:
            each.close()
        self.server.until(lambda: self.server.get("/health").status == 200)


class Leavers(ServerCase):
    def test_a_client_that_leaves_frees_its_work(self):
        for stream in (False, True):
            with self.server.raw() as connection:
                connection.sendall(request_bytes("/v1/completions", {**LONG, "n": 4, "stream": stream}))
                self.server.until(lambda: self.server.metric("vllm:num_requests_running") >= 4)
            self.server.until(lambda: self.server.get("/load").json()["server_load"] == 0, 5)

    def test_a_reader_that_does_not_read_is_dropped(self):
        with self.server.raw() as connection:
            body = {"prompt": ["a"] * 64, "max_tokens": 4000, "ignore_eos": True, "stream": True}
            connection.sendall(request_bytes("/v1/completions", body))
            self.server.until(lambda: self.server.get("/load").json()["server_load"] == 64)
            self.server.until(lambda: self.server.get("/load").json()["server_load"] == 0, 60)

    def test_idle_connections_cost_no_threads(self):
        def threads() -> int:
            with open(f"/proc/{self.server.process.pid}/status", encoding="ascii") as status:
                return next(int(line.split()[1]) for line in status if line.startswith("Threads"))
        before = threads()
        held = [self.server.raw() for _ in range(500)]
        self.server.until(lambda: self.server.get("/v1/console/stats").json()["load"]["connections"] >= 500)
        self.assertEqual(threads(), before)
        for each in held:
            each.close()


class Busy(ServerCase):
    FLAGS = ("--max-num-seqs", "2", "--max-waiting", "2", "--max-batch", "4")

    def hold(self, count: int):
        """Fills the server until the connection is closed."""
        connection = self.server.raw()
        connection.sendall(request_bytes("/v1/completions", {**LONG, "n": count}))
        self.server.until(lambda: self.server.get("/load").json()["server_load"] >= count)
        return connection

    def test_no_room_is_told_at_once(self):
        with self.hold(4):
            begun = time.monotonic()
            answer = self.post("/v1/verdicts", {"prompt": "x"})
            self.assertLess(time.monotonic() - begun, 5)
            self.assertEqual(self.refused(answer, 429)["code"], "overloaded")
            self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
            self.assertEqual(self.get("/health").status, 200)
        self.server.until(lambda: self.server.get("/load").json()["server_load"] == 0)
        self.ok(self.post("/v1/verdicts", {"prompt": "x"}))

    def test_more_than_ever_fits_is_the_client_s_fault(self):
        self.refused(self.post("/v1/completions", {"prompt": "x", "n": 5}), 400)
        self.refused(self.post("/v1/verdicts", {"conversations": ["x"] * 5}), 400)

    def test_deadlines(self):
        answer = self.post("/v1/completions", {**LONG, "deadline_ms": 50})
        self.assertEqual(self.refused(answer, 408)["code"], "deadline_exceeded")
        answer = self.post("/v1/completions", LONG, headers={"X-Deadline-Ms": "50"})
        self.assertEqual(self.refused(answer, 408)["code"], "deadline_exceeded")
        self.refused(self.post("/v1/completions", LONG, headers={"X-Deadline-Ms": "soon"}), 400)
        self.server.until(lambda: self.server.get("/load").json()["server_load"] == 0)


class Flagging(Busy):
    FLAGS = (*Busy.FLAGS, "--on-overload", "flag")

    def test_no_room_is_told_at_once(self):
        with self.hold(4):
            (verdict,) = self.ok(self.post("/v1/verdicts", {"prompt": "x"}))["verdicts"]
            self.assertEqual((verdict["safety"], verdict["blocked"]), ("Unavailable", True))
            self.assertEqual(verdict["error"]["status"], 429)
            (result,) = self.ok(self.post("/v1/moderations", {"input": "x"}))["results"]
            self.assertEqual((result["flagged"], result["severity"]), (True, "Unavailable"))
        self.assertGreaterEqual(self.server.metric("parapet:requests_refused_total"), 2)


class End(unittest.TestCase):
    def test_sigterm_answers_what_is_under_way(self):
        server = Server()
        answers = []
        body = {"prompt": "The guard", "max_tokens": 500, "ignore_eos": True}
        asking = [threading.Thread(target=lambda: answers.append(server.post("/v1/completions", body)))
                  for _ in range(3)]
        for each in asking:
            each.start()
        server.until(lambda: server.get("/load").json()["server_load"] == 3)
        server.process.send_signal(signal.SIGTERM)
        for each in asking:
            each.join(60)
        self.assertEqual([each.status for each in answers], [200] * 3)
        self.assertEqual(server.stop(), 0)

    # They were told that the connection would be kept, and cannot know yet that it will not.
    def test_who_was_just_answered_may_ask_once_more(self):
        server = Server()
        with contextlib.ExitStack() as stack:
            kept = [stack.enter_context(server.raw()) for _ in range(20)]
            for each in kept:
                each.sendall(b"GET /health HTTP/1.1\r\n\r\n")
                self.assertIn(b" 200 ", each.recv(4096))
            server.process.send_signal(signal.SIGTERM)
            server.until(lambda: any("Shutting down" in line for line in server.log))
            for each in kept:
                each.sendall(b"GET /health HTTP/1.1\r\n\r\n")
            for each in kept:
                answer = each.recv(4096)
                self.assertIn(b" 503 ", answer)
                self.assertIn(b"Connection: close", answer)
        self.assertEqual(server.stop(), 0)

    def test_a_second_signal_ends_that_too(self):
        server = Server("--drain-timeout", "100")
        with server.raw() as connection:
            connection.sendall(request_bytes("/v1/completions", {**LONG, "n": 64}))
            server.until(lambda: server.get("/load").json()["server_load"] == 64)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            self.assertIsNone(server.process.poll())
            self.assertEqual(server.stop(), 5)


class Start(unittest.TestCase):
    def fails(self, *flags: str) -> str:
        with self.assertRaises(RuntimeError) as caught:
            Server(*flags)
        return str(caught.exception)

    def test_what_cannot_be_honoured_is_refused(self):
        for flags, word in ((("--tensor-parallel-size", "2"), "one device"), (("--enable-lora",), "adapters"),
                            (("--dtype", "float16"), "bfloat16"), (("--ssl-keyfile", "x"), "TLS"),
                            (("--api-key", "sha256:12"), "64"), (("--host", "256.1.1.1"), "256.1.1.1"),
                            (("--config", "/nowhere.yaml"), "nowhere")):
            self.assertIn(word, self.fails(*flags))

    def test_vllm_s_command_line(self):
        server = Server("--dtype", "bfloat16", "-tp", "1", "--max_model_len", "2k", "--trust-remote-code",
                        "--swap-space", "4", "--gpu-memory-utilization", "0.5", "--log-format", "json")
        try:
            self.assertEqual(server.get("/v1/models").json()["data"][0]["max_model_len"], 2048)
            messages = [json.loads(line)["message"] for line in server.log]
            self.assertTrue(any("--trust-remote-code changes nothing" in each for each in messages))
            self.assertTrue(any("KV cache size" in each for each in messages))
        finally:
            self.assertEqual(server.stop(), 0)

    def test_a_file_and_the_environment(self):
        import tempfile
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
            config.write(f"model: {BUNDLED}\nmax-model-len: 1k\nserved_model_name: [a, b]\n"
                         "trust-remote-code: true\nmax-logprobs: 7\n")
            config.flush()
            server = Server("--config", config.name, "--max-logprobs", "3",
                            environment={"PARAPET_MAX_MODEL_LEN": "512"})
            try:
                models = server.get("/v1/models").json()["data"]
                self.assertEqual([each["id"] for each in models], ["a", "b"])
                self.assertEqual(models[0]["max_model_len"], 512)
                body = {"prompt": "x", "logprobs": 4}
                self.assertEqual(server.post("/v1/completions", body).status, 400)
            finally:
                self.assertEqual(server.stop(), 0)

    def test_texts_are_not_logged(self):
        server = Server("--enable-log-requests", "--log-level", "debug")
        server.post("/v1/verdicts", {"prompt": "secret words"})
        server.post("/v1/verdicts", "secret words")
        server.get("/secret words".replace(" ", "%20"))
        self.assertEqual(server.stop(), 0)
        self.assertNotIn("secret", "\n".join(server.log))
        self.assertIn("Request", "\n".join(server.log))


if __name__ == "__main__":
    unittest.main()
