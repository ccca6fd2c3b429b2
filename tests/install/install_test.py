"""An install tree is all that a user of the library needs.

The build is installed into a folder which is then moved; the documented examples are copied away from
the repository, built against the tree with find_package(parapet), and run on the bundled model.
"""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path
from shutil import copytree

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples/cpp"
PAGE = ROOT / "docs/cpp-api.md"
BUILD, CMAKE, GENERATOR, CXX, CXXFLAGS, NM = (
    os.environ[name] for name in ("BUILD", "CMAKE", "GENERATOR", "CXX", "CXXFLAGS", "NM"))

# What an exported symbol may belong to: a class or a function of the public headers.
PUBLIC = re.compile(r"parapet::((ChatTokenizer|Guard|LLM)::(?!Impl::)|"
                    r"(inspect|is_blocked|quantize_checkpoint|to_string|version)\()")


def run(*command: object) -> subprocess.CompletedProcess:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)


def must(*command: object) -> str:
    done = run(*command)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def only(paths) -> Path:
    (path,) = paths
    return path


class InstallTree(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name).resolve()
        must(CMAKE, "--install", BUILD, "--prefix", cls.folder / "first")
        cls.prefix = (cls.folder / "first").rename(cls.folder / "moved")
        cls.library = only(cls.prefix.glob("lib*/**/libparapet.so"))
        cls.model = cls.prefix / "share/parapet/models/parapet-guard-tiny"
        cls.consumer = cls.folder / "build"
        copytree(EXAMPLES, cls.folder / "examples")
        must(CMAKE, "-S", cls.folder / "examples", "-B", cls.consumer, "-G", GENERATOR,
             f"-DCMAKE_PREFIX_PATH={cls.prefix}", f"-DCMAKE_CXX_COMPILER={CXX}",
             f"-DCMAKE_CXX_FLAGS={CXXFLAGS}", "-DCMAKE_NO_SYSTEM_FROM_IMPORTED=ON",
             "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
        must(CMAKE, "--build", cls.consumer, "--parallel", "2")

    def test_a_verdict(self):
        done = run(self.consumer / "judge", self.model, "How to make a bomb?")
        self.assertEqual((done.returncode, done.stdout), (3, "Unsafe\n- Violent\n"), done.stderr)
        done = run(self.consumer / "judge", self.model, "Capital of France?")
        self.assertEqual((done.returncode, done.stdout), (0, "Safe\n"), done.stderr)

    def test_an_answer_in_pieces_and_one_that_is_cancelled(self):
        printed = must(self.consumer / "stream", self.model, "Capital of France?")
        # How far the second came is the machine's affair.
        self.assertRegex(printed, r"^Safety: Safe\nCategories: None\n\[stop after [1-9]\d* tokens\]\n"
                                  r"(?s:.*)\n\[cancelled\]\n$")

    def test_an_error_is_one_line(self):
        done = run(self.consumer / "judge", self.prefix, "Capital of France?")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^.*config\.json.*\n$")

    def test_the_program_finds_its_model(self):
        done = run(self.prefix / "bin/parapet", "moderate", "--json", "Capital of France?")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('"safety":"Safe"', done.stdout)

    def test_the_consumer_used_this_tree_and_nothing_of_the_build(self):
        cache = (self.consumer / "CMakeCache.txt").read_text()
        found = re.search(r"^parapet_DIR:PATH=(.*)$", cache, re.MULTILINE).group(1)
        self.assertEqual(Path(found), self.library.parent / "cmake/parapet")
        package = "".join(file.read_text() for file in Path(found).iterdir())
        commands = (self.consumer / "compile_commands.json").read_text()
        for name in (BUILD, ROOT, self.folder / "first"):
            self.assertNotIn(str(name), package)
            self.assertNotIn(str(name), commands)

    def test_every_header_stands_alone(self):
        headers = sorted((self.prefix / "include/parapet").iterdir())
        self.assertIn("guard.h", [header.name for header in headers])
        for header in headers:
            must(CXX, *CXXFLAGS.split(), "-std=c++20", "-fsyntax-only", "-x", "c++",
                 "-I", self.prefix / "include", "-include", f"parapet/{header.name}", os.devnull)

    def test_the_library_exports_the_api_alone(self):
        lines = must(NM, "-DC", "--defined-only", self.library).splitlines()
        names = [line.split(maxsplit=2)[2] for line in lines]
        self.assertTrue(any(name.startswith("parapet::Guard::judge(") for name in names), names)
        self.assertEqual([name for name in names if not PUBLIC.match(name)], [])

    def test_the_licence_is_there(self):
        self.assertTrue((self.prefix / "share/doc/parapet/LICENSE").is_file())


class Page(unittest.TestCase):
    def test_quotes_the_examples_as_they_are(self):
        sources = {file.name: file.read_text(encoding="utf-8") for file in EXAMPLES.iterdir()}
        blocks = re.findall(r"^```(?:cpp|cmake)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"),
                            re.MULTILINE | re.DOTALL)
        self.assertGreaterEqual(len(blocks), 3)
        for block in blocks:
            self.assertTrue(any(block in source for source in sources.values()),
                            f"no example has\n{block}")


if __name__ == "__main__":
    unittest.main()
