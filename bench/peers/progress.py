"""A bar on standard error, where that is a terminal, for what takes longer than a second."""

import sys
import threading
import time

WIDTH = 30


class Progress:
    def __init__(self, task: str, total: int):
        self.task, self.total, self.done = task, max(total, 1), 0
        self.began = self.drawn = time.monotonic()
        self.lock = threading.Lock()
        self.visible = False

    def add(self, amount: int = 1, note: str = ""):
        with self.lock:
            self.done += amount
            now = time.monotonic()
            if not sys.stderr.isatty() or now - self.began < 1 or now - self.drawn < 0.1:
                return
            self.drawn, self.visible = now, True
            full = WIDTH * self.done // self.total
            print(f"\r\033[K{self.task} [{'#' * full}{'.' * (WIDTH - full)}] "
                  f"{100 * self.done // self.total}% {note}", end="", file=sys.stderr, flush=True)

    def close(self):
        if self.visible:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
