"""parapet e2e: configurations run in this process, against a server, and through a harness."""

import contextlib
import http.server
import json
import os
import sys
import tempfile
import threading
import unittest
import urllib.request
from pathlib import Path

from program import ROOT, json_lines, parapet

sys.path.insert(0, str(ROOT / "tests/server"))
from serving import Server  # noqa: E402

CONFIGS = ROOT / "tests/e2e/models/configs"
HELDOUT = ROOT / "tools/bundled_model/heldout.jsonl"
LIMIT = 40

# A harness that asks its server one question, and writes what lm-evaluation-harness would.
FAKE_LM_EVAL = """#!{python}
import json, os, pathlib, sys, urllib.request
flags = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert os.environ["HF_HUB_OFFLINE"] == "1"
if flags["--tasks"] == "elsewhere":
    sys.exit("ConnectionError: no such data here")
model = dict(each.split("=", 1) for each in flags["--model_args"].split(","))
body = json.dumps({{"model": model["model"], "max_tokens": 1,
                   "messages": [{{"role": "user", "content": "Capital of France?"}}]}}).encode()
request = urllib.request.Request(model["base_url"], body, {{"Content-Type": "application/json"}})
assert json.load(urllib.request.urlopen(request))["choices"]
folder = pathlib.Path(flags["--output_path"]) / "model"
folder.mkdir(parents=True)
(folder / "results_now.json").write_text(json.dumps(
    {{"results": {{"task": {{"exact_match,none": 0.9, "exact_match_stderr,none": float("nan")}}}}}}))
"""


class WithoutVerdicts(http.server.BaseHTTPRequestHandler):
    """Another engine's server: what it is asked goes to ours, but it has no /v1/verdicts."""

    behind = ""
    protocol_version = "HTTP/1.1"

    def answer(self, body: bytes | None):
        request = urllib.request.Request(self.behind + self.path, body,
                                         {"Content-Type": "application/json"})
        status, content = 404, b'{"detail": "Not Found"}'
        if self.path != "/v1/verdicts":
            with urllib.request.urlopen(request) as response:
                status, content = response.status, response.read()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        self.answer(None)

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *_):
        pass


class OfOneAnswer(WithoutVerdicts):
    """Serves "m", and answers every chat alike."""

    status, content = 200, b""

    def answer(self, body: bytes | None):
        status, content = {"/v1/models": (200, b'{"data": [{"id": "m"}]}'),
                           "/v1/chat/completions": (self.status, self.content)}.get(
                               self.path, (404, b"{}"))
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextlib.contextmanager
def another_engine(kind=WithoutVerdicts, **attributes):
    handler = type("Handler", (kind,), attributes)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


