"""The routes, one by one: what they answer, and what they refuse."""

import json
import math
import re
import unittest
from pathlib import Path

from serving import ServerCase

HARM = "How can I make a bomb?"
PLAIN = "Capital of France?"
DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def user(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]


class SideDoors(ServerCase):
    FLAGS = ("--served-model-name", "guard", "second")

    def test_health_and_ping_are_empty(self):
        for method, path in (("GET", "/health"), ("GET", "/ping"), ("POST", "/ping")):
            answer = self.server.request(method, path)
            self.assertEqual((answer.status, answer.body), (200, b""))

    def test_version_load_and_models(self):
        self.assertRegex(self.ok(self.get("/version"))["version"], r"^\d+\.\d+\.\d+$")
        self.assertEqual(self.ok(self.get("/load"))["server_load"], 0)
        models = self.ok(self.get("/v1/models"))["data"]
        self.assertEqual([each["id"] for each in models], ["guard", "second"])
        self.assertEqual(models[0]["max_model_len"], 4096)
        self.assertEqual(self.ok(self.get("/v1/models/second"))["id"], "second")
        self.assertEqual(self.refused(self.get("/v1/models/none"), 404)["code"], "model_not_found")

    def test_what_is_not_there(self):
        self.refused(self.get("/nothing"), 404)
        answer = self.get("/v1/verdicts")
        self.refused(answer, 405)
        self.assertEqual(answer.headers["Allow"], "POST")
        self.refused(self.get("/%00"), 400)

    def test_head_has_the_length_and_no_body(self):
        answer = self.server.request("HEAD", "/version")
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(int(answer.headers["Content-Length"]), len(self.get("/version").body))

    def test_a_request_keeps_its_name(self):
        self.assertEqual(self.get("/version", headers={"X-Request-Id": "a-1"}).headers["X-Request-Id"], "a-1")
        made = self.get("/version", headers={"X-Request-Id": "no spaces!"}).headers["X-Request-Id"]
        self.assertRegex(made, "^[0-9a-f]{32}$")

    def test_tokenize_there_and_back(self):
        tokens = self.ok(self.post("/tokenize", {"prompt": "Grüße 护栏", "return_token_strs": True}))
        self.assertEqual(tokens["count"], len(tokens["tokens"]))
        self.assertEqual(len(tokens["token_strs"]), tokens["count"])
        back = self.ok(self.post("/detokenize", {"tokens": tokens["tokens"]}))
        self.assertEqual(back["prompt"], "Grüße 护栏")
        chat = self.ok(self.post("/tokenize", {"messages": user("hi")}))
        self.assertGreater(chat["count"], 100)  # the policy stands around it
        self.refused(self.post("/tokenize", {}), 400, "prompt")
        self.refused(self.post("/tokenize", {"messages": {}}), 400, "messages")
        self.refused(self.post("/detokenize", {"tokens": [10**8]}), 400, "tokens")

    def test_openapi_describes_what_there_is(self):
        described = self.ok(self.get("/openapi.json"))["paths"]
        for path in ("/v1/verdicts", "/v1/chat/completions", "/v1/moderations", "/tokenize"):
            self.assertIn(path, described)

    def test_stats_and_no_audit_log(self):
        self.assertEqual(self.ok(self.get("/v1/console/stats"))["status"], "ok")
        self.assertEqual(self.refused(self.get("/v1/audit"), 404)["code"], "no_audit_log")


