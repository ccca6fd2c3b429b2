"""parapet bench: every key, of the right type; what is counted, not how long it took."""

import json
import math
import unittest

from program import BUNDLED, parapet

ENGINE = ["device", "isa", "num_threads", "weights_dtype", "weight_bytes", "kv_cache_dtype",
          "kv_cache_tokens", "kv_cache_bytes", "max_concurrency", "captured_sizes", "total_seconds"]
TIMES = ["forward_ms", "safe_ms", "one_category_ms", "greedy_ms", "greedy_one_category_ms",
         "safe_concurrent_ms", "greedy_concurrent_ms"]
PEAKS = ["read_gb_s", "fp32_gflops", "bf16_gflops", "int8_gops", "int4_gops"]
MIB = 1 << 20


def bench(*arguments: str) -> dict:
    done = parapet("bench", *arguments, "--json")
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


class Bench(unittest.TestCase):
    def assert_engine(self, engine: dict):
        for key in ENGINE:
            self.assertIn(key, engine)
        self.assertGreater(engine["weight_bytes"], 0)
        self.assertGreater(engine["kv_cache_tokens"], 0)

    def assert_positive(self, values: dict, *keys: str):
        for key in keys:
            self.assertTrue(math.isfinite(values[key]), key)
            self.assertGreater(values[key], 0, key)

    def test_kernels(self):
        formats = ["float32", "bfloat16", "float16", "int8", "int4"]
        result = bench("kernels", "--shape", "tiny", "--rounds", "1", "--rows", "1,5",
                       "--format", ",".join(formats), "--max-context", "400", "--threads", "2")
        self.assertEqual(result["device"], "cpu")
        peaks = result["peaks"]
        self.assert_positive(peaks, *PEAKS)
        self.assertEqual([at["num_threads"] for at in peaks["per_thread_count"]], [1, 2])
        self.assertEqual(list(peaks["instructions"]), ["read", "fp32", "bf16", "int8", "int4"])
        measured = {(k["name"], k["format"], k["rows"]) for k in result["kernels"]}
        for name in ("qkv", "o", "gate_up", "down", "lm_head"):
            for weights in formats:
                for rows in (1, 5):
                    self.assertIn((name, weights, rows), measured)
        for name, rows in (("attention decode", 1), ("attention decode", 16),
                           ("attention prefill", 160), ("attention tree", 33), ("rest", 5)):
            self.assertIn((name, "bfloat16", rows), measured)
        for kernel in result["kernels"]:
            self.assert_positive(kernel, "seconds", "gb_s", "of_limit")
            self.assertIn(kernel["bound_by"], ("read", "fp32", "bf16", "int8", "int4"))

    def assert_latency(self, result: dict):
        self.assert_engine(result["engine"])
        self.assert_positive(result["peaks"], *PEAKS)
        self.assertEqual((result["cached_tokens"], result["new_tokens"]), (200, 160))
        self.assert_positive(result["start"], "ready_seconds", "first_token_seconds")
        self.assert_positive(result["prefill"], "tokens_per_second", "gops", "of_limit")
        self.assert_positive(result["decode"], "tokens_per_second", "gb_s", "of_limit")
        self.assert_positive(result["verdict"], "of_limit")
        self.assertEqual(result["verdict"]["passes"], 1)
        self.assert_positive(result["memory"], "resident_bytes", "peak_resident_bytes", "of_limit")
        self.assertEqual(len(result["prompt_token_ids"]), 360)
        self.assertEqual(len(result["answer_token_ids"]), 8)

    def test_latency_of_dummy_weights(self):
        result = bench("latency", "--shape", "tiny", "--rounds", "2")
        self.assert_latency(result)
        self.assertIsNone(result["start"]["first_verdict_seconds"])

    def test_latency_of_a_checkpoint(self):
        result = bench("latency", "--rounds", "1")  # the bundled model
        self.assert_latency(result)
        self.assert_positive(result["start"], "first_verdict_seconds")

    def test_verdict(self):
        result = bench("verdict", "--shape", "tiny", "--rounds", "1")
        self.assert_engine(result["engine"])
        self.assertEqual(result["uncached_tokens"], 64 + 96)
        for key in TIMES:
            self.assertEqual(list(result[key]), ["p50", "p99"])
            self.assertGreater(result[key]["p50"], 0)
            self.assertGreaterEqual(result[key]["p99"], result[key]["p50"])
        for key in ("verdict_over_forward", "greedy_over_verdict", "step_overhead_us",
                    "greedy_over_verdict_one_category", "greedy_over_verdict_concurrent",
                    "step_overhead_us_queued"):
            self.assertIsInstance(result[key], float, key)
            self.assertGreater(result[key], 0, key)
        self.assertEqual(result["passes_safe"], 1)
        self.assertLessEqual(result["passes_one_category"], 2)
        self.assertTrue(0 < result["prefix_hit_rate"] <= 1)

    def test_throughput(self):
        result = bench("throughput", "--shape", "tiny", "--rounds", "2", "--requests", "16",
                       "--own-tokens", "20", "--shared-tokens", "50", "--output-tokens", "4")
        self.assert_engine(result["engine"])
        for key in ("seconds", "requests_per_second", "prompt_tokens_per_second",
                    "output_tokens_per_second", "of_limit"):
            self.assertGreater(result[key], 0, key)
        self.assertGreater(result["peaks"]["fp32_gflops"], 0)
        self.assertAlmostEqual(result["prompt_tokens_per_second"],
                               70 * result["requests_per_second"], delta=1e-3)
        self.assertAlmostEqual(result["output_tokens_per_second"],
                               4 * result["requests_per_second"], delta=1e-3)
        self.assertTrue(0 <= result["prefix_hit_rate"] < 1)
        self.assertEqual(result["preemptions"], 0)
        self.assertGreaterEqual(result["steps"], 2 * 4)

    def assert_card(self, result: dict):
        self.assert_engine(result["engine"])
        self.assertEqual(result["output_tokens"], 2 * 4)
        self.assert_positive(result["dummy_load"], "seconds", "weights_seconds", "resident_bytes")
        self.assert_positive(result["eager"], "first_seconds", "seconds")
        self.assert_positive(result["capture"], "seconds")
        self.assert_positive(result["replay"], "first_seconds", "seconds")
        self.assertEqual(result["capture"]["sizes"], 35)  # the published card's number
        self.assertGreaterEqual(result["dummy_load"]["seconds"],
                                result["dummy_load"]["weights_seconds"])

    def test_card_of_dummy_weights(self):
        result = bench("card", "--shape", "tiny", "--rounds", "1", "--output-tokens", "4")
        self.assert_card(result)
        self.assertIsNone(result["real_load"])
        self.assertEqual(result["prompt_tokens"], 2 * 303)
        self.assertEqual(result["capture"]["graphs"], 35 * 2)  # two layers

    def test_card_of_a_checkpoint(self):
        result = bench("card", str(BUNDLED), "--rounds", "1", "--output-tokens", "4")
        self.assert_card(result)
        self.assert_positive(result["real_load"], "seconds", "resident_bytes")
        self.assertEqual(result["capture"]["graphs"], 35 * 4)

    def test_card_as_markdown(self):
        for arguments, words in (([], ["Test", "Time", "Memory", "Dummy load", "Real weights load",
                                       "Eager inference (2 prompts)", "Graph capture (35 graphs)"]),
                                 (["--language", "zh"],
                                  ["测试项", "耗时", "内存", "Dummy 加载预热", "真实权重加载",
                                   "Eager 推理 (2 prompts)", "图捕获 (35 graphs)"])):
            done = parapet("bench", "card", "--shape", "tiny", "--rounds", "1", "--output-tokens", "1",
                           "--markdown", *arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
            self.assertEqual(len(rows), 2 + 5)
            self.assertEqual({row.count("|") for row in rows}, {4})
            for word in words:
                self.assertIn(word, done.stdout)
            self.assertIn("—", rows[3])  # a shape has no weights to load

    # The cache is so small that the first round has written all of it: memory that the system
    # hands out at the first touch must not look like a leak.
    def test_two_thousand_requests_leave_no_memory_behind(self):
        result = bench("throughput", "--shape", "tiny", "--rounds", "4", "--requests", "500",
                       "--kv-cache-memory", "8M")
        first, last = result["resident_bytes_first"], result["resident_bytes_last"]
        self.assertGreater(result["resident_bytes_ready"], MIB)
        self.assertLessEqual(last, first * 1.05 + 4 * MIB)

    def test_without_a_terminal_people_get_plain_text(self):
        done = parapet("bench", "throughput", "--shape", "tiny", "--rounds", "1", "--requests", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("requests/s", done.stdout)
        self.assertIn("Maximum concurrency for 1024 tokens per request", done.stdout)
        self.assertNotIn("\033", done.stdout)

    def test_wrong_options_are_refused(self):
        for arguments, word in ((["verdict", "--shape", "huge"], "huge"),
                                (["verdict", "--shape", "tiny", "--rounds", "0"], "rounds"),
                                (["verdict", "--shape", "tiny", "--policy-tokens", "0"], "policy_tokens"),
                                (["throughput", "--shape", "tiny", "--requests", "0"], "requests"),
                                (["throughput", "--shape", "tiny", "--requests", "-5"], "requests"),
                                (["throughput", "--shape", "tiny", "--own-tokens", "2000"], "max_model_len"),
                                (["kernels", "--shape", "tiny", "--format", "int3"], "int3"),
                                (["kernels", "--shape", "tiny", "--rows", "0"], "rows"),
                                (["kernels", "--shape", "huge"], "huge"),
                                (["kernels", "--shape", "tiny", "--isa", "mmx"], "mmx"),
                                (["latency", "--shape", "tiny", "--new-tokens", "0"], "new_tokens"),
                                (["latency", "--shape", "tiny", "--new-tokens", "900"], "max_model_len"),
                                (["card", "--shape", "huge"], "huge"),
                                (["card", "--shape", "tiny", "--output-tokens", "0"], "output_tokens"),
                                (["card", "--shape", "tiny", "--enforce-eager"], "enforce_eager"),
                                (["card", "no-such-folder"], "no-such-folder"),
                                (["card", "--shape", "tiny", "--markdown", "--json"], "excludes"),
                                ([], "subcommand")):
            done = parapet("bench", *arguments)
            self.assertEqual(done.returncode, 2, (arguments, done.stderr))
            self.assertIn(word, done.stderr)


if __name__ == "__main__":
    unittest.main()
