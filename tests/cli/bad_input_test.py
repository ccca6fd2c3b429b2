"""Bad input is one line that names file and field, and exit status 2."""

import json
import os
import struct
import tempfile
import unittest
from pathlib import Path

from program import Safetensors, copy_bundled, edit_json, json_lines, parapet

WEIGHTS = "model.safetensors"
NORM = "model.norm.weight"


class BadInput(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.model = copy_bundled(Path(folder.name))

    def assert_refused(self, *words: str, arguments: tuple[str, ...] = ("Capital of France?",)):
        done = parapet("moderate", "--model", str(self.model), *arguments)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_a_truncated_shard(self):
        file = self.model / WEIGHTS
        file.write_bytes(file.read_bytes()[:-1000])
        self.assert_refused(WEIGHTS, "bytes")

    def test_a_header_of_2_to_the_63_bytes(self):
        file = self.model / WEIGHTS
        file.write_bytes(struct.pack("<Q", 1 << 63) + file.read_bytes()[8:])
        self.assert_refused(WEIGHTS, "header", str(1 << 63))

    def test_overlapping_tensors(self):
        weights = Safetensors(self.model / WEIGHTS)
        names = sorted((n for n in weights.header if n != "__metadata__"),
                       key=lambda n: weights.header[n]["data_offsets"])
        first, second = (weights.header[name]["data_offsets"] for name in names[:2])
        length = second[1] - second[0]
        weights.header[names[1]]["data_offsets"] = [first[1] - 2, first[1] - 2 + length]
        weights.write()
        self.assert_refused(WEIGHTS, "data_offsets")

    def test_a_norm_scale_that_is_not_a_number(self):
        weights = Safetensors(self.model / WEIGHTS)
        begin = weights.header[NORM]["data_offsets"][0]
        weights.data[begin : begin + 2] = struct.pack("<H", 0x7FC0)  # a bfloat16 NaN
        weights.write()
        self.assert_refused(WEIGHTS, NORM, "element 0")

    def test_a_missing_tensor(self):
        weights = Safetensors(self.model / WEIGHTS)
        begin, end = weights.header.pop(NORM)["data_offsets"]
        del weights.data[begin:end]
        for name, tensor in weights.header.items():
            if name != "__metadata__" and tensor["data_offsets"][0] >= end:
                tensor["data_offsets"] = [at - (end - begin) for at in tensor["data_offsets"]]
        weights.write()
        self.assert_refused(NORM, "missing")

    def test_an_unknown_architecture_rope_and_activation(self):
        config = self.model / "config.json"
        for field, value in (("architectures", ["LlamaForCausalLM"]),
                             ("rope_scaling", {"rope_type": "yarn", "factor": 4.0}),
                             ("hidden_act", "gelu")):
            before = config.read_text(encoding="utf-8")
            edit_json(config, **{field: value})
            self.assert_refused("config.json", field)
            config.write_text(before, encoding="utf-8")

    def test_a_configuration_with_nan(self):
        config = self.model / "config.json"
        edit_json(config, rms_norm_eps=float("nan"))
        self.assert_refused("config.json")

    def test_a_cyclic_template(self):
        template = self.model / "chat_template.jinja"
        template.write_text("{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}")
        self.assert_refused("chat_template.jinja:1")

    def test_a_template_that_never_ends(self):
        template = self.model / "chat_template.jinja"
        template.write_text("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}"
                            "{% endfor %}")
        self.assert_refused("chat_template.jinja:1")

    def test_a_tokenizer_of_another_model(self):
        edit_json(self.model / "config.json", vocab_size=100)
        self.assert_refused()

    def test_a_prompt_longer_than_the_models_positions(self):
        limit = json.loads((self.model / "config.json").read_text())["max_position_embeddings"]
        self.assert_refused(str(limit), "max_model_len",
                            arguments=("--no-windows", "word " * limit))

    def test_a_long_prompt_fails_alone(self):
        done = parapet("moderate", "--json", "--no-windows",
                       stdin=f"Capital of France?\n{'word ' * 50000}\nTheory of relativity\n")
        verdicts = json_lines(done.stdout)
        self.assertEqual([v["safety"] for v in verdicts], ["Safe", None, "Safe"])
        self.assertEqual(verdicts[1]["error_code"], "too long")
        self.assertEqual(done.returncode, 2)

    def test_unknown_flags_and_commands(self):
        for arguments in (["moderate", "--no-such-flag", "x"], ["no-such-command"], []):
            done = parapet(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertNotIn("terminate", done.stderr)

    def test_an_isa_that_this_machine_lacks(self):
        os.environ["PARAPET_FORCE_ISA"] = "z80"
        self.addCleanup(os.environ.pop, "PARAPET_FORCE_ISA")
        self.assert_refused("PARAPET_FORCE_ISA", "z80")


if __name__ == "__main__":
    unittest.main()
