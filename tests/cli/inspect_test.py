"""parapet inspect: the card of a checkpoint."""

import json
import shutil
import tempfile
import unittest
from pathlib import Path

from program import BUNDLED, ROOT, parapet

CONFIGS = ROOT / "tests/fixtures/configs"


class Inspect(unittest.TestCase):
    def card(self, folder: Path) -> dict:
        done = parapet("inspect", "--json", str(folder))
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_the_published_shapes(self):
        for size, parameters, kv_bytes in (("0.6b", 596_049_920, 114_688),
                                           ("4b", 4_022_468_096, 147_456),
                                           ("8b", 8_190_735_360, 147_456)):
            card = self.card(CONFIGS / f"qwen3guard-gen-{size}")
            self.assertEqual(card["num_parameters"], parameters)
            self.assertEqual(card["kv_bytes_per_token"], kv_bytes)
            self.assertEqual(card["vocab_size"], 151936)
            self.assertFalse(card["has_weights"])

    def test_the_4b_as_its_card_has_it(self):
        card = self.card(CONFIGS / "qwen3guard-gen-4b")
        self.assertEqual(
            [card[key] for key in ("architecture", "num_attention_heads", "num_key_value_heads",
                                   "num_hidden_layers", "hidden_size", "intermediate_size",
                                   "head_dim", "rope_theta", "max_position_embeddings",
                                   "tie_word_embeddings", "dtype")],
            ["Qwen3ForCausalLM", 32, 8, 36, 2560, 9728, 128, 1e6, 32768, True, "bfloat16"])

    def test_the_bundled_checkpoint(self):
        card = self.card(BUNDLED)
        self.assertTrue(card["has_weights"] and card["has_tokenizer"] and card["has_chat_template"])
        self.assertEqual(card["weight_bytes"], 2 * card["num_parameters"])
        self.assertLess(sum(shard["bytes"] for shard in card["shards"]), 16 << 20)

    def test_the_table_for_people(self):
        done = parapet("inspect", str(CONFIGS / "qwen3guard-gen-4b"))
        self.assertEqual(done.returncode, 0, done.stderr)
        for words in ("32 query heads, 8 KV heads of 128", "147,456 bytes a token", "4,022,468,096"):
            self.assertIn(words, done.stdout)

    def test_a_folder_without_a_checkpoint(self):
        with tempfile.TemporaryDirectory() as folder:
            done = parapet("inspect", folder)
            self.assertEqual(done.returncode, 2)
            self.assertIn("config.json", done.stderr)

    def test_a_checkpoint_without_tokenizer_or_weights(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(BUNDLED / "config.json", folder)
            card = self.card(Path(folder))
            self.assertFalse(card["has_weights"] or card["has_tokenizer"])


if __name__ == "__main__":
    unittest.main()
