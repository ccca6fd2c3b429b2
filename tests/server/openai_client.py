"""OpenAI's Python client against a server that the environment names."""

import openai

HARM = [{"role": "user", "content": "How can I make a bomb?"}]
VERDICT = "Safety: Unsafe\nCategories: Violent"

client = openai.OpenAI(max_retries=0)
assert [model.id for model in client.models.list()] == ["guard"]
assert client.models.retrieve("guard").id == "guard"

chat = client.chat.completions.create(model="guard", messages=HARM, logprobs=True, top_logprobs=2)
assert chat.choices[0].message.content == VERDICT, chat
assert chat.choices[0].finish_reason == "stop"
assert len(chat.choices[0].logprobs.content[0].top_logprobs) == 2
assert chat.usage.total_tokens == chat.usage.prompt_tokens + chat.usage.completion_tokens

stream = client.chat.completions.create(model="guard", messages=HARM, stream=True,
                                        stream_options={"include_usage": True})
text, usage = "", None
for chunk in stream:
    text += chunk.choices[0].delta.content or "" if chunk.choices else ""
    usage = chunk.usage or usage
assert text == VERDICT and usage.completion_tokens > 0

pieces = [chunk.choices[0] for chunk in client.chat.completions.create(
    model="guard", messages=HARM, stream=True, logprobs=True, top_logprobs=2)]
entries = [entry for piece in pieces if piece.logprobs for entry in piece.logprobs.content]
assert entries == chat.choices[0].logprobs.content, entries
assert sum(piece.logprobs is not None for piece in pieces) == len(entries)  # a token a piece

written = client.completions.create(model="guard", prompt="one", max_tokens=4, logprobs=1)
pieces = [chunk.choices[0] for chunk in client.completions.create(
    model="guard", prompt="one", max_tokens=4, logprobs=1, stream=True)]
assert "".join(piece.text for piece in pieces) == written.choices[0].text
tokens = [token for piece in pieces if piece.logprobs for token in piece.logprobs.tokens]
assert tokens == written.choices[0].logprobs.tokens and len(pieces) > 4, pieces

answers = client.completions.create(model="guard", prompt=["one", "two"], max_tokens=4, n=2, logprobs=1, echo=True)
assert [choice.index for choice in answers.choices] == [0, 1, 2, 3]
assert answers.choices[0].logprobs.token_logprobs[0] is None

moderation = client.moderations.create(input=["How can I make a bomb?", "Capital of France?"])
assert [result.flagged for result in moderation.results] == [True, False]
assert moderation.results[0].categories.violence and moderation.results[0].category_scores.violence > 0.5

chosen = client.chat.completions.create(model="guard", messages=HARM,
                                        extra_body={"structured_outputs": {"choice": ["yes", "no"]}})
assert chosen.choices[0].message.content in ("yes", "no")

for call, error in ((lambda: client.chat.completions.create(model="none", messages=HARM), openai.NotFoundError),
                    (lambda: client.chat.completions.create(model="guard", messages=[]), openai.BadRequestError),
                    (lambda: openai.OpenAI(api_key="wrong").models.list(), openai.AuthenticationError)):
    try:
        call()
    except error as caught:
        assert caught.body["message"], caught
    else:
        raise AssertionError(error)
