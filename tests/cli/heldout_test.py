"""The bundled model reaches, through this program, what its card says it reaches."""

import json
import unittest

from program import ROOT, json_lines, parapet

FOLDER = ROOT / "tools/bundled_model"


class HeldOut(unittest.TestCase):
    def test_accuracy_is_the_cards(self):
        examples = json_lines((FOLDER / "heldout.jsonl").read_text(encoding="utf-8"))
        requests = "\n".join(json.dumps({"messages": e["messages"]}) for e in examples)
        verdicts = json_lines(parapet("moderate", "--json", stdin=requests).stdout)
        right = sum(v["safety"] == e["safety"] for v, e in zip(verdicts, examples, strict=True))
        unread = sum(v["safety"] is None for v in verdicts)
        print(f"held-out: {right} of {len(examples)} labels right, {unread} without a verdict")
        stated = json.loads((FOLDER / "metrics.json").read_text())["label_accuracy"]["accuracy"]
        # The card's numbers come from another implementation; where two labels are all but equally
        # likely, rounding may settle them differently. Three in 600 is the most we accept.
        self.assertLessEqual(abs(right / len(examples) - stated) * len(examples), 3)


if __name__ == "__main__":
    unittest.main()
