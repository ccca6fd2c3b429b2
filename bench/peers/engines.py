"""One round of each engine: a process that starts, measures and ends.

All do the same. The first tokens of the prompt, `CACHED`, are computed before the clock starts.
prefill: the rest of the prompt, up to the first token of the answer. decode: the mean of the seven
passes after it. verdict: the whole answer of eight tokens, by Parapet in one pass that checks it as
a guard's verdict is checked, by a peer token by token. start: from the model's file to the first
token of a prompt of one. memory: the most that was resident. Seconds and bytes.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

CACHED = 200
NEW = 160
ANSWER = 8

HERE = Path(__file__).resolve().parent


class EngineError(Exception):
    """An engine that did not run; one line."""


def run_json(command: list, name: str) -> dict:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        raise EngineError(f"{name} failed ({done.returncode}): {lines[-1]}")
    return json.loads(done.stdout)


@dataclass
class Parapet:
    program: Path
    threads: int

    def round(self, model: Path) -> dict:
        result = run_json([self.program, "bench", "latency", "--model", model, "--rounds", 1,
                           "--cached-tokens", CACHED, "--new-tokens", NEW,
                           "--threads", self.threads, "--json"], "parapet")
        return {"prefill": result["prefill"]["ms"]["p50"] / 1000,
                "decode": result["decode"]["ms"]["p50"] / 1000,
                "verdict": result["verdict"]["ms"]["p50"] / 1000,
                "start": result["start"]["first_token_seconds"],
                "memory": result["memory"]["peak_resident_bytes"],
                "details": result}

    def quantize(self, source: Path, target: Path, name: str):
        done = subprocess.run([self.program, "quantize", source, target, "--format", name],
                              stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            raise EngineError(f"parapet quantize --format {name} failed ({done.returncode})")


def measured_round(result: dict, name: str, threads: int, measured: dict) -> dict:
    """What a peer's process told, in the terms of a round."""
    if result["threads"] != threads:
        raise EngineError(f"{name} took {result['threads']} threads, not {threads}")
    return {"prefill": measured["prefill_seconds"],
            "decode": mean(measured["decode_seconds"]),
            "verdict": measured["answer_seconds"],
            "start": result["first_token_seconds"],
            # What the language it is driven by takes is not the engine's.
            "memory": result["peak_resident_bytes"] - result["resident_bytes_before"],
            "details": result}


@dataclass
class LlamaCpp:
    node_modules: Path
    threads: int

    def round(self, gguf: Path, prompt: list[int]) -> dict:
        package = self.node_modules / "node-llama-cpp/dist/index.js"
        job = {"gguf": str(gguf.resolve()), "threads": self.threads, "prompt": prompt,
               "cached": CACHED, "answer": ANSWER, "repeats": 1,
               "package": str(package.resolve())}
        result = run_json(["node", HERE / "llama_cpp.mjs", json.dumps(job)], "llama.cpp")
        return measured_round(result, "llama.cpp", self.threads, result["rounds"][0])


@dataclass
class Transformers:
    """In the Python that runs this, of which it is a package."""
    threads: int

    def round(self, model: Path, prompt: list[int]) -> dict:
        job = {"model": str(model), "threads": self.threads, "prompt": prompt,
               "cached": CACHED, "answer": ANSWER}
        result = run_json([sys.executable, HERE / "hf_transformers.py", json.dumps(job)],
                          "transformers")
        return measured_round(result, "transformers", self.threads, result)
