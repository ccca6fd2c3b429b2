"""parapet eval-precision: its numbers against an independent computation, its JSON against its
schema, its files, sides and exit statuses."""

import html.parser
import json
import math
import re
import struct
import sys
import tempfile
import unittest
from array import array
from pathlib import Path

try:
    import jsonschema
except ImportError:
    jsonschema = None

from program import BUNDLED, ROOT, Safetensors, copy_bundled, edit_json, parapet

sys.path.append(str(ROOT / "tests/server"))
from serving import Server  # noqa: E402

SCHEMA = ROOT / "docs/precision-eval.schema.json"
QUICK = ("--max-tokens", "0", "--no-explanation")


def evaluate(*arguments: str, status: int = 0) -> dict:
    done = parapet("eval-precision", "--json", *arguments)
    assert done.returncode == status, (done.returncode, done.stdout[:300], done.stderr)
    return json.loads(done.stdout)


def dumped_rows(file: Path) -> dict[str, list[array]]:
    """The rows of every sequence of a dump, by the sequence's name."""
    content = Safetensors(file)
    rows = {}
    for name, entry in content.header.items():
        if not name.endswith(".logits"):
            continue
        begin, end = entry["data_offsets"]
        values = array("f", bytes(content.data[begin:end]))
        vocab = entry["shape"][1]
        rows[name.removesuffix(".logits")] = [values[i:i + vocab] for i in range(0, len(values), vocab)]
    return rows


def log_softmax(row: array) -> list[float]:
    largest = max(row)
    normalizer = largest + math.log(math.fsum(math.exp(x - largest) for x in row))
    return [x - normalizer for x in row]


def cosine(a: list[float], b: list[float]) -> float:
    return math.sumprod(a, b) / math.sqrt(math.sumprod(a, a) * math.sumprod(b, b))


if not hasattr(math, "sumprod"):  # before Python 3.12
    math.sumprod = lambda a, b: math.fsum(x * y for x, y in zip(a, b))


def row_metrics(reference: array, candidate: array) -> dict:
    """As docs/precision.md has the formulas, in exactly rounded sums."""
    n = len(reference)
    difference = [abs(c - r) for r, c in zip(reference, candidate)]
    log_p, log_q = log_softmax(reference), log_softmax(candidate)
    means = [math.fsum(row) / n for row in (reference, candidate)]
    ranked = sorted(reference, reverse=True)
    return {
        "agrees": reference.index(max(reference)) == candidate.index(max(candidate)),
        "cosine": cosine(reference, candidate),
        "pearson": cosine([x - means[0] for x in reference], [x - means[1] for x in candidate]),
        "relative": math.sqrt(math.fsum(d * d for d in difference) /
                              math.fsum(r * r for r in reference)),
        "kl": math.fsum(math.exp(p) * (p - q) for p, q in zip(log_p, log_q)),
        "max": max(difference),
        "mean": math.fsum(difference) / n,
        "margin": ranked[0] - ranked[1],
    }


def average(rows: list[dict], key: str) -> float:
    return math.fsum(row[key] for row in rows) / len(rows)


