"""serve --precision-check: what is too far from float32 is not served."""

import json
import os
import subprocess
import unittest

from serving import BUNDLED, PROGRAM, Server


class PrecisionCheck(unittest.TestCase):
    def test_what_passes_is_served(self):
        server = Server("--precision-check", "--quantization", "int8")
        self.addCleanup(server.stop)
        lines = [line for line in server.log if "Precision check: PASS" in line]
        self.assertEqual(len(lines), 1, server.log)
        self.assertIn("min_cosine_similarity=0.9999", lines[0])
        self.assertEqual(server.get("/health").status, 200)

    def test_what_misses_a_threshold_is_not(self):
        done = subprocess.run(
            [PROGRAM, "serve", str(BUNDLED), "--port", "0", "--host", "127.0.0.1", "--quantization",
             "int4", "--precision-check", "--precision-min-cosine", "0.99999", "--log-format", "json"],
            capture_output=True, text=True, timeout=120, env=os.environ)
        self.assertEqual(done.returncode, 1, done.stderr)
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        self.assertEqual(lines[-1]["level"], "error")
        self.assertIn("Precision check: FAIL", lines[-1]["message"])
        self.assertIn("not served", lines[-1]["message"])
        self.assertLess(lines[-1]["min_cosine_similarity"], 0.99999)
        self.assertFalse(any("startup complete" in line["message"] for line in lines))


if __name__ == "__main__":
    unittest.main()
