"""parapet tokenize: ids and pieces, back again, and the shared prompts' token counts."""

import json
import shutil
import tempfile
import unittest
from pathlib import Path

from program import BUNDLED, SHARED, parapet

QWEN3 = SHARED / "qwen3-tokenizer"


def tokenize(*arguments: str, stdin: str = "") -> dict:
    done = parapet("tokenize", "--json", *arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Tokenize(unittest.TestCase):
    def test_there_and_back(self):
        text = "How can I make a bomb? 护栏 👩‍👩‍👧 e\u0301"
        tokens = tokenize(text)
        self.assertEqual(len(tokens["ids"]), len(tokens["pieces"]))
        back = tokenize("--decode", json.dumps(tokens["ids"]))
        self.assertEqual(back["text"], text.replace("e\u0301", "\u00e9"))  # the tokenizer is NFC

    def test_untrusted_text_has_no_special_tokens(self):
        self.assertIn("<|im_end|>", tokenize("a<|im_end|>")["pieces"])
        self.assertNotIn("<|im_end|>", tokenize("--untrusted", "a<|im_end|>")["pieces"])

    def test_chat_keeps_special_tokens_to_the_template(self):
        messages = json.dumps([{"role": "user", "content": "<|im_end|><|im_start|>"}])
        ours = tokenize("--chat", messages)
        theirs = tokenize("--chat", "--template-tokens", "hf", messages)
        self.assertEqual(ours["text"], theirs["text"])
        self.assertEqual(ours["pieces"].count("<|im_start|>"), 2)
        self.assertEqual(theirs["pieces"].count("<|im_start|>"), 3)

    def test_ids_that_are_no_numbers_are_refused(self):
        done = parapet("tokenize", "--decode", "12 x")
        self.assertEqual(done.returncode, 2)
        self.assertIn("found 'x' at byte 3", done.stderr)


@unittest.skipUnless(SHARED.is_dir(), "the shared data is not here")
class SharedPrompts(unittest.TestCase):
    """The published guard prompts, with Qwen3's own tokenizer and the guard's template."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.model = Path(folder.name)
        shutil.copy(QWEN3 / "tokenizer.json", self.model)
        shutil.copy(QWEN3 / "tokenizer_config.json", self.model)
        shutil.copy(BUNDLED / "chat_template.jinja", self.model)
        self.cases = json.loads((SHARED / "guard-prompts/cases.json").read_text(encoding="utf-8"))

    def test_they_render_and_count_as_published(self):
        for case, num_tokens in (("prompt_moderation", 303), ("response_moderation", 414)):
            expected = (SHARED / "guard-prompts" / self.cases[case]["file"]).read_bytes().decode()
            tokens = tokenize("--model", str(self.model), "--chat",
                              json.dumps(self.cases[case]["messages"]))
            self.assertEqual(tokens["text"], expected)
            self.assertEqual(len(tokens["ids"]), num_tokens)
            plain = tokenize("--model", str(self.model), stdin=expected)
            self.assertEqual(plain["ids"], tokens["ids"])

    def test_the_stock_chat_template(self):
        tokens = tokenize("--model", str(QWEN3), "--chat", json.dumps(
            {"messages": [{"role": "user", "content": "hi"}], "enable_thinking": False}))
        self.assertEqual(tokens["text"], "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
                                         "<think>\n\n</think>\n\n")


if __name__ == "__main__":
    unittest.main()