class Metrics(unittest.TestCase):
    def test_they_are_those_of_an_independent_computation(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            evaluate("--candidate", "cpu:float32", "--dump-logits", str(folder / "r.safetensors"), *QUICK)
            evaluate("--reference", "cpu:int8", "--candidate", "cpu:float32",
                     "--dump-logits", str(folder / "c.safetensors"), *QUICK)
            result = evaluate("--candidate", "cpu:int8", *QUICK)
            references = dumped_rows(folder / "r.safetensors")
            candidates = dumped_rows(folder / "c.safetensors")
        self.assertEqual(list(references), list(candidates))
        by_sequence = {name: [row_metrics(r, c) for r, c in zip(rows, candidates[name])]
                       for name, rows in references.items()}
        rows = [row for rows in by_sequence.values() for row in rows]
        self.assertEqual(len(rows), 21)  # seven prompts, and seven with a label each
        self.compare(result, rows)
        for i, prompt in enumerate(result["prompts"]):
            self.compare(prompt, by_sequence[f"prompt.{i}"] + by_sequence.get(f"label.{i}", []))

    # Log-probabilities lack a constant, which is chosen so that the mean difference is zero; they
    # are float32, like the logits.
    def test_they_are_those_of_whole_rows_that_a_server_tells(self):
        server = Server("--quantization", "int8", "--max-logprobs", "-1")
        self.addCleanup(server.stop)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            arguments = ("--max-prompts", "8", *QUICK)
            evaluate("--candidate", "cpu:float32", "--dump-logits", str(folder / "r.safetensors"), *arguments)
            evaluate("--reference", "cpu:int8", "--candidate", "cpu:float32",
                     "--dump-logits", str(folder / "c.safetensors"), *arguments)
            references = dumped_rows(folder / "r.safetensors")
            candidates = dumped_rows(folder / "c.safetensors")
        result = evaluate("--candidate", server.url, *arguments)
        self.assertEqual((result["compared_on"], result["min_logits_compared"]), ("logprobs", 8192))
        rows = []
        for name, of_sequence in references.items():
            for r, c in zip(of_sequence, candidates[name]):
                constant = (math.fsum(r) - math.fsum(c)) / len(r)
                rows.append(row_metrics(r, array("d", (x + constant for x in c))))
        self.compare(result, rows, exact=1e-5)

    def compare(self, result: dict, rows: list[dict], exact: float = 1e-9):
        self.assertEqual(result["rows"], len(rows))
        self.assertEqual(result["rows_agreeing"], sum(row["agrees"] for row in rows))
        self.assertEqual(result["rows_within_noise"],
                         sum(row["margin"] <= 2 * row["max"] for row in rows))
        self.assertEqual(result["token_agreement_rate_pct"], 100 * average(rows, "agrees"))
        for key, value in (("avg_cosine_similarity", average(rows, "cosine")),
                           ("min_cosine_similarity", min(row["cosine"] for row in rows)),
                           ("pearson_correlation", average(rows, "pearson")),
                           ("min_pearson_correlation", min(row["pearson"] for row in rows)),
                           ("avg_relative_error_pct", 100 * average(rows, "relative")),
                           ("max_relative_error_pct", 100 * max(row["relative"] for row in rows)),
                           ("avg_kl_divergence", average(rows, "kl")),
                           ("max_kl_divergence", max(row["kl"] for row in rows)),
                           ("max_abs_logit_diff", max(row["max"] for row in rows)),
                           ("mean_abs_logit_diff", average(rows, "mean")),
                           ("min_top1_margin", min(row["margin"] for row in rows))):
            # Ours are double too, but summed in order.
            self.assertAlmostEqual(result[key], value, delta=exact * max(1, abs(value)), msg=key)


class TextOfHtml(html.parser.HTMLParser):
    """What a page shows, and what it would load from elsewhere."""

    def __init__(self, page: str):
        super().__init__()
        self.text, self.loads, self.plots, self.open = [], [], 0, []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "rect", "circle", "line", "polyline"):
            self.open.append(tag)
        self.plots += tag == "svg"
        self.loads += [value for key, value in attributes if key in ("src", "href")]
        self.loads += [tag] if tag in ("script", "link", "img", "iframe") else []

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in ("rect", "circle"):
            return
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data):
        self.text.append(data)