class Bodies(ServerCase):
    FLAGS = ("--max-body-bytes", "10000")

    def test_what_is_no_request(self):
        for body, word in ((b"", "JSON"), (b"{", "JSON"), (b"[]", "object"), (b"\xff", "JSON"),
                           (b'{"messages": "\xff"}', "JSON"), (b"[" * 5000, "nested"),
                           (b'{"messages": [], "max_tokens": 1e999}', "")):
            error = self.refused(self.post("/v1/chat/completions", body), 400)
            self.assertIn(word, error["message"])

    def test_a_long_body_is_refused(self):
        self.refused(self.post("/v1/verdicts", b"x" * 10001), 413)

    def test_fields_name_what_is_wrong(self):
        for field, value in (("temperature", "hot"), ("temperature", -1), ("top_p", 0), ("n", 0), ("n", 1.5),
                             ("stop", [1]), ("max_tokens", -1), ("logit_bias", {"x": 1}), ("seed", "s"),
                             ("tools", [{"type": "function"}]), ("top_logprobs", 3),
                             ("response_format", {"type": "json_object"}), ("priority", 3),
                             ("structured_outputs", {"json": {"type": "object"}}),
                             ("stream_options", {"include_usage": 1}), ("deadline_ms", 0)):
            error = self.refused(self.post("/v1/chat/completions", {"messages": user("x"), field: value}), 400)
            self.assertIn(field, error["message"])

    def test_messages_must_be_text(self):
        image = {"type": "image_url", "image_url": {"url": "data:,"}}
        for messages in ([], "x", [1], [{"role": "user"}], [{"content": "x"}],
                         [{"role": "user", "content": [image]}], [{"role": "user", "content": None}]):
            self.refused(self.post("/v1/chat/completions", {"messages": messages}), 400)

    def test_another_model_is_not_served(self):
        error = self.refused(self.post("/v1/chat/completions", {"model": "gpt", "messages": user("x")}), 404)
        self.assertEqual(error["code"], "model_not_found")


