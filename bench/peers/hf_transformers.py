"""One round of transformers on the checkpoint itself, as JSON: engines.py runs it as a process.

The same as of the other engines, in bfloat16. What Python and PyTorch take before a model is there
is not counted, as Node is not counted for llama.cpp.
"""

import json
import resource
import sys
import time
from pathlib import Path

import torch
import transformers


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def step(model, tokens: list[int], cache) -> int:
    """Adds the tokens to the cache; the likeliest one after them."""
    out = model(input_ids=torch.tensor([tokens]), past_key_values=cache, use_cache=True,
                logits_to_keep=1)
    return int(out.logits[0, -1].argmax())


def measure(job: dict) -> dict:
    torch.set_num_threads(job["threads"])
    before = resident_bytes()
    begin = time.perf_counter()
    model = transformers.AutoModelForCausalLM.from_pretrained(
        job["model"], dtype=torch.bfloat16, attn_implementation="sdpa").eval()
    step(model, job["prompt"][:1], transformers.DynamicCache())
    first_token = time.perf_counter() - begin

    cache = transformers.DynamicCache()
    step(model, job["prompt"][:job["cached"]], cache)
    times = [time.perf_counter()]
    token = step(model, job["prompt"][job["cached"]:], cache)
    times.append(time.perf_counter())
    for _ in range(job["answer"] - 1):
        token = step(model, [token], cache)
        times.append(time.perf_counter())
    passes = [end - start for start, end in zip(times, times[1:])]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"first_token_seconds": first_token,
            "prefill_seconds": passes[0],
            "decode_seconds": passes[1:],
            "answer_seconds": times[-1] - times[0],
            "peak_resident_bytes": peak,
            "resident_bytes_before": before,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "transformers": transformers.__version__}


def main() -> int:
    transformers.utils.logging.disable_progress_bar()
    with torch.inference_mode():
        print(json.dumps(measure(json.loads(sys.argv[1]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
