"""The clients that people have: OpenAI's for Python and JavaScript, lm-evaluation-harness; and a
fuzzer that reads /openapi.json. CLIENTS is the folder that `make clients` fills."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from serving import PROGRAM, ROOT, ServerCase

CLIENTS = Path(os.environ.get("CLIENTS", ROOT / "build/clients"))
PYTHON = CLIENTS / "venv/bin/python"


class Client(ServerCase):
    FLAGS = ("--served-model-name", "guard", "--api-key", "key", "--max-body-bytes", "1000000")

    def run_client(self, *command: str, seconds: float = 120, **environment: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, cwd=CLIENTS,
                              env={**os.environ, "OPENAI_BASE_URL": self.server.url + "/v1",
                                   "OPENAI_API_KEY": "key", **environment})
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        return done.stdout

    @unittest.skipUnless(PYTHON.exists(), "make clients installs it")
    def test_openai_for_python(self):
        self.run_client(str(PYTHON), str(Path(__file__).parent / "openai_client.py"))

    @unittest.skipUnless((CLIENTS / "node_modules/openai").exists() and shutil.which("node"),
                         "make clients installs it")
    def test_openai_for_javascript(self):
        script = Path(shutil.copy(Path(__file__).parent / "openai_client.mjs", CLIENTS))
        self.run_client("node", str(script))

    @unittest.skipUnless((CLIENTS / "venv/bin/schemathesis").exists(), "make clients installs it")
    def test_a_fuzzer_finds_no_fault_of_ours(self):
        self.run_client(str(CLIENTS / "venv/bin/schemathesis"), "run", self.server.url + "/openapi.json",
                        "-H", "Authorization: Bearer key", "--max-examples", "12", "--seed", "1",
                        "--checks", "not_a_server_error,response_schema_conformance,content_type_conformance",
                        "--phases", "examples,coverage,fuzzing", seconds=300)

    @unittest.skipUnless((CLIENTS / "venv/bin/lm_eval").exists(),
                         "make clients installs it")
    def test_lm_evaluation_harness(self):
        with tempfile.TemporaryDirectory() as folder:
            tasks = Path(folder)
            rows = [{"q": "Capital of France?", "a": "Paris"}, {"q": "One and one?", "a": "two"}]
            (tasks / "data.jsonl").write_text("\n".join(map(json.dumps, rows)))
            base = (f"dataset_path: json\ndataset_kwargs: {{data_files: {tasks}/data.jsonl}}\n"
                    "test_split: train\ndoc_to_text: '{{q}}'\n")
            (tasks / "score.yaml").write_text(
                "task: score\n" + base + "output_type: multiple_choice\ndoc_to_choice: ['Paris', 'two']\n"
                "doc_to_target: '{{a}}'\nmetric_list: [{metric: acc}]\n")
            (tasks / "write.yaml").write_text(
                "task: write\n" + base + "output_type: generate_until\ndoc_to_target: '{{a}}'\n"
                "generation_kwargs: {until: ['\\n'], max_gen_toks: 8}\n"
                "metric_list: [{metric: exact_match}]\n")
            common = ["--include_path", folder, "--output_path", folder + "/out"]
            offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": folder + "/hf"}
            # Through parapet e2e, which runs the harness itself.
            (tasks / "e2e.yaml").write_text(
                "model_name: guard\nmodel_type: vllm\ninclude_path: .\napply_chat_template: false\n"
                "tasks:\n- {name: score, metrics: [{name: 'acc,none', value: 0}]}\n"
                "- {name: write, metrics: [{name: 'exact_match,none', value: 0}]}\n")
            done = self.run_client(PROGRAM, "e2e", folder + "/e2e.yaml", "--server", self.server.url,
                                   "--lm-eval", str(CLIENTS / "venv/bin/lm_eval"), "--json",
                                   "--report-dir", folder)
            self.assertEqual([row["n"] for row in json.loads(done)["rows"]], [2, 2])
            model = f"model=guard,base_url={self.server.url}/v1/chat/completions"
            self.run_client(str(CLIENTS / "venv/bin/lm_eval"), "--model", "local-chat-completions", "--tasks",
                            "write", "--apply_chat_template", "--model_args", model, *common, **offline)


if __name__ == "__main__":
    sys.exit(unittest.main())