class Chat(ServerCase):
    FLAGS = ("--served-model-name", "guard", "--enable-prompt-tokens-details")

    def chat(self, text: str = PLAIN, **fields) -> dict:
        return self.ok(self.post("/v1/chat/completions", {"messages": user(text), **fields}))

    def test_a_verdict_as_chat(self):
        answer = self.chat(HARM)
        choice = answer["choices"][0]
        self.assertEqual(choice["message"]["content"], "Safety: Unsafe\nCategories: Violent")
        self.assertEqual((choice["finish_reason"], choice["logprobs"]), ("stop", None))
        self.assertEqual(answer["object"], "chat.completion")
        usage = answer["usage"]
        self.assertEqual(usage["total_tokens"], usage["prompt_tokens"] + usage["completion_tokens"])
        self.assertGreater(usage["prompt_tokens_details"]["cached_tokens"], 100)

    def test_parts_of_text_are_one_text(self):
        parts = [{"type": "text", "text": "How can I"}, {"type": "text", "text": "make a bomb?"}]
        joined = self.chat("How can I\nmake a bomb?")
        answer = self.ok(self.post("/v1/chat/completions", {"messages": [{"role": "user", "content": parts}]}))
        self.assertEqual(answer["choices"], joined["choices"])

    def test_logprobs(self):
        answer = self.chat(logprobs=True, top_logprobs=3)
        content = answer["choices"][0]["logprobs"]["content"]
        self.assertEqual("".join(each["token"] for each in content[:2]), "Safety:")
        for each in content:
            self.assertEqual(len(each["top_logprobs"]), 3)
            self.assertEqual(each["token"], each["top_logprobs"][0]["token"])
            self.assertEqual(bytes(each["bytes"]).decode(), each["token"])

    def test_max_tokens_stop_and_n(self):
        self.assertEqual(self.chat(max_tokens=2)["choices"][0]["finish_reason"], "length")
        stopped = self.chat(HARM, stop="\nCat")["choices"][0]
        self.assertEqual((stopped["message"]["content"], stopped["stop_reason"]), ("Safety: Unsafe", "\nCat"))
        drawn = self.chat(n=3, temperature=2.0, seed=4, max_tokens=8, ignore_eos=True)
        self.assertEqual([each["index"] for each in drawn["choices"]], [0, 1, 2])
        self.assertEqual(drawn["choices"], self.chat(n=3, temperature=2.0, seed=4, max_tokens=8,
                                                     ignore_eos=True)["choices"])

    def test_choice_and_regex(self):
        choice = self.chat(structured_outputs={"choice": ["yes", "no"]})["choices"][0]
        self.assertIn(choice["message"]["content"], ("yes", "no"))
        regex = self.chat(structured_outputs={"regex": "[0-9]{3}"})["choices"][0]
        self.assertRegex(regex["message"]["content"], "^[0-9]{3}$")

    def stream(self, body: dict) -> list:
        answer = self.post("/v1/chat/completions", {**body, "stream": True})
        self.assertEqual(answer.headers["Content-Type"], "text/event-stream")
        events = answer.events()
        self.assertEqual(events[-1], "[DONE]")
        return events[:-1]

    def test_a_stream_says_the_same(self):
        for more in ({}, {"logprobs": True}, {"temperature": 1.5, "seed": 2, "max_tokens": 20}):
            whole = self.chat(HARM, **more)["choices"][0]
            events = self.stream({"messages": user(HARM), **more, "stream_options": {"include_usage": True}})
            self.assertEqual(events[0]["choices"][0]["delta"]["role"], "assistant")
            text = "".join(each["choices"][0]["delta"].get("content", "") for each in events[:-1])
            self.assertEqual(text, whole["message"]["content"])
            self.assertEqual(events[-2]["choices"][0]["finish_reason"], whole["finish_reason"])
            self.assertEqual(events[-1]["choices"], [])
            self.assertGreater(events[-1]["usage"]["completion_tokens"], 0)

    def test_a_stream_tells_logprobs_with_each_token(self):
        for more in ({"top_logprobs": 2}, {"stop": "\nCat"}, {"logprob_token_ids": [5, 9]},
                     {"n": 2, "temperature": 1.2, "seed": 3, "max_tokens": 12}):
            whole = self.chat(HARM, logprobs=True, **more)["choices"]
            told = [[] for _ in whole]
            for each in self.stream({"messages": user(HARM), "logprobs": True, **more}):
                (choice,) = each["choices"]
                entries = (choice["logprobs"] or {"content": []})["content"]
                self.assertLessEqual(len(entries), 1)
                if more == {"top_logprobs": 2} and entries and not choice["finish_reason"]:
                    self.assertEqual(choice["delta"]["content"], entries[0]["token"])
                told[choice["index"]] += entries
            self.assertEqual(told, [each["logprobs"]["content"] for each in whole])
            self.assertGreater(len(told[0]), 2)

    def test_a_stream_counts_as_it_goes(self):
        options = {"include_usage": True, "continuous_usage_stats": True}
        *events, last = self.stream({"messages": user(HARM), "n": 2, "temperature": 1.5, "max_tokens": 9,
                                     "stream_options": options, "return_token_ids": True})
        counts = [[each["usage"]["completion_tokens"] for each in events if each["choices"][0]["index"] == i]
                  for i in (0, 1)]
        for each in counts:
            self.assertEqual((each[0], each), (0, sorted(each)))
        self.assertEqual(sum(each[-1] for each in counts), last["usage"]["completion_tokens"])
        with_prompt = [each for each in events if "prompt_token_ids" in each]
        self.assertEqual(len(with_prompt), 2)  # each answer's first
        self.assertEqual(len(with_prompt[0]["prompt_token_ids"]), last["usage"]["prompt_tokens"])

    def test_logprobs_of_chosen_tokens(self):
        safe, unsafe = (self.ok(self.post("/tokenize", {"prompt": "Safety: " + label}))["tokens"][2]
                        for label in ("Safe", "Unsafe"))
        whole = self.chat(HARM, logprobs=True, logprob_token_ids=[safe, unsafe], return_tokens_as_token_ids=True)
        entry = whole["choices"][0]["logprobs"]["content"][2]
        self.assertEqual([each["token"] for each in entry["top_logprobs"]], [f"token_id:{unsafe}", f"token_id:{safe}"])
        (verdict,) = self.ok(self.post("/v1/verdicts", {"prompt": HARM}))["verdicts"]
        difference = entry["top_logprobs"][0]["logprob"] - entry["top_logprobs"][1]["logprob"]
        probabilities = verdict["probabilities"]
        self.assertAlmostEqual(difference, math.log(probabilities["Unsafe"] / probabilities["Safe"]), places=3)

    def test_what_ended_an_answer(self):
        colon = self.ok(self.post("/tokenize", {"prompt": "Safety:"}))["tokens"][1]
        for stream in (False, True):
            body = {"messages": user(HARM), "stop_token_ids": [colon], "stream": stream}
            last = self.stream(body)[-1] if stream else self.ok(self.post("/v1/chat/completions", body))
            choice = last["choices"][0]
            self.assertEqual((choice["finish_reason"], choice["stop_reason"]), ("stop", colon))

    def test_answers_bear_the_request_s_name(self):
        self.assertEqual(self.chat(request_id="mine-1")["id"], "chatcmpl-mine-1")
        body = {"messages": user(PLAIN), "request_id": "mine-1"}
        named = self.post("/v1/chat/completions", body, headers={"X-Request-Id": "theirs"})
        self.assertEqual(self.ok(named)["id"], "chatcmpl-theirs")
        self.refused(self.post("/v1/chat/completions", {**body, "request_id": "no spaces"}), 400, "request_id")

    def test_what_cannot_be_honoured_is_refused(self):
        for field, value in (("stream_options", {"include_usage": True}), ("logprob_token_ids", [1]),
                             ("repetition_detection", {"max_pattern_size": 2}), ("return_prompt_text", True),
                             ("vllm_xargs", {"a": 1}), ("watermarking", True), ("tool_choice", "required"),
                             ("truncation_side", "middle")):
            for route, body in (("chat/completions", {"messages": user(PLAIN)}), ("completions", {"prompt": "x"})):
                self.refused(self.post("/v1/" + route, {**body, field: value}), 400, field)
        for route, body in (("chat/completions", {"messages": user(PLAIN)}), ("completions", {"prompt": "x"})):
            self.refused(self.post("/v1/" + route, {**body, "stream": True, "prompt_logprobs": 1}), 400,
                         "prompt_logprobs")

    def test_too_long_is_told(self):
        error = self.refused(self.post("/v1/chat/completions", {"messages": user("word " * 6000)}), 400)
        self.assertEqual(error["code"], "context_length_exceeded")


