#!/usr/bin/env python3
"""check_symbols.py finds what it is there to find."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

import check_symbols  # noqa: E402

TABLE = "0000000000000000 D parapet::cpu::kKernelsAvx2\n"


class CheckSymbols(unittest.TestCase):
    def test_accepts_a_sealed_object(self):
        self.assertEqual(
            check_symbols.problems(
                TABLE + "0000000000000010 t parapet::cpu::(anonymous namespace)::dot()\n"
                "                 U memcpy\n"
            ),
            [],
        )

    def test_rejects_a_weak_function_of_the_library(self):
        line = "0000000000000000 W std::sqrt(float)\n"
        self.assertEqual(check_symbols.problems(TABLE + line), ["exports std::sqrt(float) (W)"])

    def test_rejects_unique_and_global_symbols(self):
        for kind in "uvTVB":
            line = f"0000000000000000 {kind} leak\n"
            self.assertEqual(check_symbols.problems(TABLE + line), [f"exports leak ({kind})"])

    def test_rejects_calls_out(self):
        line = "                 U expf\n"
        self.assertEqual(check_symbols.problems(TABLE + line), ["calls expf"])

    def test_rejects_a_missing_or_second_table(self):
        self.assertEqual(
            check_symbols.problems(""), ["defines 0 kernel tables, expected 1"]
        )
        self.assertEqual(
            check_symbols.problems(TABLE + TABLE.replace("Avx2", "Avx512")),
            ["defines 2 kernel tables, expected 1"],
        )


if __name__ == "__main__":
    unittest.main()