class Reports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        path = Path(cls.folder.name)
        cls.result = evaluate("--candidate", "cpu:bfloat16", "--output", str(path / "o.json"),
                              "--report", str(path / "r.md"), "--report", str(path / "r.html"))
        chinese = parapet("eval-precision", "--candidate", "cpu:bfloat16", "--lang", "zh", "--report",
                          str(path / "zh.md"), *QUICK)
        assert chinese.returncode == 0, chinese.stderr
        cls.files = {file.name: file.read_text(encoding="utf-8") for file in path.iterdir()}

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_the_cards_keys_come_first(self):
        self.assertEqual(list(self.result)[:6],
                         ["token_agreement_rate_pct", "avg_cosine_similarity", "pearson_correlation",
                          "avg_relative_error_pct", "avg_kl_divergence", "verdict"])
        self.assertTrue(self.result["verdict"].startswith("PASS: 100% token agreement, cos_sim=0.9999"))
        self.assertTrue(self.result["verdict"].endswith("all safety labels match"))
        written = json.loads(self.files["o.json"])
        self.assertEqual(written["avg_cosine_similarity"], self.result["avg_cosine_similarity"])

    @unittest.skipIf(jsonschema is None, "Debian's python3-jsonschema is not there")
    def test_the_json_is_as_its_schema_says(self):
        schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
        validator = jsonschema.Draft202012Validator(schema)
        validator.check_schema(schema)
        kept = [json.loads(file.read_text(encoding="utf-8"))
                for file in (ROOT / "docs/reports").glob("*.json")]
        self.assertTrue(kept)
        for result in (self.result, evaluate("--shape", "tiny", "--candidate", "cpu:int4", status=1), *kept):
            self.assertEqual([error.message for error in validator.iter_errors(result)], [])
            self.assertLessEqual(set(result), set(schema["properties"]) |
                                 set(schema["$defs"]["metrics"]["properties"]))
        broken = dict(self.result, positions="first")
        self.assertTrue(list(validator.iter_errors(broken)))

    def test_what_it_was_run_on_is_told(self):
        self.assertRegex(self.result["checkpoint"]["sha256"], "^[0-9a-f]{64}$")
        candidate = self.result["candidate"]
        self.assertEqual((candidate["device"], candidate["activation_dtype"]), ("cpu", "bfloat16"))
        self.assertGreater(self.result["machine"]["num_cpus"], 0)

    def test_safety_cases_have_verdicts_and_beliefs(self):
        cases = [prompt for prompt in self.result["prompts"] if prompt["guard"]]
        self.assertEqual(len(cases), 7)
        self.assertEqual(cases[0]["verdict"]["reference"], "Unsafe")
        self.assertEqual(cases[0]["verdict"]["reference_categories"], ["Violent"])
        for case in cases:
            self.assertTrue(case["verdict"]["categories_match"], case)
            beliefs = case["label_probabilities"]
            for side in ("reference", "candidate"):
                self.assertAlmostEqual(sum(beliefs[side][label] for label in
                                           ("Safe", "Controversial", "Unsafe")), 1)
            self.assertLess(beliefs["shift"], 0.05)

    def test_why_they_differ(self):
        why = self.result["explanation"]
        self.assertEqual([layer["layer"] for layer in why["layers"]], [0, 1, 2, 3, 4])
        self.assertLess(why["layers"][0]["relative_error_pct"], why["layers"][4]["relative_error_pct"])
        self.assertAlmostEqual(sum(source["share_pct"] for source in why["sources"]), 100)
        squares = sum(source["relative_error_pct"] ** 2 for source in why["sources"])
        self.assertAlmostEqual(math.sqrt(squares), why["summed_relative_error_pct"], delta=1e-6)
        self.assertIsNone(why["suspect_layer"])

    def test_markdown_has_the_cards_tables(self):
        text = self.files["r.md"]
        for row in ("| Token Agreement Rate | 100% (21/21) | ≥99% | ✅ met |", "## Why they differ",
                    "| 1 | What is the capital of France? |", "## Safety verdicts", '"verdict": "PASS'):
            self.assertIn(row, text)
        chinese = self.files["zh.md"]
        for row in ("| Token Agreement Rate | 100% (21/21) | ≥99% | ✅ 达标 |", "## 安全分类",
                    "| 序号 | 提示词 |"):
            self.assertIn(row, chinese)
        for each in (text, chinese):  # every row of a table has as many cells as its head
            for table in re.findall(r"(?:^\|.*\n)+", each, re.MULTILINE):
                cells = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
                self.assertEqual(len(cells), 1, table)

    def test_html_is_one_page_that_needs_no_other(self):
        page = TextOfHtml(self.files["r.html"])
        self.assertEqual(page.open[:1], ["html"] if page.open else [])
        self.assertEqual(page.loads, [])
        self.assertEqual(page.plots, 4)
        self.assertIn("prefers-color-scheme: dark", self.files["r.html"])
        self.assertNotIn("url(", self.files["r.html"])
        self.assertIn("How to make a bomb?", page.text)


