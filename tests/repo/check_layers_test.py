"""The layering check must find a wrong include, and a folder that lies in no layer."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import check_layers  # noqa: E402


class CheckLayers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()

    def write(self, path: str, text: str):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def test_accepts_what_points_down(self):
        self.write("src/base/check.h", "")
        self.write("src/device/ops.h", '#include "base/check.h"\n#include <vector>\n')
        self.assertEqual(check_layers.violations(self.root), [])

    def test_finds_what_points_up(self):
        self.write("src/engine/engine.h", "")
        self.write("src/model/qwen3.h", '#include "engine/engine.h"\n')
        found = check_layers.violations(self.root)
        self.assertEqual(len(found), 1)
        self.assertIn("src/model/qwen3.h includes engine/engine.h", found[0])

    def test_only_one_file_names_a_backend(self):
        self.write("src/device/cpu/cpu_device.h", "")
        self.write("src/api/backends.cc", '#include "device/cpu/cpu_device.h"\n')
        self.assertEqual(check_layers.violations(self.root), [])
        self.write("src/api/llm.cc", '#include "device/cpu/cpu_device.h"\n')
        self.assertEqual(len(check_layers.violations(self.root)), 1)

    def test_finds_a_folder_outside_the_table(self):
        self.write("src/misc/helpers.h", "")
        self.assertIn("lies in no layer", check_layers.violations(self.root)[0])

    def test_public_headers_take_std_alone(self):
        self.write("include/parapet/good.h", "#include <vector>\n#include <string_view>\n")
        self.assertEqual(check_layers.violations(self.root), [])
        self.write("include/parapet/bad.h", "#include <nlohmann/json.hpp>\n")
        self.assertIn("public headers take std alone", check_layers.violations(self.root)[0])


if __name__ == "__main__":
    unittest.main()
