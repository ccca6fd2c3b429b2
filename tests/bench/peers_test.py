"""bench/peers: what becomes of measurements. Its installation and weights are no part of the tests."""

import subprocess
import sys
import unittest
from pathlib import Path

PEERS = Path(__file__).resolve().parents[2] / "bench/peers"
sys.path.insert(0, str(PEERS))

from ratios import flat_ratios, summarize  # noqa: E402
from shapes import SHAPES  # noqa: E402


def side(seconds: float) -> dict:
    return {"prefill": seconds, "decode": seconds / 10, "verdict": 2 * seconds, "start": 1.0,
            "memory": 100}


class Ratios(unittest.TestCase):
    def test_above_one_means_that_we_are_faster(self):
        summary = summarize([(side(1), side(4))])
        self.assertEqual(summary["prefill"], {"ours": 1, "theirs": 4, "ratio": 4})
        self.assertEqual(summary["memory"]["ratio"], 1)

    def test_ratios_are_taken_within_a_round(self):
        # The machine is slow in the second round, for both.
        summary = summarize([(side(1), side(2)), (side(10), side(20)), (side(1), side(2.2))])
        self.assertEqual(summary["prefill"]["ratio"], 2)

    def test_flat_names(self):
        flat = flat_ratios({"int8": summarize([(side(1), side(3))])})
        self.assertEqual(flat["prefill_int8"], 3)
        self.assertIn("verdict_int8", flat)


class Shapes(unittest.TestCase):
    def test_config_is_whole(self):
        config = SHAPES["4b"].config()
        self.assertEqual(config["architectures"], ["Qwen3ForCausalLM"])
        self.assertEqual(config["hidden_size"], 2560)


class Run(unittest.TestCase):
    def run_it(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, PEERS / "run", *arguments], capture_output=True,
                              text=True, env={"PARAPET_PEERS": "/nonexistent", "PATH": ""})

    def test_says_what_to_install(self):
        done = self.run_it("--shape", "tiny")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("bench/peers/install", done.stderr)

    def test_refuses_an_unknown_format(self):
        done = self.run_it("--format", "int3")
        self.assertEqual(done.returncode, 2)
        self.assertIn("int3", done.stderr)


if __name__ == "__main__":
    unittest.main()