class Sides(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_the_plain_kernels_agree_with_the_fast_ones(self):
        result = evaluate("--candidate", "reference:float32", "--max-prompts", "3", *QUICK)
        self.assertLess(result["max_relative_error_pct"], 1e-3)
        self.assertIsNone(result["explanation"])

    def test_a_dump_takes_either_side(self):
        dump = self.folder / "reference.safetensors"
        first = evaluate("--candidate", "cpu:int8", "--dump-logits", str(dump), "--max-tokens", "4")
        again = evaluate("--reference", str(dump), "--candidate", "cpu:int8", "--max-tokens", "4")
        self.assertEqual(again["reference"]["kind"], "dump")
        for key in ("avg_cosine_similarity", "avg_kl_divergence", "output_text_match_pct"):
            self.assertEqual(first[key], again[key])
        same = evaluate("--candidate", str(dump), "--max-tokens", "4")
        self.assertEqual((same["max_abs_logit_diff"], same["output_text_match_pct"]), (0, 100))
        self.refused("there is such a file already", "--dump-logits", str(dump))
        self.refused("prompt.0.token_ids", "--candidate", str(dump), "--prompts",
                     self.prompts('{"text": "Another one"}'))
        self.refused("prompt.0.positions", "--candidate", str(dump), "--positions", "all",
                     "--max-tokens", "0")

    # As another framework would write it: its own types, and not all that ours has.
    def test_a_dump_of_bfloat16_and_int64(self):
        ours = self.folder / "ours.safetensors"
        evaluate("--candidate", "cpu:float32", "--dump-logits", str(ours), *QUICK)
        content = Safetensors(ours)
        header, data = {}, bytearray()
        for name, entry in content.header.items():
            if name == "__metadata__":
                continue
            begin, end = entry["data_offsets"]
            raw = bytes(content.data[begin:end])
            if entry["dtype"] == "F32":
                dtype, raw = "BF16", b"".join(raw[i + 2:i + 4] for i in range(0, len(raw), 4))
            else:
                dtype, raw = "I64", array("q", array("i", raw)).tobytes()
            header[name] = {"dtype": dtype, "shape": entry["shape"],
                            "data_offsets": [len(data), len(data) + len(raw)]}
            data += raw
        text = json.dumps(header).encode()
        theirs = self.folder / "theirs.safetensors"
        theirs.write_bytes(struct.pack("<Q", len(text)) + text + data)
        result = evaluate("--candidate", str(theirs), *QUICK)
        self.assertTrue(0.05 < result["max_relative_error_pct"] < 0.8, result["max_relative_error_pct"])

    def test_a_server_is_compared_on_what_it_tells(self):
        server = Server("--api-key", "secret")
        self.addCleanup(server.stop)
        here = evaluate("--candidate", "served", "--no-explanation")
        there = evaluate("--candidate", server.url, "--api-key", "secret")
        self.assertEqual(there["compared_on"], "top_logprobs")
        self.assertEqual(there["min_logits_compared"], 20)
        self.assertEqual(there["rows_agreeing"], there["rows"])
        self.assertEqual(there["output_text_match_pct"], 100)
        self.assertEqual(there["safety_category_match_pct"], 100)
        self.assertAlmostEqual(there["max_label_probability_shift"],
                               here["max_label_probability_shift"], places=5)
        self.assertLessEqual(there["avg_kl_divergence"], here["avg_kl_divergence"] + 1e-6)
        few = evaluate("--candidate", server.url, "--api-key", "secret", "--positions", "generated",
                       "--max-tokens", "3", "--max-prompts", "2", "--top-logprobs", "5")
        self.assertEqual((few["min_logits_compared"], few["rows"]), (5, 8))
        self.refused("answers 401", "--candidate", server.url)

    # Rows of Qwen3's vocabulary are some 4 MB of JSON each.
    def test_whole_rows_of_a_large_vocabulary(self):
        model = copy_bundled(self.folder)
        edit_json(model / "config.json", vocab_size=151936, num_hidden_layers=1)
        dummy = ("--load-format", "dummy")
        server = Server(*dummy, "--kv-cache-dtype", "float32", "--max-logprobs", "-1", model=model)
        self.addCleanup(server.stop)
        result = evaluate("--model", str(model), *dummy, "--candidate", server.url, "--prompts",
                          self.prompts('{"text": "One"}', '{"text": "One and two"}'), *QUICK)
        self.assertEqual((result["compared_on"], result["min_logits_compared"]), ("logprobs", 151936))
        self.assertLess(result["max_relative_error_pct"], 1e-3)
        self.assertLess(result["max_kl_divergence"], 1e-9)

    def test_a_server_of_another_model_fails(self):
        other = copy_bundled(self.folder)
        weights = Safetensors(other / "model.safetensors")
        begin, end = weights.header["model.layers.2.mlp.down_proj.weight"]["data_offsets"]
        weights.data[begin:end] = bytes(end - begin)  # the layer's MLP adds nothing any more
        weights.write()
        server = Server(model=other)
        self.addCleanup(server.stop)
        result = evaluate("--candidate", server.url, *QUICK, status=1)
        self.assertFalse(result["passed"])
        self.assertIn("missed", result["verdict"])

    def test_a_damaged_layer_is_caught_and_found(self):
        damaged = copy_bundled(self.folder)
        weights = Safetensors(damaged / "model.safetensors")
        begin, end = weights.header["model.layers.2.self_attn.o_proj.weight"]["data_offsets"]
        half = (end - begin) // 2  # the halves of the matrix change places
        weights.data[begin:end] = weights.data[begin + half:end] + weights.data[begin:begin + half]
        weights.write()
        result = evaluate("--model", str(damaged), "--reference-model", str(BUNDLED), "--candidate",
                          "cpu:int8", "--max-tokens", "0", status=1)
        why = result["explanation"]
        self.assertEqual((why["suspect_layer"], why["suspect_operator"]), (3, "o_proj"))

    def prompts(self, *lines: str) -> str:
        file = self.folder / "prompts.jsonl"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(file)

    def refused(self, word: str, *arguments: str):
        done = parapet("eval-precision", *arguments)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(word, done.stderr)

    def test_prompts_of_every_kind(self):
        file = self.prompts('{"id": "a", "text": "One"}', "", '{"prompt": "How?"}',
                            '{"prompt": "How?", "response": "So."}',
                            '{"messages": [{"role": "user", "content": "Why?"}]}',
                            '{"prompt_token_ids": [5, 6, 7]}')
        result = evaluate("--candidate", "served", "--prompts", file, "--positions", "all", *QUICK)
        prompts = result["prompts"]
        self.assertEqual([prompt["id"] for prompt in prompts], ["a", "3", "4", "5", "6"])
        self.assertEqual([prompt["guard"] for prompt in prompts], [False, True, True, True, False])
        self.assertEqual(prompts[4]["rows"], 3)
        self.assertEqual(result["rows"], sum(prompt["prompt_tokens"] for prompt in prompts))
        self.assertIsNone(prompts[0]["reference_text"])

    def test_wrong_input_is_told(self):
        for word, arguments in (
                ("no device 'cuda'", ["--candidate", "cuda:bfloat16"]),
                ("no device 'ascend'", ["--candidate", "ascend:bfloat16"]),
                ("int3", ["--candidate", "cpu:int3"]),
                ("expected 'served'", ["--candidate", "somewhere"]),
                ("mmx", ["--candidate", "cpu@mmx:float32"]),
                ("cannot be a server", ["--reference", "http://127.0.0.1:1"]),
                ("connect", ["--candidate", "http://127.0.0.1:1"]),
                ("expected one like http", ["--candidate", "http://"]),
                ("nowhere.safetensors", ["--candidate", "nowhere.safetensors"]),
                (".html or .md", ["--report", "report.pdf"]),
                ("nowhere", ["nowhere"]),
                ("huge", ["--shape", "huge"]),
                ("prompts.jsonl:1: expected", ["--prompts", self.prompts('{"question": 1}')])):
            self.refused(word, *arguments)
        self.refused("has no prompt", "--prompts", self.prompts(""))

    def test_a_file_that_cannot_be_written(self):
        self.refused("no/such/folder", "--output", "no/such/folder/o.json", *QUICK)

    def test_a_missed_threshold_is_exit_status_1(self):
        result = evaluate("--candidate", "cpu:int4", "--min-cosine", "0.9999999", *QUICK, status=1)
        missed = {each["metric"] for each in result["thresholds"] if not each["passed"]}
        self.assertEqual(missed, {"avg_cosine_similarity", "min_cosine_similarity"})
        done = parapet("eval-precision", "--candidate", "cpu:int4", "--min-cosine", "0.9999999", *QUICK)
        self.assertEqual(done.returncode, 1)
        self.assertIn("FAIL", done.stdout)
        self.assertNotIn("\033", done.stdout)


if __name__ == "__main__":
    unittest.main()
