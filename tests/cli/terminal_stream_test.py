"""parapet generate on a terminal: the text as it is written, and Ctrl-C."""

import os
import pty
import signal
import subprocess
import unittest

from program import PROGRAM

LONG = ["-p", "The guard", "--max-tokens", "4000", "--ignore-eos"]


class OnATerminal:
    """The program with a terminal as its standard output."""

    def __init__(self, *arguments: str):
        self.terminal, theirs = pty.openpty()
        self.process = subprocess.Popen([PROGRAM, "generate", *arguments], stdin=subprocess.DEVNULL,
                                        stdout=theirs, stderr=subprocess.PIPE)
        os.close(theirs)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        os.close(self.terminal)

    def read(self) -> bytes:
        try:
            return os.read(self.terminal, 65536)
        except OSError:  # the other end is closed
            return b""

    def read_all(self) -> str:
        text = b""
        while piece := self.read():
            text += piece
        self.process.wait(timeout=60)
        return text.decode().replace("\r\n", "\n")


class TerminalStream(unittest.TestCase):
    def test_the_whole_text_arrives(self):
        with OnATerminal("--chat", "-p", "Capital of France?", "-n", "32") as program:
            self.assertEqual(program.read_all(), "Safety: Safe\nCategories: None\n")
            self.assertEqual(program.process.returncode, 0)

    def test_several_answers_are_printed_whole(self):
        with OnATerminal("--chat", "-p", "Capital of France?", "-n", "32", "--n", "2") as program:
            self.assertEqual(program.read_all(), "Safety: Safe\nCategories: None\n" * 2)

    def test_text_comes_before_its_end_and_ctrl_c_ends_it(self):
        with OnATerminal(*LONG) as program:
            self.assertTrue(program.read())
            self.assertIsNone(program.process.poll())
            program.process.send_signal(signal.SIGINT)
            program.read_all()
            self.assertEqual(program.process.returncode, -signal.SIGINT)
            self.assertEqual(program.process.stderr.read(), b"")

    def test_control_characters_do_not_reach_the_terminal(self):
        for text, shown in (("a\x1b[2Jb", "a [2Jb\n"), ("a\x07\tb\nc", "a \tb\nc\n")):
            with OnATerminal("-p", "x", "-n", "32", "--choice", text) as program:
                self.assertEqual(program.read_all(), shown)

    def test_an_error_is_one_line(self):
        with OnATerminal("-p", "x", "--temperature", "-1") as program:
            program.read_all()
            self.assertEqual(program.process.returncode, 2)
            errors = program.process.stderr.read().decode()
            self.assertIn("temperature", errors)
            self.assertEqual(len(errors.splitlines()), 1)


if __name__ == "__main__":
    unittest.main()
