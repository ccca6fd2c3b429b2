"""parapet generate: the flags of sampling parameters, and what is told about tokens."""

import math
import unittest

from program import json_lines, parapet

CHAT = ["--chat", "-p", "Capital of France?", "--max-tokens", "32"]
ANSWER = "Safety: Safe\nCategories: None"


class Sampling(unittest.TestCase):
    def generate(self, *arguments: str) -> dict:
        done = parapet("generate", "--json", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        (output,) = json_lines(done.stdout)
        return output

    def answer(self, *arguments: str) -> dict:
        (completion,) = self.generate(*arguments)["outputs"]
        return completion

    def test_every_key_is_there(self):
        output = self.generate(*CHAT)
        self.assertEqual(list(output), ["prompt", "prompt_token_ids", "outputs", "prompt_logprobs",
                                        "usage", "timing_ms"])
        self.assertEqual(list(output["outputs"][0]), ["text", "token_ids", "finish_reason",
                                                      "stop_reason", "logprobs", "token_logprobs"])
        self.assertEqual(list(output["usage"]),
                         ["prompt_tokens", "cached_tokens", "completion_tokens"])
        for value in (output["prompt_logprobs"], output["outputs"][0]["logprobs"],
                      output["outputs"][0]["token_logprobs"]):
            self.assertIsNone(value)

    def test_stop_strings_and_their_reason(self):
        stopped = self.answer(*CHAT, "--stop", "None", "--stop", "ego")
        self.assertEqual(stopped["text"], "Safety: Safe\nCat")
        self.assertEqual((stopped["finish_reason"], stopped["stop_reason"]), ("stop", "ego"))
        included = self.answer(*CHAT, "--stop", "ego", "--include-stop-str-in-output")
        self.assertEqual(included["text"], "Safety: Safe\nCatego")
        ended = self.answer(*CHAT)
        self.assertEqual(ended["text"], ANSWER)
        self.assertIsInstance(ended["stop_reason"], int)
        self.assertIsNone(self.answer("-p", "x", "--ignore-eos", "-n", "2")["stop_reason"])

    def test_stop_token_ids_may_stand_in_a_list(self):
        ids = self.answer(*CHAT)["token_ids"]
        stopped = self.answer(*CHAT, "--stop-token-id", f"{ids[4]},{ids[3]}")
        self.assertEqual((stopped["token_ids"], stopped["stop_reason"]), (ids[:3], ids[3]))

    def test_n_answers_draw_with_consecutive_seeds(self):
        draw = ["-p", "The guard", "-n", "8", "--ignore-eos", "--temperature", "1.5"]
        three = self.generate(*draw, "--n", "3", "--seed", "5")["outputs"]
        for i, completion in enumerate(three):
            self.assertEqual(self.answer(*draw, "--seed", str(5 + i)), completion)

    def test_min_tokens_and_min_p_and_top_k(self):
        self.assertGreaterEqual(len(self.answer(*CHAT, "--min-tokens", "20")["token_ids"]), 20)
        greedy = self.answer("-p", "The guard", "--ignore-eos")
        for only_the_likeliest in (["--min-p", "1"], ["--top-k", "1"], ["--top-p", "1e-9"]):
            drawn = self.answer("-p", "The guard", "--ignore-eos", "--temperature", "2",
                                *only_the_likeliest)
            self.assertEqual(drawn["token_ids"], greedy["token_ids"], only_the_likeliest)

    def test_penalties_and_biases_change_the_answer(self):
        ask = ["-p", "one one one one", "-n", "24", "--ignore-eos"]
        plain = self.answer(*ask)["token_ids"]
        for penalty in ("--presence-penalty", "--frequency-penalty", "--repetition-penalty"):
            self.assertNotEqual(self.answer(*ask, penalty, "2")["token_ids"], plain, penalty)
        biased = self.answer(*ask, "--logit-bias", "7=100", "--logit-bias", f"{plain[0]}=-100")
        self.assertEqual(set(biased["token_ids"]), {7})
        allowed = self.answer(*ask, "--allowed-token-id", "7", "--allowed-token-id", "8,9")
        self.assertLessEqual(set(allowed["token_ids"]), {7, 8, 9})
        self.assertNotIn(" Safe", self.answer(*CHAT, "--bad-word", "Safe")["text"])

    def test_choice_and_regex_hold_the_answer(self):
        choices = ["yes, it is", "no", "perhaps"]
        flags = [word for choice in choices for word in ("--choice", choice)]
        self.assertIn(self.answer(*CHAT, "--load-format", "dummy", *flags)["text"], choices)
        regex = r"Safety: (Safe|Unsafe)\nCategories: (None|PII)"
        self.assertRegex(self.answer(*CHAT, "--load-format", "dummy", "--regex", regex)["text"],
                         f"^{regex}$")

    def test_logprobs_of_answer_and_prompt(self):
        output = self.generate("-p", "one two three", "-n", "4", "--ignore-eos", "--logprobs", "2",
                               "--prompt-logprobs", "1", "--logprob-token-id", "5,6")
        (completion,) = output["outputs"]
        self.assertEqual(len(completion["logprobs"]), 4)
        for token_id, position in zip(completion["token_ids"], completion["logprobs"]):
            chosen, first, second = position
            self.assertEqual(list(chosen), ["token_id", "token", "logprob", "rank"])
            self.assertEqual((chosen["token_id"], chosen["rank"]), (token_id, 1))
            self.assertEqual(chosen, first)
            self.assertGreaterEqual(first["logprob"], second["logprob"])
            self.assertLessEqual(sum(math.exp(each["logprob"]) for each in (first, second)), 1 + 1e-6)
        self.assertEqual([len(position) for position in completion["token_logprobs"]], [2] * 4)
        self.assertEqual(len(output["prompt_logprobs"]), output["usage"]["prompt_tokens"])
        self.assertEqual(output["prompt_logprobs"][0], [])
        for token_id, position in zip(output["prompt_token_ids"][1:], output["prompt_logprobs"][1:]):
            self.assertEqual((position[0]["token_id"], len(position)), (token_id, 2))

    def test_zero_tokens_read_the_prompt_alone(self):
        output = self.generate("-p", "one two", "--max-tokens", "0", "--prompt-logprobs", "0")
        self.assertEqual(output["outputs"][0]["token_ids"], [])
        self.assertEqual(output["usage"]["completion_tokens"], 0)

    def test_wrong_flags_are_refused_by_name(self):
        for flags, field in ((["--logit-bias", "5"], "--logit-bias"),
                             (["--logit-bias", "5=x"], "--logit-bias"),
                             (["--logit-bias", "5="], "--logit-bias"),
                             (["--logit-bias", "99999=1"], "logit_bias"),
                             (["--stop", ""], "stop"), (["--logprobs", "-2"], "logprobs"),
                             (["--logprobs", "x"], "--logprobs"), (["--n", "0"], "n is 0"),
                             (["--presence-penalty", "-3"], "presence_penalty"),
                             (["--regex", "("], "regex"), (["--max-tokens", "-1"], "max_tokens"),
                             (["--choice", "a", "--regex", "b"], "--choice"),
                             (["--min-tokens", "99"], "min_tokens")):
            done = parapet("generate", "-p", "x", *flags)
            self.assertEqual(done.returncode, 2, flags)
            self.assertIn(field, done.stderr)
            self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
