"""parapet quantize: the files it makes, and all that it refuses."""

import json
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from program import BUNDLED, PROGRAM, ROOT, Safetensors, copy_bundled, edit_json, parapet


class QuantizeFiles(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def quantize(self, source: Path, *arguments: str) -> dict:
        target = self.folder / "quantized"
        done = parapet("quantize", "--json", str(source), str(target), *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def refused(self, *arguments: str, words: str) -> None:
        before = sorted(self.folder.iterdir())
        done = parapet("quantize", *arguments)
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn(words, done.stderr)
        message = done.stderr.replace("Run with --help for more information.\n", "")
        self.assertEqual(message.count("\n"), 1, done.stderr)
        self.assertEqual(sorted(self.folder.iterdir()), before)

    def test_the_summary_and_the_card(self):
        summary = self.quantize(BUNDLED, "--format", "int4", "--group-size", "64")
        self.assertEqual((summary["format"], summary["group_size"], summary["dense_layers"]),
                         ("int4", 64, 1))
        self.assertLess(summary["bytes_after"], summary["bytes_before"])
        kinds = {error["kind"]: error for error in summary["errors"]}
        self.assertEqual(set(kinds), {"embed_tokens", "q_proj", "k_proj", "v_proj", "o_proj",
                                      "gate_proj", "up_proj", "down_proj"})
        self.assertEqual(kinds["embed_tokens"]["format"], "int8")
        self.assertLess(kinds["embed_tokens"]["max_error"], 0.01)
        self.assertTrue(0.05 < kinds["q_proj"]["mean_error"] < 0.12)
        self.assertEqual(kinds["q_proj"]["num_tensors"], 3)
        done = parapet("inspect", "--json", str(self.folder / "quantized"))
        card = json.loads(done.stdout)
        self.assertEqual((card["quantization"], card["quantization_method"],
                          card["quantization_group_size"], card["quantization_dense_layers"]),
                         ("int4", "parapet", 64, 1))
        self.assertIn(", layer 1 dense", parapet("inspect", str(self.folder / "quantized")).stdout)
        self.assertLess(card["bits_per_weight"], 9)
        self.assertTrue(card["has_tokenizer"] and card["has_chat_template"])

    def test_dense_layers(self):
        sizes = []
        for layers in (0, 1, 2):
            summary = self.quantize(BUNDLED, "--dense-layers", str(layers))
            made = self.folder / "quantized"
            config = json.loads((made / "config.json").read_text())
            self.assertEqual(config["quantization_config"]["dense_layers"], layers)
            names = Safetensors(made / "model.safetensors").header
            for layer in range(4):
                for kind in ("self_attn.q_proj", "mlp.down_proj"):
                    name = f"model.layers.{layer}.{kind}.weight"
                    self.assertEqual(name in names, layer < layers)
                    self.assertEqual(name + "_codes" in names, layer >= layers)
            card = json.loads(parapet("inspect", "--json", str(made)).stdout)
            self.assertEqual(card["quantization_dense_layers"], layers)
            if layers == 0:  # as files from before there was the field
                before = dict(config["quantization_config"])
                del before["dense_layers"]
                edit_json(made / "config.json", quantization_config=before)
                self.assertEqual(json.loads(parapet("inspect", "--json", str(made)).stdout), card)
            sizes.append(summary["bytes_after"])
            shutil.rmtree(made)
        self.assertEqual(sizes, sorted(set(sizes)))

    def test_every_tensor_of_the_file_is_aligned(self):
        self.quantize(BUNDLED)
        content = (self.folder / "quantized/model.safetensors").read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + length])
        for name, entry in header.items():
            if name != "__metadata__":
                self.assertEqual((8 + length + entry["data_offsets"][0]) % 64, 0, name)

    def test_other_files_are_as_they_were(self):
        source = copy_bundled(self.folder)
        (source / "pytorch_model.bin").write_bytes(b"not copied")
        self.quantize(source)
        for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
                     "generation_config.json", "README.md"):
            self.assertEqual((self.folder / "quantized" / file).read_bytes(),
                             (BUNDLED / file).read_bytes())
        self.assertFalse((self.folder / "quantized/pytorch_model.bin").exists())
        written = json.loads((self.folder / "quantized/config.json").read_text())
        self.assertEqual(written.pop("quantization_config")["quant_method"], "parapet")
        self.assertEqual(written, json.loads((BUNDLED / "config.json").read_text()))

    def test_threads_change_nothing(self):
        self.quantize(BUNDLED, "--threads", "1")
        one = (self.folder / "quantized/model.safetensors").read_bytes()
        shutil.rmtree(self.folder / "quantized")
        self.quantize(BUNDLED, "--threads", "5")
        self.assertEqual((self.folder / "quantized/model.safetensors").read_bytes(), one)

    def test_an_empty_folder_is_filled(self):
        (self.folder / "quantized").mkdir()
        self.quantize(BUNDLED)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["quantized"])

    def test_what_is_refused(self):
        (self.folder / "full").mkdir()
        (self.folder / "full/mine").write_text("mine")
        target = str(self.folder / "new")
        self.refused(str(BUNDLED), str(self.folder / "full"), words="is there already")
        self.refused(str(self.folder / "full"), target, words="config.json")
        self.refused(str(BUNDLED), target, "--format", "int2", words="int2")
        self.refused(str(BUNDLED), target, "--group-size", "48", words="48")
        self.refused(str(BUNDLED), target, "--dense-layers", "4",
                     words="dense_layers is 4, expected 0 to 3")
        self.refused(str(BUNDLED), target, "--dense-layers", "-1", words="dense-layers")
        self.refused(str(BUNDLED), target, "--dense-layers", "one", words="dense-layers")
        self.quantize(BUNDLED)
        self.refused(str(self.folder / "quantized"), target, words="quantized already")

    def test_a_weight_that_is_not_finite(self):
        source = copy_bundled(self.folder)
        file = Safetensors(source / "model.safetensors")
        begin = file.header["model.layers.2.mlp.up_proj.weight"]["data_offsets"][0]
        file.data[begin + 10 : begin + 12] = b"\xc0\x7f"
        file.write()
        self.refused(str(source), str(self.folder / "new"),
                     words='"model.layers.2.mlp.up_proj.weight": element 5 is nan')

    def test_ctrl_c_leaves_nothing(self):
        source = self.folder / "source"
        large_model(source)
        command = subprocess.Popen([PROGRAM, "quantize", str(source), str(self.folder / "new")],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2000):  # until it has begun to write
            if len(list(self.folder.iterdir())) > 1 or command.poll() is not None:
                break
            time.sleep(0.005)
        self.assertIsNone(command.poll(), "done before it could be interrupted")
        command.send_signal(signal.SIGINT)
        _, errors = command.communicate(timeout=60)
        self.assertEqual(command.returncode, -signal.SIGINT, errors)
        self.assertIn(b"interrupted", errors)
        self.assertEqual([p.name for p in self.folder.iterdir()], ["source"])

    def test_the_published_form_of_others(self):
        source = ROOT / "tests/golden/compressed_tensors/w4a16-group128"
        card = json.loads(parapet("inspect", "--json", str(source)).stdout)
        self.assertEqual((card["quantization"], card["quantization_method"]),
                         ("int4", "compressed-tensors"))
        self.refused(str(source), str(self.folder / "new"), words="quantized already")


