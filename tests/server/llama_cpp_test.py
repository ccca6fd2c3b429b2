"""Commands that ask a server, asking llama.cpp's with the bundled model."""

import json
import os
import subprocess
import tempfile
import unittest
import urllib.request
from pathlib import Path

from serving import BUNDLED, PROGRAM, ROOT

PYTHON = Path(os.environ.get("CLIENTS", ROOT / "build/clients")) / "venv/bin/python"
HERE = Path(__file__).parent
SETTINGS = ROOT / "tests/e2e/models/configs/parapet-guard-tiny.yaml"


def has_llama_cpp() -> bool:
    return PYTHON.exists() and subprocess.run(
        [PYTHON, "-c", "import gguf, xllamacpp"], capture_output=True).returncode == 0


@unittest.skipUnless(has_llama_cpp(), "make clients installs it")
class LlamaCpp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.log = open(Path(cls.folder.name) / "log", "w+")
        cls.addClassCleanup(cls.log.close)
        cls.process = subprocess.Popen(
            [PYTHON, HERE / "llama_cpp_server.py", BUNDLED, cls.folder.name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=cls.log, text=True)
        cls.addClassCleanup(cls.stop)
        cls.url = cls.process.stdout.readline().strip()
        if not cls.url:
            cls.log.seek(0)
            raise RuntimeError("llama.cpp's server did not start:\n" + cls.log.read())

    @classmethod
    def stop(cls):
        cls.process.communicate(timeout=60)  # its input ends, and so does it

    def run_parapet(self, *arguments: str, statuses: tuple = (0,)) -> str:
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=300)
        self.assertIn(done.returncode, statuses, done.stdout[-1000:] + done.stderr[-1000:])
        return done.stdout

    def evaluate(self, *arguments: str) -> dict:
        return json.loads(self.run_parapet("eval-precision", "--json", "--candidate", self.url, *arguments))

    def test_it_has_our_tokenizer(self):
        for text in ("What is 25 × 48?", "Translate 'hello' to Chinese.\n\n 你好，世界  It's 12345!\t",
                     "naïve café \U0001f600 <|im_start|>"):
            body = json.dumps({"content": text, "parse_special": False}).encode()
            request = urllib.request.Request(self.url + "/tokenize", body,
                                             {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=60) as answer:
                theirs = json.load(answer)["tokens"]
            ours = json.loads(self.run_parapet("tokenize", "--untrusted", "--json", text))["ids"]
            self.assertEqual(theirs, ours, text)

    # Two programs that share no line of code, in float32: what is left is the order of sums. 4e-7 of
    # the logits was measured, and rounding their log-probabilities to float32 is another 1e-7.
    def test_whole_rows_are_those_of_our_reference(self):
        result = self.evaluate("--max-prompts", "8", "--max-tokens", "8")
        self.assertEqual((result["compared_on"], result["min_logits_compared"]), ("logprobs", 8192))
        self.assertEqual((result["rows"], result["rows_agreeing"]), (9, 9))
        self.assertLess(result["max_relative_error_pct"], 100 * 1e-5)
        self.assertLess(result["max_kl_divergence"], 1e-9)
        self.assertEqual(result["output_text_match_pct"], 100)
        self.assertEqual(result["safety_label_match_pct"], 100)
        self.assertLess(result["max_label_probability_shift"], 1e-5)
        histogram = result["difference_histogram"]
        self.assertEqual(histogram["equal"] + sum(each["count"] for each in histogram["bins"]), 9 * 8192)
        candidate = result["candidate"]
        self.assertEqual((candidate["kind"], candidate["device"]), ("server", "llamacpp"))
        self.assertRegex(candidate["version"], "^b[0-9]")

    def test_likely_tokens_of_whole_answers(self):
        result = self.evaluate("--top-logprobs", "20", "--positions", "generated", "--max-tokens", "6")
        self.assertEqual((result["compared_on"], result["min_logits_compared"]), ("top_logprobs", 20))
        self.assertEqual(result["rows_agreeing"], result["rows"])
        self.assertLess(result["max_relative_error_pct"], 100 * 1e-5)
        self.assertLess(result["max_kl_divergence"], 1e-4)

    def test_e2e_judges_with_it(self):
        def told(*where: str) -> list:
            output = self.run_parapet("e2e", str(SETTINGS), "--json", "--no-report", "--limit", "12", *where,
                                      statuses=(0, 1))  # the values are those of all 600
            return [task["confusion"] for task in json.loads(output)["tasks"]]

        self.assertEqual(told("--server", self.url), told())


if __name__ == "__main__":
    unittest.main()
