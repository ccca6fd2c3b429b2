"""bench/peers: what becomes of measurements. Its installation and weights are no part of the tests."""

import subprocess
import sys
import unittest
from pathlib import Path

PEERS = Path(__file__).resolve().parents[2] / "bench/peers"
sys.path.insert(0, str(PEERS))

from engines import EngineError, measured_round  # noqa: E402
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


class Rounds(unittest.TestCase):
    RESULT = {"threads": 2, "first_token_seconds": 3.0, "peak_resident_bytes": 500, "resident_bytes_before": 100}
    MEASURED = {"prefill_seconds": 1.0, "decode_seconds": [0.1, 0.3], "answer_seconds": 1.4}

    def test_of_a_peer(self):
        told = measured_round(self.RESULT, "peer", 2, self.MEASURED)
        self.assertEqual((told["prefill"], told["verdict"], told["start"]), (1.0, 1.4, 3.0))
        self.assertAlmostEqual(told["decode"], 0.2)
        self.assertEqual(told["memory"], 400)

    def test_other_threads_are_no_comparison(self):
        with self.assertRaisesRegex(EngineError, "peer took 2 threads, not 4"):
            measured_round(self.RESULT, "peer", 4, self.MEASURED)


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

    def test_the_installer_refuses_what_it_does_not_know(self):
        done = subprocess.run(["/bin/bash", PEERS / "install", "--everything"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--transformers", done.stderr)

    def test_refuses_an_unknown_format(self):
        done = self.run_it("--format", "int3")
        self.assertEqual(done.returncode, 2)
        self.assertIn("int3", done.stderr)


if __name__ == "__main__":
    unittest.main()