def large_model(folder: Path) -> None:
    """A checkpoint of 400 MB of zeros that take no disk: some tenths of a second of work."""
    shutil.copytree(BUNDLED, folder)
    edit_json(folder / "config.json", num_hidden_layers=48, intermediate_size=4096,
              hidden_size=192 * 5, architectures=["Qwen3ForCausalLM"])
    hidden, inner, query, key_value, head = 192 * 5, 4096, 256, 128, 64
    shapes = {"model.embed_tokens.weight": [8192, hidden], "model.norm.weight": [hidden]}
    for layer in range(48):
        prefix = f"model.layers.{layer}."
        shapes |= {
            prefix + "input_layernorm.weight": [hidden],
            prefix + "post_attention_layernorm.weight": [hidden],
            prefix + "self_attn.q_norm.weight": [head],
            prefix + "self_attn.k_norm.weight": [head],
            prefix + "self_attn.q_proj.weight": [query, hidden],
            prefix + "self_attn.k_proj.weight": [key_value, hidden],
            prefix + "self_attn.v_proj.weight": [key_value, hidden],
            prefix + "self_attn.o_proj.weight": [hidden, query],
            prefix + "mlp.gate_proj.weight": [inner, hidden],
            prefix + "mlp.up_proj.weight": [inner, hidden],
            prefix + "mlp.down_proj.weight": [hidden, inner],
        }
    header, offset = {}, 0
    for name, shape in shapes.items():
        size = 2
        for extent in shape:
            size *= extent
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        os.truncate(file.fileno(), 8 + len(text) + offset)


if __name__ == "__main__":
    unittest.main()
