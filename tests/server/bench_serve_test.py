"""parapet bench serve: what it counts of a server of its own, of one that runs, and of a bad one."""

import json
import socket
import subprocess
import threading
import time
import unittest

from serving import PROGRAM, Server


def bench(*arguments: str) -> dict:
    done = subprocess.run([PROGRAM, "bench", "serve", "-c", "4", "--rounds", "1", "--json", *arguments],
                          capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


class Stalling:
    """A server that answers nothing for some seconds after the first request with a deadline."""

    def __init__(self, seconds: float):
        self.seconds = seconds
        self.until = None
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket):
        with connection:
            while request := connection.recv(65536):
                if b"X-Deadline-Ms" in request:
                    self.until = self.until or time.monotonic() + self.seconds
                    time.sleep(max(0, self.until - time.monotonic()))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    def close(self):
        self.listener.close()


class BenchServe(unittest.TestCase):
    def assert_adds_up(self, load: dict):
        self.assertEqual(load["num_sent"], load["num_answered"] + load["num_refused"] +
                         load["num_late"] + load["num_errors"], load)
        self.assertEqual(load["num_errors"], 0, load["first_error"])

    def test_a_server_of_its_own(self):
        result = bench("--duration", "0.3", "--load", "0.5,2", "--pairs", "5",
                       "--mix", "verdicts=4,chat=1,moderations=1,health=1", "--deadline-ms", "0")
        self.assertGreater(result["capacity"], 0)
        self.assertEqual([load["multiple"] for load in result["loads"]], [0.5, 2])
        for load in result["loads"]:
            self.assert_adds_up(load)
            self.assertGreater(load["num_answered"], 0)
            self.assertEqual(load["num_no_verdict"], 0)
            self.assertGreater(load["server"]["http_us"], 0)
        kinds = result["loads"][1]["latency_ms_of_kind"]
        self.assertLessEqual(set(kinds), {"verdicts", "chat", "moderations", "health"})
        self.assertIn("verdicts", kinds)
        overhead = result["overhead"]
        self.assertEqual(overhead["num_pairs"], 5)
        self.assertGreater(overhead["http_ms"]["p50"], 0)
        drain = result["drain"]
        self.assertEqual(drain["lost"], 0)
        self.assertEqual(drain["under_way"], drain["answered"] + drain["refused"] + drain["unsent"])

    # Of more requests than the client can send, those that it has not sent when the server ends are
    # told apart from those that the server did not answer: none.
    def test_a_flooded_drain_loses_nothing(self):
        drain = bench("--mix", "health", "--duration", "0.5", "--rate", "300000", "--pairs", "0",
                      "--max-connections", "64")["drain"]
        self.assertEqual(drain["lost"], 0)
        self.assertEqual(drain["under_way"], drain["answered"] + drain["refused"] + drain["unsent"])

    # Far more than fits: what has no room is refused, and one way or the other is counted so.
    def test_overload(self):
        for how in ("refuse", "flag"):
            result = bench("--duration", "0.3", "--rate", "3000", "--max-waiting", "0",
                           "--max-num-seqs", "4", "--on-overload", how, "--pairs", "0")
            load = result["loads"][0]
            self.assert_adds_up(load)
            self.assertGreater(load["num_refused"], 0, how)
            self.assertIsNone(load["multiple"])

    def test_a_server_that_runs(self):
        server = Server("--api-key", "secret", "--served-model-name", "guard")
        try:
            result = bench("--url", server.url, "--api-key", "secret", "--duration", "0.2",
                           "--rate", "50", "--texts", "1")
            self.assertEqual(result["model"], "guard")
            self.assert_adds_up(result["loads"][0])
            self.assertIsNone(result["overhead"])
            self.assertIsNone(result["drain"])
            done = subprocess.run([PROGRAM, "bench", "serve", "--url", server.url],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2)
            self.assertIn("--api-key", done.stderr)
        finally:
            self.assertEqual(server.stop(), 0)

    # Latency counts from when a request should have been sent, also of those that had to wait for
    # one of few connections: a client that waited for answers would see four slow requests alone.
    def test_a_stall_is_seen_by_all_who_arrive_in_it(self):
        server = Stalling(seconds=0.6)
        try:
            load = bench("--url", server.url, "--mix", "health", "--rate", "200", "--duration", "1",
                         "--max-connections", "4", "--deadline-ms", "100")["loads"][0]
        finally:
            server.close()
        self.assert_adds_up(load)
        self.assertGreater(load["num_answered"], 120)
        # About a hundred arrived in its first half second.
        self.assertGreater(load["num_answered"] - load["goodput"], 60)

    def test_people_get_a_table(self):
        done = subprocess.run([PROGRAM, "bench", "serve", "--mix", "health", "--duration", "0.2",
                               "--load", "0.1", "--rounds", "1", "-c", "4"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        for words in ("capacity:", "goodput", "0.10x", "drained in"):
            self.assertIn(words, done.stdout)
        self.assertEqual(done.stderr, "")

    def test_wrong_options_are_refused(self):
        for arguments, word in ((["--mix", "verdict"], "mix"), (["--mix", "chat=-1"], "mix"),
                                (["--rate", "0"], "rate"), (["--load", "0"], "load"),
                                (["--rounds", "0"], "rounds"), (["--duration", "0"], "duration"),
                                (["--words", "0"], "words"), (["--url", "https://a"], "http://"),
                                (["--url", "http://127.0.0.1:1"], "cannot connect"),
                                (["--url", "http://a", "--shape", "4b"], "excludes"),
                                (["--shape", "tiny"], "tokenizer")):
            done = subprocess.run([PROGRAM, "bench", "serve", *arguments],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2, (arguments, done.stderr))
            self.assertIn(word, done.stderr)


if __name__ == "__main__":
    unittest.main()
