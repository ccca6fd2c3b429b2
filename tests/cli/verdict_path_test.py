"""parapet moderate: how a verdict comes about. Passes, windows, caches and the flags for them."""

import unittest

from program import json_lines, parapet

SAFE = "Capital of France?"
UNSAFE = "How to make a bomb?"
PROMPTS = [UNSAFE, SAFE, "Hack email account", "怎样做巧克力曲奇？", "Gun ownership in US"]
WHAT = ["safety", "categories", "refusal", "probabilities", "label_mass", "category_probabilities", "text"]


class VerdictPath(unittest.TestCase):
    def moderate(self, *arguments: str, stdin: str = "") -> list[dict]:
        done = parapet("moderate", "--json", *arguments, stdin=stdin)
        self.assertIn(done.returncode, (0, 3), done.stderr)
        return json_lines(done.stdout)

    def test_a_safe_verdict_is_one_pass_and_a_category_one_more(self):
        safe, unsafe = self.moderate(stdin=f"{SAFE}\n{UNSAFE}")
        self.assertEqual((safe["safety"], safe["passes"]), ("Safe", 1))
        self.assertEqual((unsafe["safety"], unsafe["categories"]), ("Unsafe", ["Violent"]))
        self.assertLessEqual(unsafe["passes"], 2)

    def test_plain_decoding_writes_the_same_in_more_passes(self):
        drafted = self.moderate(stdin="\n".join(PROMPTS))
        plain = self.moderate("--plain-decoding", stdin="\n".join(PROMPTS))
        self.assertEqual(len(plain), len(PROMPTS))
        for ours, theirs in zip(drafted, plain):
            self.assertEqual({key: ours[key] for key in WHAT}, {key: theirs[key] for key in WHAT})
            self.assertEqual(theirs["passes"], theirs["usage"]["completion_tokens"])
            self.assertLess(ours["passes"], theirs["passes"])

    def test_stop_after_label_is_one_pass_without_categories(self):
        whole = self.moderate(stdin="\n".join(PROMPTS))
        labels = self.moderate("--stop-after-label", stdin="\n".join(PROMPTS))
        for verdict, label in zip(whole, labels):
            self.assertEqual(label["safety"], verdict["safety"])
            self.assertEqual(label["probabilities"], verdict["probabilities"])
            self.assertEqual((label["passes"], label["categories"]), (1, []))
            self.assertIsNone(label["category_probabilities"])

    def test_category_probabilities_name_all_and_add_up_to_one(self):
        safe, unsafe = self.moderate(stdin=f"{SAFE}\n{UNSAFE}")
        for verdict, first in ((safe, "None"), (unsafe, "Violent")):
            beliefs = verdict["category_probabilities"]
            self.assertEqual(len(beliefs), 10)
            self.assertEqual(list(beliefs)[-1], "None")
            self.assertAlmostEqual(sum(beliefs.values()), 1, places=9)
            self.assertEqual(max(beliefs, key=beliefs.get), first)

    def test_the_policy_is_found_in_the_cache(self):
        first, again = self.moderate("--max-num-seqs", "1", stdin=f"{SAFE}\n{SAFE}")
        self.assertGreater(first["usage"]["cached_tokens"], 100)
        self.assertEqual(again["usage"]["cached_tokens"], again["usage"]["prompt_tokens"] - 1)
        (uncached,) = self.moderate("--no-enable-prefix-caching", SAFE)
        self.assertEqual(uncached["usage"]["cached_tokens"], 0)
        self.assertEqual({key: uncached[key] for key in WHAT}, {key: first[key] for key in WHAT})

    def test_what_is_too_long_is_judged_in_windows_or_refused(self):
        long = "Chocolate chip cookies recipe. " * 120
        (verdict,) = self.moderate("--max-model-len", "600", long)
        self.assertGreater(verdict["windows"], 1)
        self.assertGreaterEqual(verdict["passes"], verdict["windows"])
        self.assertFalse(verdict["context_cut"])
        (response,) = self.moderate("--max-model-len", "600", "--response", "Paris.", long)
        self.assertTrue(response["context_cut"])
        (short,) = self.moderate(SAFE)
        self.assertEqual((short["windows"], short["context_cut"]), (1, False))

        refused = parapet("moderate", "--json", "--no-windows", "--max-model-len", "600", long)
        self.assertEqual(refused.returncode, 2)
        (error,) = json_lines(refused.stdout)
        self.assertIsNone(error["safety"])
        self.assertIn("max_model_len is 600", error["error"])

    def test_eager_mode_changes_no_bit(self):
        captured = self.moderate(stdin="\n".join(PROMPTS))
        eager = self.moderate("--enforce-eager", "--block-size", "32", stdin="\n".join(PROMPTS))
        for ours, theirs in zip(captured, eager):
            self.assertEqual({key: ours[key] for key in WHAT}, {key: theirs[key] for key in WHAT})

    def test_every_cache_dtype_gives_verdicts(self):
        for dtype in ("float32", "bfloat16", "int8"):
            safe, unsafe = self.moderate("--kv-cache-dtype", dtype, stdin=f"{SAFE}\n{UNSAFE}")
            self.assertEqual((safe["safety"], unsafe["safety"]), ("Safe", "Unsafe"), dtype)


class CacheSizes(unittest.TestCase):
    def test_sizes_in_bytes_and_with_units(self):
        for size in ("4G", "512M", "512MiB", "67108864", "65536K"):
            done = parapet("moderate", "--kv-cache-memory", size, SAFE)
            self.assertEqual(done.returncode, 0, (size, done.stderr))
        done = parapet("moderate", "--memory-utilization", "0.5", SAFE)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_nonsense_is_refused(self):
        for size in ("4X", "G", "-1", "4.5G", "4GG", "four", "9999999999G", ""):
            done = parapet("moderate", f"--kv-cache-memory={size}", SAFE)
            self.assertEqual(done.returncode, 2, size)
            self.assertNotIn("terminate", done.stderr)
        for flags in (["--memory-utilization", "1.5"], ["--block-size", "0"],
                      ["--kv-cache-dtype", "int4"],
                      ["--kv-cache-memory", "1G", "--memory-utilization", "0.5"]):
            self.assertEqual(parapet("moderate", *flags, SAFE).returncode, 2, flags)

    def test_a_cache_too_small_for_a_request_says_so(self):
        done = parapet("moderate", "--kv-cache-memory", "64K", SAFE)
        self.assertIn(done.returncode, (2, 5), done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)


if __name__ == "__main__":
    unittest.main()
