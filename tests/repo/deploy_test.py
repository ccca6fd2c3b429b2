"""What deploy/ names must exist: metrics, flags, packages."""

import json
import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
METRIC = re.compile(r"\b(?:vllm:|parapet:|http_)[a-z_0-9:]+")


class Deploy(unittest.TestCase):
    def test_metrics_of_dashboard_and_alerts_are_served(self):
        served = set(METRIC.findall((ROOT / "server/metrics/metrics.cc").read_text()))
        dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
        asked = (DEPLOY / "parapet-alerts.yml").read_text()
        for panel in dashboard["panels"]:
            asked += "".join(target["expr"] + "\n" for target in panel.get("targets", []))
        names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in METRIC.findall(asked)}
        self.assertGreater(len(names), 15)
        self.assertEqual(names - served, set())

    def test_panels_do_not_lie_on_one_another(self):
        taken = set()
        for panel in json.loads((DEPLOY / "grafana-dashboard.json").read_text())["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                     for y in range(at["y"], at["y"] + at["h"])}
            self.assertLessEqual(at["x"] + at["w"], 24)
            self.assertFalse(cells & taken, panel["title"])
            taken |= cells

    def test_flags_are_known(self):
        help_text = subprocess.run([os.environ["PARAPET"], "serve", "--help"], capture_output=True,
                                   text=True, check=True, timeout=60).stdout
        lines = (DEPLOY / "serve.yaml").read_text().splitlines()
        flags = {"--" + line.split(":")[0] for line in lines if line and not line.startswith("#")}
        for file in ("parapet.service", "Containerfile"):
            text = "\n".join(line for line in (DEPLOY / file).read_text().splitlines()
                             if "parapet serve" in line or line.startswith("CMD"))
            flags |= set(re.findall(r"--[a-z-]+", text))
        for flag in flags:
            self.assertIn(flag, help_text)

    def test_libraries_of_the_container_are_those_of_the_program(self):
        if not (shutil.which("ldd") and shutil.which("dpkg-query")):
            self.skipTest("no ldd or dpkg-query")
        linked = subprocess.run(["ldd", os.environ["PARAPET"]], capture_output=True, text=True,
                                check=True).stdout
        # What those libraries need in turn comes with their packages.
        needed = re.findall(r"NEEDED\s+(\S+)",
                            subprocess.run(["objdump", "-p", os.environ["PARAPET"]],
                                           capture_output=True, text=True, check=True).stdout)
        files = [file for name, file in re.findall(r"(\S+) => (/\S+)", linked) if name in needed]
        self.assertGreater(len(files), 5)
        if any("asan" in file or "tsan" in file for file in files):
            self.skipTest("a sanitizer's libraries are for tests alone")
        container = (DEPLOY / "Containerfile").read_text()
        for file in files:
            # dpkg knows files by the name that they had before /lib became a link.
            owners = [subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True).stdout
                      for name in (file, file.removeprefix("/usr"), os.path.realpath(file))]
            package = next((owner.split(":")[0] for owner in owners if owner), None)
            if package in (None, "libc6", "libgcc-s1", "libstdc++6", "zlib1g"):
                continue  # in the base image, or brought along by others
            self.assertIn(package, container, file)

    def test_the_unit_is_well_formed(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("no systemd-analyze")
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", DEPLOY / "parapet.service"],
                              capture_output=True, text=True, timeout=60)
        faults = [line for line in done.stderr.splitlines()
                  if "parapet.service" in line and "not executable" not in line]
        self.assertEqual(faults, [])


if __name__ == "__main__":
    unittest.main()
