"""Renders the conformance cases of tests/jinja with Jinja2, set up as transformers sets it up.

    python3 -m venv V && V/bin/pip install -r tools/golden/jinja_requirements.txt
    V/bin/python tools/golden/jinja_golden.py QWEN3_TOKENIZER_CONFIG.json

writes tests/golden/jinja/language.json and tests/golden/jinja/chat.json: each case holds a template
(or names a file beside the JSON), its variables, and what Jinja makes of them: "output", or "error":
true where it refuses. Needs CPython 3.11.
"""

import datetime
import json
import pathlib
import re
import sys

import jinja2
import jinja2.ext
import jinja2.sandbox

import jinja_cases

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "jinja"
NOW = datetime.datetime(2024, 2, 9, 7, 5, 3)


class Generation(jinja2.ext.Extension):
    """{% generation %}, which marks what the assistant wrote; here only its body matters."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("_body")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                      sort_keys=sort_keys)


def environment():
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True,
        extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


def render(source, variables):
    try:
        output = environment().from_string(source).render(**variables)
    except Exception:  # whatever Python raises is a refusal
        return {"error": True}
    # An address is no output to agree on: what would print one has to be refused.
    return {"error": True} if re.search(r" at 0x[0-9a-f]+>", output) else {"output": output}


def language_cases():
    return [{"template": source, **render(source, jinja_cases.VARIABLES)}
            for source in jinja_cases.LANGUAGE]


def chat_cases(templates):
    cases = []
    for name, source in templates.items():
        for conversation in jinja_cases.CONVERSATIONS:
            variables = {**jinja_cases.CHAT_VARIABLES, **conversation}
            cases.append({"template": name, "variables": variables, **render(source, variables)})
    return cases


def write(name, value):
    text = json.dumps(value, ensure_ascii=False, indent=1)
    (GOLDEN / name).write_text(text + "\n", encoding="utf-8")


def main():
    templates = {path.name: path.read_text(encoding="utf-8")
                 for path in sorted(GOLDEN.glob("*.jinja"))}
    config = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    templates["qwen3"] = config["chat_template"]
    language = language_cases()
    chat = chat_cases(templates)
    write("language.json", {"variables": jinja_cases.VARIABLES, "cases": language})
    write("chat.json", chat)
    refused = sum("error" in case for case in language + chat)
    print(f"{len(language)} language cases, {len(chat)} chat cases, {refused} refused")


if __name__ == "__main__":
    main()
