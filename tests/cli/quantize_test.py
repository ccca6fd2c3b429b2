"""parapet quantize, and verdicts of what it made, beside those of the original."""

import json
import tempfile
import unittest
from pathlib import Path

from program import BUNDLED, ROOT, json_lines, parapet

HELDOUT = ROOT / "tools/bundled_model/heldout.jsonl"
NUM_CONVERSATIONS = 60


def verdicts(*flags: str) -> list[dict]:
    lines = HELDOUT.read_text(encoding="utf-8").splitlines()[:NUM_CONVERSATIONS]
    requests = [json.dumps({"messages": json.loads(line)["messages"]}) for line in lines]
    done = parapet("moderate", "--json", *flags, stdin="\n".join(requests) + "\n")
    assert done.returncode in (0, 3, 4), done.stderr
    return json_lines(done.stdout)


def agreement(ours: list[dict], reference: list[dict]) -> float:
    assert len(ours) == len(reference) == NUM_CONVERSATIONS
    same = sum(a["safety"] == b["safety"] for a, b in zip(ours, reference))
    return same / NUM_CONVERSATIONS


class Quantize(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.made = {}
        for fmt in ("int8", "int4"):
            path = Path(cls.folder.name) / fmt
            done = parapet("quantize", str(BUNDLED), str(path), "--format", fmt, "--json")
            assert done.returncode == 0, done.stderr
            cls.made[fmt] = (path, json.loads(done.stdout))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_labels_of_the_original(self):
        reference = verdicts("--model", str(BUNDLED))
        for fmt, least in (("int8", 0.98), ("int4", 0.9)):
            labels = agreement(verdicts("--model", str(self.made[fmt][0])), reference)
            print(f"{fmt}: {100 * labels:.1f}% of {NUM_CONVERSATIONS} labels as the original's")
            self.assertGreaterEqual(labels, least)

    def test_quantized_at_load_is_the_same_model(self):
        for fmt, (path, _) in self.made.items():
            stored = verdicts("--model", str(path))
            at_load = verdicts("--model", str(BUNDLED), "--quantization", fmt)
            for a, b in zip(stored, at_load):
                self.assertEqual(a["safety"], b["safety"])
                self.assertEqual(a["probabilities"], b["probabilities"])

    def test_smaller(self):
        sizes = {fmt: made[1]["bytes_after"] for fmt, made in self.made.items()}
        before = self.made["int8"][1]["bytes_before"]
        self.assertLess(sizes["int4"], sizes["int8"])
        self.assertLess(sizes["int8"], 0.7 * before)

    def test_refuses_in_one_line(self):
        path, _ = self.made["int8"]
        for arguments in (("quantize", str(path), str(path) + "-again"),
                          ("quantize", str(BUNDLED), str(path)),
                          ("moderate", "--model", str(path), "--quantization", "int4", "hello")):
            done = parapet(*arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertEqual(done.stderr.strip().count("\n"), 0, done.stderr)
        self.assertFalse(Path(str(path) + "-again").exists())


if __name__ == "__main__":
    unittest.main()