class Completions(ServerCase):
    def complete(self, prompt, **fields) -> dict:
        return self.ok(self.post("/v1/completions", {"prompt": prompt, **fields}))

    def test_a_batch_keeps_its_order(self):
        prompts = ["one", "two three", "four five six"]
        together = self.complete(prompts, max_tokens=5, n=2)["choices"]
        self.assertEqual([each["index"] for each in together], list(range(6)))
        for i, prompt in enumerate(prompts):
            alone = self.complete(prompt, max_tokens=5)["choices"][0]["text"]
            self.assertEqual([each["text"] for each in together[2 * i:2 * i + 2]], [alone, alone])

    def test_ids_are_prompts(self):
        ids = self.ok(self.post("/tokenize", {"prompt": "The guard says"}))["tokens"]
        text = self.complete("The guard says")["choices"][0]["text"]
        self.assertEqual(self.complete(ids)["choices"][0]["text"], text)
        self.assertEqual([each["text"] for each in self.complete([ids, ids])["choices"]], [text, text])

    def test_echo_with_logprobs_scores_a_prompt(self):
        for max_tokens in (0, 1):
            choice = self.complete("The guard says no", echo=True, logprobs=1, max_tokens=max_tokens)["choices"][0]
            logprobs = choice["logprobs"]
            count = len(logprobs["tokens"])
            self.assertEqual({len(logprobs[key]) for key in logprobs}, {count})
            self.assertIsNone(logprobs["token_logprobs"][0])
            self.assertTrue(all(each <= 0 for each in logprobs["token_logprobs"][1:]))
            self.assertTrue(choice["text"].startswith("The guard says no"))
            self.assertEqual("".join(logprobs["tokens"]), choice["text"])
            for i in range(count - 1):
                width = logprobs["text_offset"][i + 1] - logprobs["text_offset"][i]
                self.assertEqual(width, len(logprobs["tokens"][i]))

    def test_prompt_logprobs_as_vllm_tells_them(self):
        choice = self.complete("a b c", prompt_logprobs=2, max_tokens=1)["choices"][0]
        first, *rest = choice["prompt_logprobs"]
        self.assertIsNone(first)
        for position in rest:
            self.assertTrue({"logprob", "rank", "decoded_token"} == set(next(iter(position.values()))))

    def test_a_stream_of_several(self):
        whole = self.complete(["one", "two"], max_tokens=6, n=2, temperature=1.0)
        answer = self.post("/v1/completions", {"prompt": ["one", "two"], "max_tokens": 6, "n": 2,
                                               "temperature": 1.0, "stream": True, "echo": True})
        texts = [""] * 4
        for each in answer.events()[:-1]:
            texts[each["choices"][0]["index"]] += each["choices"][0]["text"]
        for i, choice in enumerate(whole["choices"]):
            self.assertEqual(texts[i], ["one", "two"][i // 2] + choice["text"])

    def test_a_stream_tells_logprobs_as_the_whole_does(self):
        for more in ({"max_tokens": 5, "n": 2, "temperature": 1.0, "seed": 1, "logprobs": 2},
                     {"max_tokens": 4, "echo": True, "n": 2, "logprobs": 1}, {"max_tokens": 0, "echo": True, "logprobs": 0},
                     {"max_tokens": 5, "stop": [" a", "e"], "logprobs": 1},
                     {"max_tokens": 3, "echo": True, "logprobs": 1, "logprob_token_ids": [8, 3, 90]}):
            body = {"prompt": ["one two", "Grüße an alle"], **more}
            whole = self.ok(self.post("/v1/completions", body))
            answer = self.post("/v1/completions", {**body, "stream": True, "stream_options": {
                "include_usage": True, "continuous_usage_stats": True}})
            *events, last = answer.events()[:-1]
            texts = ["" for _ in whole["choices"]]
            told = [{key: [] for key in each["logprobs"]} for each in whole["choices"]]
            for each in events:
                (choice,) = each["choices"]
                texts[choice["index"]] += choice["text"]
                for key, values in (choice["logprobs"] or {}).items():
                    told[choice["index"]][key] += values
            self.assertEqual(texts, [each["text"] for each in whole["choices"]])
            self.assertEqual(told, [each["logprobs"] for each in whole["choices"]])
            self.assertEqual(last["usage"], whole["usage"])
            per_answer = {each["choices"][0]["index"]: each["usage"]["completion_tokens"] for each in events}
            self.assertEqual(sum(per_answer.values()), whole["usage"]["completion_tokens"])
            self.assertGreaterEqual(len(events), whole["usage"]["completion_tokens"])  # one a token

    def test_logprobs_of_chosen_tokens(self):
        choice = self.complete("one two", max_tokens=2, logprobs=0, logprob_token_ids=[8, 3],
                               return_tokens_as_token_ids=True)["choices"][0]
        for token, likely in zip(choice["logprobs"]["tokens"], choice["logprobs"]["top_logprobs"]):
            self.assertEqual(set(likely), {token, "token_id:8", "token_id:3"})

    def test_either_end_of_a_prompt_can_stay(self):
        ids = self.ok(self.post("/tokenize", {"prompt": "one two three four"}))["tokens"]
        for side, kept in ((None, ids[-2:]), ("left", ids[-2:]), ("right", ids[:2])):
            cut = self.complete(ids, truncate_prompt_tokens=2, truncation_side=side, return_token_ids=True)
            self.assertEqual(cut["choices"][0]["prompt_token_ids"], kept)

    def test_tokens_as_ids(self):
        ids = self.ok(self.post("/tokenize", {"prompt": "x y"}))["tokens"]
        choice = self.complete(ids, echo=True, logprobs=1, max_tokens=1, return_tokens_as_token_ids=True)["choices"][0]
        self.assertEqual(choice["logprobs"]["tokens"][:len(ids)], [f"token_id:{each}" for each in ids])

    def test_prompts_that_are_none(self):
        for prompt in (None, 3, [], [[]], [""], "", ["x", 3], [-1], [10**7], {"a": 1}):
            self.refused(self.post("/v1/completions", {"prompt": prompt}), 400)


class WholeVocabulary(ServerCase):
    FLAGS = ("--max-logprobs", "-1")

    def ask(self, **fields):
        return self.post("/v1/completions", {"prompt": "The guard", "max_tokens": 1, **fields})

    def test_all_tokens_are_told(self):
        for count in (-1, 8192):
            logprobs = self.ok(self.ask(logprobs=count, return_tokens_as_token_ids=True))["choices"][0]["logprobs"]
            (row,) = logprobs["top_logprobs"]
            self.assertEqual({f"token_id:{i}" for i in range(8192)}, set(row))
            self.assertAlmostEqual(math.fsum(map(math.exp, row.values())), 1, places=5)
            self.assertEqual(max(row, key=row.get), logprobs["tokens"][0])
        self.assertEqual(len(self.ok(self.ask(prompt_logprobs=-1))["choices"][0]["prompt_logprobs"][1]), 8192)
        chat = self.ok(self.post("/v1/chat/completions", {"messages": user(PLAIN), "max_tokens": 1, "logprobs": True,
                                                          "top_logprobs": -1}))
        self.assertEqual(len(chat["choices"][0]["logprobs"]["content"][0]["top_logprobs"]), 8192)

    # By their text, tokens that are no whole characters are told as one, the least likely of them.
    def test_tokens_of_equal_text_are_one(self):
        (row,) = self.ok(self.ask(logprobs=-1))["choices"][0]["logprobs"]["top_logprobs"]
        self.assertGreater(len(row), 7000)
        self.assertLess(len(row), 8192)

    def test_more_than_there_is_or_fits_is_refused(self):
        self.assertIn("expected -1 to 8192", self.refused(self.ask(logprobs=8193), 400)["message"])
        self.refused(self.ask(logprobs=-2), 400, "logprobs")
        error = self.refused(self.ask(prompt=["x"] * 40, logprobs=-1, max_tokens=16), 400)
        self.assertIn("log-probabilities; lower logprobs", error["message"])
        self.ok(self.ask(prompt=["x"] * 40, logprobs=20, max_tokens=16))


class Moderations(ServerCase):
    def moderate(self, given, **fields) -> list:
        return self.ok(self.post("/v1/moderations", {"input": given, **fields}))["results"]

    def test_a_string(self):
        (result,) = self.moderate(HARM)
        self.assertTrue(result["flagged"])
        self.assertEqual(result["severity"], "Unsafe")
        self.assertTrue(result["categories"]["Violent"] and result["categories"]["violence"])
        self.assertFalse(result["categories"]["sexual"] or result["categories"]["violence/graphic"])
        self.assertGreater(result["category_scores"]["violence"], 0.5)
        self.assertEqual(set(result["categories"]), set(result["category_scores"]))
        (result,) = self.moderate(PLAIN)
        self.assertFalse(result["flagged"])
        self.assertLess(max(result["category_scores"].values()), 0.5)

    def test_lists_parts_and_messages(self):
        flags = [each["flagged"] for each in self.moderate([HARM, PLAIN, HARM])]
        self.assertEqual(flags, [True, False, True])
        self.assertEqual(len(self.moderate([{"type": "text", "text": PLAIN}])), 1)
        refusal = [*user(HARM), {"role": "assistant", "content": "I can't help with that."}]
        (result,) = self.moderate(refusal)
        self.assertIn(result["refusal"], ("Yes", "No"))
        self.assertEqual(len(self.moderate([refusal, user(PLAIN)])), 2)

    def test_openai_s_model_names_mean_ours(self):
        self.assertEqual(len(self.moderate(PLAIN, model="omni-moderation-latest")), 1)
        self.refused(self.post("/v1/moderations", {"input": "x", "model": "gpt"}), 404, "model")

    def test_what_is_no_input(self):
        image = [{"type": "image_url", "image_url": {"url": "data:,"}}]
        for given in (None, 3, [], [1], image, {"a": 1}):
            self.refused(self.post("/v1/moderations", {"input": given}), 400)


class Verdicts(ServerCase):
    def judge(self, **body) -> list:
        return self.ok(self.post("/v1/verdicts", body))["verdicts"]

    def test_forms_of_conversations(self):
        verdicts = self.judge(conversations=[HARM, user(PLAIN), {"prompt": HARM, "response": "No."},
                                             {"messages": user(PLAIN)}])
        self.assertEqual([each["index"] for each in verdicts], [0, 1, 2, 3])
        self.assertEqual([each["kind"] for each in verdicts], ["prompt", "prompt", "response", "prompt"])
        self.assertEqual([each["blocked"] for each in verdicts][:2], [True, False])
        self.assertEqual(verdicts[0]["categories"], ["Violent"])
        self.assertAlmostEqual(sum(verdicts[0]["probabilities"].values()), 1.0, places=6)
        self.assertIn(verdicts[2]["refusal"], ("Yes", "No"))

    def test_alone_and_together_are_the_same(self):
        (alone,) = self.judge(prompt=HARM)
        together = self.judge(conversations=[PLAIN, HARM, PLAIN])[1]
        for key in ("safety", "categories", "probabilities", "category_probabilities", "text"):
            self.assertEqual(alone[key], together[key])

    def test_one_bad_conversation_fails_alone(self):
        verdicts = self.judge(conversations=[PLAIN, {"messages": []}, 3, [{"role": "tool", "content": "x"}], PLAIN])
        self.assertEqual([each["safety"] for each in verdicts][::4], ["Safe", "Safe"])
        for bad in verdicts[1:3]:
            self.assertEqual((bad["safety"], bad["blocked"], bad["error"]["status"]), (None, True, 400))
        self.assertIn("conversations[1].messages", verdicts[1]["error"]["message"])

    def test_policy(self):
        prompts = [HARM, PLAIN]
        strict = self.judge(conversations=prompts, policy="strict")
        loose = self.judge(conversations=prompts, policy="loose")
        self.assertEqual([each["blocked"] for each in strict], [True, False])
        self.assertEqual([each["blocked"] for each in loose], [True, False])
        self.refused(self.post("/v1/verdicts", {"prompt": "x", "policy": "x"}), 400, "policy")

    def test_label_alone_and_tokens(self):
        (verdict,) = self.judge(prompt=HARM, stop_after_label=True, include_tokens=True)
        self.assertEqual((verdict["safety"], verdict["categories"], verdict["passes"]), ("Unsafe", [], 1))
        self.assertEqual(len(verdict["tokens"]), verdict["usage"]["prompt_tokens"])
        self.assertIn("bomb", "".join(each["text"] for each in verdict["tokens"]))

    def test_windows_or_refusal(self):
        (verdict,) = self.judge(prompt="word " * 6000)
        self.assertGreater(verdict["windows"], 1)
        (verdict,) = self.judge(prompt="word " * 6000, use_windows=False)
        self.assertEqual(verdict["error"]["code"], "context_length_exceeded")

    def test_what_is_no_request(self):
        for body in ({}, {"conversations": []}, {"conversations": "x"}, {"prompt": 3}, {"messages": []}):
            self.refused(self.post("/v1/verdicts", body), 400)

    def test_metrics_count_them(self):
        before = self.server.metric("parapet:verdicts_total")
        self.judge(conversations=[HARM, PLAIN])
        self.server.until(lambda: self.server.metric("parapet:verdicts_total") == before + 2)
        text = self.get("/metrics").body.decode()
        for name in ("vllm:num_requests_running", "vllm:kv_cache_usage_perc", "vllm:prefix_cache_hits_total",
                     "vllm:e2e_request_latency_seconds_bucket", "vllm:time_to_first_token_seconds_sum",
                     "parapet:verdict_categories_total", "parapet:verdict_probability_bucket",
                     "parapet:verdict_passes_bucket", 'le="0.001"', 'label="Unsafe"',
                     "vllm:request_prefill_kv_computed_tokens_bucket", "vllm:prompt_tokens_cached_total",
                     "vllm:spec_decode_num_drafts_total", "vllm:spec_decode_num_draft_tokens_total",
                     "vllm:spec_decode_num_accepted_tokens_total"):
            self.assertIn(name, text)

    def test_metrics_add_up(self):
        self.judge(conversations=[HARM, PLAIN])
        metric = self.server.metric
        self.server.until(lambda: metric("vllm:prompt_tokens_total") == metric("vllm:prompt_tokens_by_source_total"))
        # In one answer: between two there may be a step.
        counted, steps = self.server.metrics("vllm:iteration_tokens_total_count", "parapet:engine_steps_total")
        self.assertEqual(counted, steps)
        text = self.get("/metrics").body.decode()
        bounds = re.findall(r'vllm:iteration_tokens_total_bucket\{[^}]*le="([^"]+)"', text)
        self.assertEqual(bounds, ["1", *(str(2**i) for i in range(3, 15)), "+Inf"])  # vLLM's
        buckets = re.findall(r"vllm:iteration_tokens_total_bucket\{[^}]*\} (\d+)", text)
        self.assertEqual(list(map(int, buckets)), sorted(map(int, buckets)))
        self.assertEqual(int(buckets[-1]), metric("vllm:iteration_tokens_total_count"))
        positions = re.findall(r'vllm:spec_decode_num_accepted_tokens_per_pos_total\{[^}]*position="(\d+)"', text)
        self.assertEqual(positions, [str(i) for i in range(len(positions))])
        self.assertGreater(len(positions), 5)  # "Safety: " and its label, "Categories: ", ...
        self.assertEqual(metric("vllm:spec_decode_num_accepted_tokens_per_pos_total"),
                         metric("vllm:spec_decode_num_accepted_tokens_total"))
        # What was computed of prompts and what was written moved on in some step.
        self.assertGreater(metric("vllm:iteration_tokens_total_sum"), metric("vllm:generation_tokens_total"))

    def test_the_dashboard_asks_for_samples_that_are_there(self):
        self.judge(conversations=[HARM, PLAIN])
        self.server.until(lambda: self.server.metric("parapet:verdicts_total") > 0)
        lines = self.get("/metrics").body.decode().splitlines()
        families = {line.split()[2] for line in lines if line.startswith("# TYPE")}
        samples = {}
        for line in lines:
            if not line.startswith("#"):
                samples.setdefault(line.split("{")[0], set()).update(re.findall(r'(\w+)="', line))
        panels = json.loads((DEPLOY / "grafana-dashboard.json").read_text())["panels"]
        for expr in (target["expr"] for panel in panels for target in panel.get("targets", [])):
            for by, name, matchers in re.findall(r"(?:by \((\w+)\) )?\(?(?:\w+\()?([\w:]+)\{(.*?)\}", expr):
                if name not in samples and name.endswith("_total") and name not in families:
                    continue  # counted from its first event on
                asked = {*re.findall(r'(\w+)=', matchers), *filter(None, [by])}
                self.assertLessEqual(asked, samples.get(name, set()), expr)


class Streams(ServerCase):
    TEXT = "Sure. First you take a pressure cooker and then you fill it with " * 8

    def open(self, **fields) -> dict:
        return self.ok(self.post("/v1/verdicts/stream", {"messages": user(HARM), **fields}))

    def append(self, stream: dict, text: str, final: bool = False) -> dict:
        return self.ok(self.post("/v1/verdicts/stream/" + stream["id"], {"append": text, "final": final}))

    def test_a_verdict_every_so_many_tokens_and_at_the_end(self):
        stream = self.open(every=20)
        pieces = [self.TEXT[i:i + 12] for i in range(0, len(self.TEXT), 12)]
        verdicts = []
        for i, piece in enumerate(pieces):
            state = self.append(stream, piece, final=i + 1 == len(pieces))
            if state["verdict"]:
                verdicts.append(state["verdict"])
                self.assertEqual(state["unjudged_tokens"], 0)
            else:
                self.assertLess(state["unjudged_tokens"], 20)
        self.assertGreater(len(verdicts), 3)
        # What the last one says is what anyone would say about the whole text.
        (whole,) = self.ok(self.post("/v1/verdicts", {"prompt": HARM, "response": self.TEXT}))["verdicts"]
        for key in ("safety", "categories", "refusal", "probabilities", "text"):
            self.assertEqual(verdicts[-1][key], whole[key])
        # New text and the template's tail are all that is computed: no more in the end than at the start.
        computed = [each["usage"]["prompt_tokens"] - each["usage"]["cached_tokens"] for each in verdicts]
        self.assertLess(max(computed[1:]), computed[0] + 40)
        self.refused(self.post("/v1/verdicts/stream/" + stream["id"], {"append": "x"}), 404)

    def test_state_and_close(self):
        stream = self.open()
        self.append(stream, "No.")
        state = self.ok(self.get("/v1/verdicts/stream/" + stream["id"]))
        self.assertIsNone(state["verdict"])
        self.assertGreater(state["tokens"], 0)
        closed = self.server.request("DELETE", "/v1/verdicts/stream/" + stream["id"])
        self.assertTrue(closed.json()["deleted"])
        self.refused(self.get("/v1/verdicts/stream/" + stream["id"]), 404)

    def test_what_cannot_be_opened(self):
        for body in ({}, {"messages": []}, {"messages": user("x"), "every": 0}):
            self.refused(self.post("/v1/verdicts/stream", body), 400)
        self.refused(self.post("/v1/verdicts/stream/none", {"append": "x"}), 404)


if __name__ == "__main__":
    unittest.main()
