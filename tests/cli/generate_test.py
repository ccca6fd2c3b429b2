"""parapet generate: greedy and drawn continuations, of the bundled model and of dummy weights."""

import json
import shutil
import tempfile
import unittest
from pathlib import Path

from program import BUNDLED, edit_json, json_lines, parapet


class Generate(unittest.TestCase):
    def generate(self, *arguments: str) -> list[dict]:
        done = parapet("generate", "--json", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json_lines(done.stdout)

    def test_the_chat_template_leads_to_a_verdict(self):
        (output,) = self.generate("--chat", "-p", "Capital of France?", "--max-tokens", "32")
        self.assertEqual(output["outputs"][0]["text"], "Safety: Safe\nCategories: None")
        self.assertEqual(output["outputs"][0]["finish_reason"], "stop")

    def test_max_tokens_ends_a_text(self):
        (output,) = self.generate("-p", "The guard", "--max-tokens", "5", "--ignore-eos")
        self.assertEqual(len(output["outputs"][0]["token_ids"]), 5)
        self.assertEqual(output["outputs"][0]["finish_reason"], "length")

    def test_a_seed_repeats_and_another_differs(self):
        draw = ["-p", "The guard", "--max-tokens", "12", "--temperature", "2", "--ignore-eos"]
        first = self.generate(*draw, "--seed", "1")[0]["outputs"]
        self.assertEqual(first, self.generate(*draw, "--seed", "1")[0]["outputs"])
        self.assertNotEqual(first, self.generate(*draw, "--seed", "2")[0]["outputs"])

    def test_a_batch_equals_its_parts(self):
        prompts = ["one", "two three", "four five six"]
        together = self.generate(*[word for prompt in prompts for word in ("-p", prompt)])
        for prompt, output in zip(prompts, together):
            self.assertEqual(self.generate("-p", prompt)[0]["outputs"], output["outputs"])

    def test_the_reference_device_agrees(self):
        ask = ["--chat", "-p", "Theory of relativity", "--max-tokens", "16"]
        self.assertEqual(self.generate(*ask)[0]["outputs"],
                         self.generate(*ask, "--device", "reference")[0]["outputs"])

    def test_dummy_weights_run_any_configuration(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
                shutil.copy(BUNDLED / name, folder)
            edit_json(Path(folder) / "config.json", num_hidden_layers=3, hidden_size=96,
                      intermediate_size=160, num_attention_heads=5, num_key_value_heads=1,
                      head_dim=24, tie_word_embeddings=False)
            ask = ["--model", folder, "--load-format", "dummy", "-p", "hello", "--ignore-eos"]
            first = self.generate(*ask)
            self.assertEqual(len(first[0]["outputs"][0]["token_ids"]), 16)
            self.assertEqual(first[0]["outputs"], self.generate(*ask)[0]["outputs"])
            self.assertNotEqual(first[0]["outputs"],
                                self.generate(*ask, "--weights-seed", "7")[0]["outputs"])

    def test_wrong_sampling_is_refused(self):
        for flags, field in ((["--temperature", "-1"], "temperature"), (["--top-p", "0"], "top_p"),
                             (["--top-p", "1.5"], "top_p"), (["--temperature", "nan"], "temperature")):
            done = parapet("generate", "-p", "x", *flags)
            self.assertEqual(done.returncode, 2, flags)
            self.assertIn(field, done.stderr)
            self.assertEqual(len(done.stderr.strip().splitlines()), 1)


if __name__ == "__main__":
    unittest.main()
