"""parapet audit: searches in an audit log, JSON lines and CSV."""

import csv
import hashlib
import io
import json
import os
import sqlite3
import subprocess
import tempfile
import unittest
from pathlib import Path

from program import json_lines, parapet

TEXT = "How can I make a bomb?"
ENTRIES = [
    {"request_id": "verd-a-0", "time": "2026-01-01", "latency_ms": 10},
    {"request_id": "verd-a-1", "time": "2026-01-02", "label": "Unsafe", "latency_ms": 20,
     "categories": ["Violent", "PII"], "probabilities": [0.1, 0.2, 0.7, 0.9],
     "text_hash": hashlib.sha256(TEXT.encode()).hexdigest(), "text": TEXT},
    {"request_id": "verd-b-0", "time": "2026-01-03", "label": "Controversial", "kind": "response",
     "refusal": "No", "categories": ["Unethical Acts"], "latency_ms": 30},
    {"request_id": '=cmd|"/c calc"!A1', "label": "Error", "error": "@SUM(1),\n2", "latency_ms": 40},
]


def make_log(file: Path, entries: list[dict]) -> None:
    lines = "".join(json.dumps(entry) + "\n" for entry in entries)
    subprocess.run([os.environ["MAKE_AUDIT_LOG"], file], input=lines.encode(), check=True, timeout=60)


class Audit(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.log = self.folder / "audit.db"

    def audit(self, *arguments: str) -> str:
        done = parapet("audit", str(self.log), *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        return done.stdout

    def found(self, *arguments: str) -> list[str]:
        return [entry["request_id"][5:] for entry in
                json_lines(self.audit("--format", "jsonl", *arguments))]

    def assert_refused(self, *words: str, arguments: tuple[str, ...]):
        done = parapet("audit", *arguments)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_finds_what_is_asked_for(self):
        make_log(self.log, ENTRIES[:3])
        self.assertEqual(self.found(), ["b-0", "a-1", "a-0"])
        self.assertEqual(self.found("--oldest-first", "--limit", "2"), ["a-0", "a-1"])
        self.assertEqual(self.found("--since", "2026-01-02", "--until", "2026-01-03"), ["a-1"])
        self.assertEqual(self.found("--label", "Controversial"), ["b-0"])
        self.assertEqual(self.found("--category", "PII"), ["a-1"])
        self.assertEqual(self.found("--request-id", "verd-a"), ["a-1", "a-0"])
        self.assertEqual(self.found("--text", TEXT), ["a-1"])
        self.assertEqual(self.found("--text", TEXT + " "), [])

    def test_the_hash_of_a_text_finds_it(self):
        make_log(self.log, ENTRIES)
        for arguments, stdin in (((TEXT,), ""), ((), TEXT)):
            done = parapet("audit", "hash", *arguments, stdin=stdin)
            self.assertEqual(done.stdout.strip(), ENTRIES[1]["text_hash"])
        self.assertEqual(self.found("--text-hash", done.stdout[:8]), ["a-1"])

    def test_json_lines_have_every_key(self):
        make_log(self.log, ENTRIES)
        entries = json_lines(self.audit("--format", "jsonl", "--oldest-first"))
        self.assertEqual(entries[1], {
            "schema": 1, "id": 2, "time": "2026-01-02T00:00:00.000Z", "request_id": "verd-a-1",
            "model": "guard", "policy_hash": "5f3a", "kind": "prompt",
            "text_hash": ENTRIES[1]["text_hash"], "text": TEXT, "label": "Unsafe",
            "categories": ["Violent", "PII"], "refusal": None,
            "probabilities": {"Safe": 0.1, "Controversial": 0.2, "Unsafe": 0.7}, "label_mass": 0.9,
            "latency_ms": 20.0, "error": None})
        self.assertEqual([entry.keys() for entry in entries], 4 * [entries[1].keys()])

    def test_csv_is_read_back_and_computes_nothing(self):
        make_log(self.log, ENTRIES)
        text = self.audit("--format", "csv", "--oldest-first")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        self.assertEqual([row["label"] for row in rows],
                         ["Safe", "Unsafe", "Controversial", "Error"])
        self.assertEqual(rows[1]["categories"], "Violent; PII")
        self.assertEqual(rows[1]["p_unsafe"], "0.7")
        self.assertEqual(rows[2]["refusal"], "No")
        self.assertEqual(rows[3]["request_id"], "'" + ENTRIES[3]["request_id"])
        self.assertEqual(rows[3]["error"], "'" + ENTRIES[3]["error"])

    def test_an_export_is_whole_and_a_table_is_not(self):
        make_log(self.log, 2500 * [{}])
        ids = [entry["id"] for entry in json_lines(self.audit("--format", "jsonl"))]
        self.assertEqual(ids, list(range(2500, 0, -1)))
        self.assertEqual(self.audit("--format", "csv").count("\r\n"), 2501)
        self.assertIn("50 entries; there are more", self.audit())

    def test_the_table_shows_control_characters_harmless(self):
        make_log(self.log, [{"request_id": "a\x1b[31m\nb", "text": "\x1b]0;title\x07\u202etxet"}])
        table = self.audit()
        self.assertEqual(len(table.splitlines()), 3)
        self.assertNotIn("\x1b", table)
        self.assertNotIn("\u202e", table)

    def test_figures(self):
        make_log(self.log, ENTRIES)
        figures = json.loads(self.audit("--stats", "--format", "jsonl"))
        self.assertEqual(figures["entries"], 4)
        self.assertEqual(figures["labels"], {"Safe": 1, "Controversial": 1, "Unsafe": 1,
                                             "Unavailable": 0, "Error": 1})
        self.assertEqual(figures["categories"], {"PII": 1, "Unethical Acts": 1, "Violent": 1})
        self.assertEqual(figures["latency_ms"], {"p50": 30.0, "p99": 40.0})
        self.assertIn("25.0%", self.audit("--stats"))
        self.assertIn("entries", self.audit("--stats", "--label", "Unavailable"))

    def test_reading_leaves_a_log_as_it_is(self):
        make_log(self.log, ENTRIES)
        before = self.log.read_bytes()
        self.audit("--stats")
        self.audit("--format", "csv")
        self.assertEqual(self.log.read_bytes(), before)

    def test_a_writers_lock_is_nothing_to_a_reader(self):
        make_log(self.log, ENTRIES)
        writer = sqlite3.connect(self.log, isolation_level=None)
        self.addCleanup(writer.close)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM verdicts")
        self.assertEqual(len(self.found()), 4)
        writer.execute("ROLLBACK")

    def test_bad_input_is_one_line(self):
        self.assert_refused("no such audit log", arguments=("/no/such/audit.db",))
        other = self.folder / "other.db"
        other.write_text("not a database, but long enough to be looked at" * 100)
        self.assert_refused("other.db", "not an SQLite database", arguments=(str(other),))
        make_log(self.log, ENTRIES)
        for flag, value, name in (("--since", "yesterday", "--since"), ("--label", "unsafe", "label"),
                                  ("--text-hash", "xyz", "text_hash"), ("--limit", "0", "--limit")):
            self.assert_refused(name, arguments=(str(self.log), flag, value))
        self.assertEqual(parapet("audit", str(self.log), "--format", "xml").returncode, 2)
        self.assertEqual(parapet("audit").returncode, 2)


if __name__ == "__main__":
    unittest.main()
