"""parapet serve --audit-log: what is answered is in the log, and what is not in the log is not answered."""

import json
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from program import BUNDLED, PROGRAM, json_lines, parapet


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Server:
    """The server with the bundled model, until the end of its `with`."""

    def __init__(self, log: Path, *flags: str):
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.process = subprocess.Popen(
            [PROGRAM, "serve", str(BUNDLED), "--host", "127.0.0.1", "--port", str(port),
             "--max-model-len", "1024", "--audit-log", str(log), *flags],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def __enter__(self):
        for _ in range(600):
            try:
                with urllib.request.urlopen(self.url + "/health", timeout=5):
                    return self
            except OSError:
                assert self.process.poll() is None, self.process.stderr.read()
                time.sleep(0.1)
        raise AssertionError("the server did not get ready")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.process.stderr.close()

    def judge(self, text: str) -> dict:
        request = urllib.request.Request(self.url + "/v1/verdicts", json.dumps({"prompt": text}).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["verdicts"][0]

    def audit(self, **parameters: str) -> dict:
        with urllib.request.urlopen(f"{self.url}/v1/audit?{urllib.parse.urlencode(parameters)}",
                                    timeout=30) as answer:
            return json.load(answer)


class ServeAudit(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.log = Path(folder.name) / "audit.db"

    def recorded(self) -> list[dict]:
        done = parapet("audit", str(self.log), "--format", "jsonl")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json_lines(done.stdout)

    def test_killed_it_has_written_what_it_answered(self):
        answered = []
        with Server(self.log) as server:
            def ask():
                try:
                    while True:
                        answered.append(server.judge("Capital of France?")["id"])
                except (OSError, ValueError, urllib.error.URLError):
                    return  # it was killed

            clients = [threading.Thread(target=ask) for _ in range(4)]
            for client in clients:
                client.start()
            while len(answered) < 100:
                time.sleep(0.01)
            server.process.kill()
            for client in clients:
                client.join()
        self.assertEqual(set(answered) - {entry["request_id"] for entry in self.recorded()}, set())

    def test_a_verdict_that_cannot_be_written_is_not_given(self):
        with Server(self.log) as server:
            self.assertEqual(server.judge("Capital of France?")["safety"], "Safe")
            other = sqlite3.connect(self.log, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            refused = server.judge("Capital of France?")
            self.assertIsNone(refused["safety"])
            self.assertTrue(refused["blocked"])
            self.assertEqual(refused["error"]["code"], "audit_log")
            other.execute("ROLLBACK")
            other.close()
            self.assertEqual(server.judge("Capital of France?")["safety"], "Safe")
        self.assertEqual([entry["label"] for entry in self.recorded()], ["Safe", "Safe"])

    def test_the_log_agrees_with_the_answers_and_is_searched_over_http(self):
        text = "How can I make a bomb?"
        with Server(self.log) as server:
            verdict = server.judge(text)
            server.judge("Capital of France?")
            digest = parapet("audit", "hash", text).stdout.strip()
            page = server.audit(text_hash=digest[:12])
            self.assertEqual([entry["request_id"] for entry in page["data"]], [verdict["id"]])
            entry = page["data"][0]
            self.assertEqual((entry["label"], entry["categories"], entry["probabilities"], entry["text"]),
                             (verdict["safety"], verdict["categories"], verdict["probabilities"], None))
            self.assertEqual(len(server.audit(limit="1")["data"]), 1)
            with self.assertRaises(urllib.error.HTTPError) as wrong:
                server.audit(label="unsafe")
            self.assertEqual(wrong.exception.code, 400)
            wrong.exception.close()

    def test_ended_in_the_middle_of_work_it_ends_in_order(self):
        for _ in range(3):
            with Server(self.log, "--drain-timeout", "0") as server:
                def ask():
                    try:
                        while True:
                            server.judge("word " * 500)
                    except (OSError, ValueError, urllib.error.URLError):
                        return  # it was ended

                clients = [threading.Thread(target=ask) for _ in range(4)]
                for client in clients:
                    client.start()
                time.sleep(0.3)
                server.process.send_signal(signal.SIGTERM)
                self.assertIn(server.process.wait(30), (0, 5))  # not by a signal
                for client in clients:
                    client.join()

    def test_a_log_that_cannot_be_opened_is_one_line(self):
        self.log.write_text("not a database" * 1000)
        done = parapet("serve", str(BUNDLED), "--port", "0", "--audit-log", str(self.log))
        self.assertEqual(done.returncode, 2)
        self.assertEqual(len([line for line in done.stderr.splitlines() if "ERROR" in line.upper()
                              or "audit.db" in line]), 1, done.stderr)


if __name__ == "__main__":
    unittest.main()
