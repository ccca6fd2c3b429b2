"""The tutorial's commands, as they stand on the page, with the bundled model in the place of the 4B folder.

A comment before a fence says what is special: <!-- not run: WHY -->, <!-- status: 3 --> (the exit statuses
that are right, else 0), <!-- server --> (runs beside those that follow).
"""

import os
import re
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs/source/tutorials/models"
BUNDLED = ROOT / "models/parapet-guard-tiny"
SECTIONS = 10  # of vLLM-Ascend's tutorials

FENCE = re.compile(r"(?:<!-- (.+?) -->\n)?```bash\n(.*?)```", re.DOTALL)


def fences(page: Path) -> list[tuple[str, str]]:
    return FENCE.findall(page.read_text(encoding="utf-8"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Tutorial(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name in ("examples", "tests", "tools", "models"):
            (self.folder / name).symlink_to(ROOT / name)
        (self.folder / "bin").mkdir()
        (self.folder / "bin/parapet").symlink_to(os.environ["PARAPET"])
        self.environment = {**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
        self.port = str(free_port())

    def as_here(self, command: str) -> str:
        """The bundled model has 4,096 positions."""
        for ours, here in (("/models/Qwen3Guard-Gen-4B", str(BUNDLED)), ("8192", "4096"),
                           ("8000", self.port)):
            command = command.replace(ours, here)
        return command

    def start(self, command: str):
        server = subprocess.Popen(["bash", "-c", "exec " + command], cwd=self.folder, text=True,
                                  env=self.environment, stderr=subprocess.PIPE, start_new_session=True)
        self.addCleanup(server.stderr.close)
        self.addCleanup(server.wait, 60)
        self.addCleanup(server.send_signal, signal.SIGTERM)
        log = []
        for line in server.stderr:
            log.append(line)
            if "Application startup complete" in line:
                return
        self.fail("the server did not start:\n" + "".join(log))

    def test_every_command_runs(self):
        ran = 0
        for note, text in fences(PAGES / "Qwen3Guard-Gen-4B.md"):
            if note.startswith("not run: "):
                continue
            command = self.as_here(text)
            if note == "server":
                self.start(command)
                continue
            statuses = [int(each) for each in note.removeprefix("status: ").split()] or [0]
            with self.subTest(command=text):
                done = subprocess.run(["bash", "-ec", command], cwd=self.folder, text=True,
                                      env=self.environment, capture_output=True, timeout=120)
                self.assertIn(done.returncode, statuses, done.stdout + done.stderr)
                self.assertNotEqual(done.stdout, "")
            ran += 1
        self.assertGreater(ran, 10)
        report = (self.folder / "benchmarks/accuracy/Qwen3Guard-Gen-4B.md").read_text()
        self.assertIn("| mine | agreement | ✅", report)

    def test_the_translation_has_the_same_commands_and_sections(self):
        english, chinese = (PAGES / f"Qwen3Guard-Gen-4B{end}" for end in (".md", ".zh.md"))

        def commands(page):  # their comments are translated
            return [(note.split(":")[0], re.sub(r"\s+# .*", "", text)) for note, text in fences(page)]

        def sections(page):
            return re.findall(r"^#+ (\d[\d.]*) ", page.read_text(encoding="utf-8"), re.MULTILINE)

        self.assertEqual(commands(english), commands(chinese))
        self.assertEqual(sections(english), sections(chinese))
        self.assertEqual([number for number in sections(english) if "." not in number],
                         [str(number + 1) for number in range(SECTIONS)])

    def test_links_lead_somewhere(self):
        for page in PAGES.glob("*.md"):
            for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
                self.assertTrue((page.parent / link).exists(), f"{page}: {link}")


if __name__ == "__main__":
    unittest.main()
