"""Starts parapet serve, and speaks HTTP to it."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ["PARAPET"]
BUNDLED = ROOT / "models/parapet-guard-tiny"
STARTED = re.compile(r"API server on (?:http://[^:]+:(\d+)|unix:(\S+?))[\s\"]")


class Answer:
    def __init__(self, response: http.client.HTTPResponse):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def events(self) -> list:
        """The JSON of server-sent events, and "[DONE]"."""
        events = [line[len("data: "):] for line in self.body.decode().split("\n\n") if line]
        return [each if each == "[DONE]" else json.loads(each) for each in events]


class Server:
    """A server on a free port, with one thread to keep the log empty on its side."""

    def __init__(self, *flags: str, environment: dict | None = None, model: Path = BUNDLED):
        self.log: list[str] = []
        self.port = None
        host = () if "--host" in flags else ("--host", "127.0.0.1")
        self.process = subprocess.Popen(
            [PROGRAM, "serve", str(model), "--port", "0", *host, *flags],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **(environment or {})})
        self._ready = threading.Event()
        self._started = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._ready.wait(60)
        if not self._started:
            self.process.kill()
            self.stop()
            raise RuntimeError("the server did not start:\n" + "\n".join(self.log))

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))
            if found := STARTED.search(line):
                self.port = int(found[1]) if found[1] else None
            if "startup complete" in line:
                self._started = True
                self._ready.set()
        self._ready.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def request(self, method: str, path: str, body=None, headers: dict | None = None,
                timeout: float = 60) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            if body is not None and not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())

    def get(self, path: str, **more) -> Answer:
        return self.request("GET", path, **more)

    def post(self, path: str, body, **more) -> Answer:
        return self.request("POST", path, body, **more)

    def raw(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def metrics(self, *names: str) -> list[float]:
        """Of each name the sum of all samples, as one answer has them."""
        lines = self.get("/metrics").body.decode().splitlines()
        return [sum(float(line.rsplit(" ", 1)[1]) for line in lines
                    if line.split("{")[0].split(" ")[0] == name)
                for name in names]

    def metric(self, name: str) -> float:
        return self.metrics(name)[0]

    def until(self, condition, seconds: float = 20):
        """Waits for something that comes about by itself."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError("it did not come about:\n" + "\n".join(self.log[-5:]))
            time.sleep(0.02)

    def stop(self, how=signal.SIGTERM, seconds: float = 60) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        status = self.process.wait(seconds)
        self._reader.join(10)
        self.process.stderr.close()
        return status


class ServerCase(unittest.TestCase):
    """Tests that share one server; it must end well when they are done."""

    FLAGS: tuple[str, ...] = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.FLAGS)

    @classmethod
    def tearDownClass(cls):
        status = cls.server.stop()
        if status != 0:
            raise AssertionError(f"the server ended with {status}:\n" + "\n".join(cls.server.log))

    def get(self, path: str, **more):
        return self.server.get(path, **more)

    def post(self, path: str, body, **more):
        return self.server.post(path, body, **more)

    def ok(self, answer: Answer):
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json()

    def refused(self, answer: Answer, status: int, param: str | None = None) -> dict:
        """The error of an answer that must be one, in OpenAI's form."""
        self.assertEqual(answer.status, status, answer.body)
        error = answer.json()["error"]
        self.assertEqual(set(error), {"message", "type", "param", "code"})
        self.assertEqual(len(error["message"].splitlines()), 1)
        if param is not None:
            self.assertEqual(error["param"], param)
        return error