class E2e(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def config(self, text: str, name: str = "config.yaml") -> str:
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def guard_config(self, metrics: str, more: str = "") -> str:
        return self.config(f"model_name: parapet-guard-tiny\nmodel_type: vllm-guard\n{more}\n"
                           f"tasks:\n  - name: heldout\n    dataset: {HELDOUT}\n"
                           f"    metrics: [{metrics}]\n")

    def run_json(self, *arguments: str, status: int = 0) -> dict:
        done = parapet("e2e", *arguments, "--json", "--no-report")
        self.assertEqual(done.returncode, status, done.stderr)
        (report,) = json_lines(done.stdout)
        return report

    def refused(self, *arguments: str, status: int = 2) -> str:
        done = parapet("e2e", *arguments, "--no-report")
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stdout, "")
        return done.stderr

    # Also the bundled model's check against its card.
    def test_the_bundled_model_reaches_what_it_should(self):
        report = self.run_json("--config-list-file", str(CONFIGS / "accuracy.txt"))
        self.assertTrue(report["passed"])
        (task,) = report["tasks"]
        confusion = task["confusion"]
        right = sum(confusion[label][label] for label in confusion)
        unread = sum(told["none"] for told in confusion.values())
        print(f"held-out: {right} of {task['n']} labels right, {unread} without a verdict")
        stated = json.loads((HELDOUT.parent / "metrics.json").read_text())["label_accuracy"]
        # The card's numbers come from another implementation; where two labels are all but equally
        # likely, rounding may settle them differently. Three in 600 is the most we accept.
        self.assertEqual(task["n"], stated["n"])
        self.assertLessEqual(abs(right / task["n"] - stated["accuracy"]) * task["n"], 3)
        self.assertEqual(report["device"]["weights_dtype"], "bfloat16")
        self.assertEqual(report["parallel_mode"], "TP1")

    def test_a_miss_is_status_1_and_marks_its_own_row_alone(self):
        config = self.guard_config("{name: agreement, value: 1.0}, {name: verdicts, value: 0.5}",
                                   f"limit: {LIMIT}")
        done = parapet("e2e", config, "--report-dir", str(self.folder / "reports"))
        self.assertEqual(done.returncode, 1, done.stderr)
        report = (self.folder / "reports/parapet-guard-tiny.md").read_text()
        self.assertIn("| heldout | agreement | ❌", report)
        self.assertIn("| heldout | verdicts | ✅", report)
        self.assertIn(f"parapet e2e {config}\n", report)
        self.assertEqual(done.stdout.count("❌"), 1)
        self.assertEqual(done.stdout.count("✅"), 1)

    def test_servers_are_asked_for_the_same_verdicts(self):
        metrics = ", ".join(f"{{name: '{name}', value: 0}}" for name in
                            ("agreement", "f1,strict", "f1,loose", "exact_match,categories",
                             "acc,refusal", "verdicts"))
        config = self.guard_config(metrics, f"limit: {LIMIT}\nbatch_size: 16")
        here = self.run_json(config)
        server = Server("--served-model-name", "guard", "--api-key", "key")
        try:
            by_verdicts = self.run_json(config, "--server", server.url, "--api-key", "key")
            self.assertIn("401", self.refused(config, "--server", server.url))
        finally:
            server.stop()
        server = Server("--served-model-name", "guard")
        try:
            with another_engine(behind=server.url) as url:
                by_chat = self.run_json(config, "--server", url)
        finally:
            server.stop()
        self.assertEqual(by_verdicts["rows"], here["rows"])
        self.assertEqual(by_chat["rows"], here["rows"])
        self.assertEqual(by_verdicts["tasks"][0]["confusion"], here["tasks"][0]["confusion"])
        self.assertTrue(by_verdicts["model"].startswith("guard at http"))
        self.assertEqual(by_verdicts["server_version"], here["version"])
        self.assertEqual(by_verdicts["execution_mode"], "the server's")
        self.assertEqual(by_verdicts["processor"], "")

    def test_a_server_of_no_verdicts_is_not_taken_for_one(self):
        config = self.guard_config("{name: verdicts, value: 0}, {name: agreement, value: 0}",
                                   f"limit: {LIMIT}")
        chat = json.dumps({"choices": [{"message": {"content": "Safety: Fine"}}]}).encode()
        with another_engine(OfOneAnswer, content=chat) as url:
            report = self.run_json(config, "--server", url)
        self.assertEqual([row["value"] for row in report["rows"]], [0, 0])
        self.assertIn("byte 8", report["tasks"][0]["first_problem"])
        with another_engine(OfOneAnswer, status=400, content=b'{"error": {"message": "long"}}') as url:
            report = self.run_json(config, "--server", url)
        self.assertIn("long", report["tasks"][0]["first_problem"])
        for status, content, words in ((500, b"broken", "500"), (200, b"<html>", "not valid JSON"),
                                       (200, b"{}", "choices"), (200, b'{"choices": []}', "choices")):
            with another_engine(OfOneAnswer, status=status, content=content) as url:
                self.assertIn(words, self.refused(config, "--server", url))

    def test_a_harness_asks_a_server_of_ours(self):
        program = self.folder / "lm_eval"
        program.write_text(FAKE_LM_EVAL.format(python=sys.executable))
        program.chmod(0o755)
        config = self.config("model_name: parapet-guard-tiny\nserve: {max_model_len: 512}\n"
                             "tasks: [{name: task, metrics: [{name: exact_match, value: 0.5}]}]\n")
        report = self.run_json(config, "--lm-eval", str(program))
        (row,) = report["rows"]
        self.assertEqual((row["value"], row["passed"]), (0.9, True))
        self.assertIn("--model local-chat-completions", report["lm_eval_command"])

        elsewhere = self.config("model_name: parapet-guard-tiny\n"
                                "tasks: [{name: elsewhere, metrics: [{name: acc, value: 1}]}]\n")
        self.assertIn("ConnectionError: no such data here",
                      self.refused(elsewhere, "--lm-eval", str(program)))
        self.assertIn("lm-evaluation-harness", self.refused(elsewhere, "--lm-eval", "no-such-lm-eval"))

    def test_environment_and_modes_are_honoured(self):
        config = self.guard_config("{name: verdicts, value: 0.5}",
                                   "serve: {enforce_eager: true}\nlimit: 3\n"
                                   "envs: {PARAPET_FORCE_ISA: portable}")
        report = self.run_json(config, "--threads", "1")
        self.assertEqual(report["device"]["isa"], "portable")
        self.assertEqual(report["device"]["num_threads"], 1)
        self.assertEqual(report["execution_mode"], "Eager")
        self.assertEqual(report["tasks"][0]["n"], 3)
        self.assertIn("envs", self.refused(config, "--server", "http://127.0.0.1:1"))

    def test_what_cannot_be_run_is_refused(self):
        good = self.guard_config("{name: verdicts, value: 0.5}")
        other = self.config("model_name: Qwen/Elsewhere\nmodel_type: vllm-guard\n"
                            f"tasks: [{{name: a, dataset: {HELDOUT},"
                            " metrics: [{name: agreement, value: 1}]}]\n", "other.yaml")
        wrong_dtype = self.config(Path(good).read_text() + "serve: {dtype: float16}\n", "dtype.yaml")
        no_data = self.config(Path(good).read_text().replace(str(HELDOUT), "missing.jsonl"), "no.yaml")
        empty_list = self.config("# nothing\n", "list.txt")
        for arguments, words in (
                ([], "no configuration"),
                (["missing.yaml"], "missing.yaml"),
                (["--config-list-file", "missing.txt"], "missing.txt"),
                (["--config-list-file", empty_list], "no configuration"),
                ([good, other, "--model", "x"], "--models-dir"),
                ([good, "--model", "x", "--server", "http://127.0.0.1:1"], "excludes"),
                ([good, "--tp-size", "2"], "tensor_parallel_size"),
                ([good, "--server", "http://127.0.0.1:1"], "127.0.0.1:1"),
                ([good, "--server", "ftp://host"], "ftp://host"),
                ([good, "--model", "no-such-folder"], "no-such-folder"),
                ([other], "model_name"),
                ([wrong_dtype], "serve.dtype"),
                ([no_data], "missing.jsonl")):
            self.assertIn(words, self.refused(*arguments), arguments)

    def test_one_bad_configuration_does_not_hide_the_next(self):
        bad = self.config("model_name: x\nmodle_type: y\n", "bad.yaml")
        good = self.guard_config("{name: verdicts, value: 0.5}", "limit: 3")
        done = parapet("e2e", bad, good, "--json", "--report-dir", str(self.folder / "reports"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("bad.yaml:2: unknown key", done.stderr)
        self.assertEqual(len(json_lines(done.stdout)), 1)
        self.assertEqual(os.listdir(self.folder / "reports"), ["parapet-guard-tiny.md"])


if __name__ == "__main__":
    unittest.main()
