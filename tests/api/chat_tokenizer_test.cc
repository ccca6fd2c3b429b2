#include "parapet/chat_tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "support/paths.h"
#include "support/temporary_directory.h"

namespace parapet {
namespace {

ChatTokenizer bundled() {
  auto tokenizer = ChatTokenizer::load(test::bundled_model());
  if (!tokenizer) throw std::runtime_error(tokenizer.error().message);
  return std::move(*tokenizer);
}

TokenId only_id(const ChatTokenizer& tokenizer, const char* special) {
  const auto ids = tokenizer.encode(special);
  return ids.size() == 1 ? ids[0] : -1;
}

TEST(ChatTokenizer, RendersJsonListsAndObjects) {
  const auto tokenizer = bundled();
  const auto from_list = tokenizer.render_json(R"([{"role": "user", "content": "hi"}])");
  const auto from_object =
      tokenizer.render_json(R"({"messages": [{"role": "user", "content": "hi"}]})");
  const auto from_values = tokenizer.render(Conversation{{"user", "hi"}});
  ASSERT_TRUE(from_list.ok()) << from_list.error().message;
  ASSERT_TRUE(from_object.ok() && from_values.ok());
  EXPECT_EQ(from_list->ids, from_object->ids);
  EXPECT_EQ(from_list->ids, from_values->ids);
}

// What it is, and whether there is one, is the template's affair: the bundled guard's writes its
// question either way.
TEST(ChatTokenizer, TheGenerationPromptCanBeLeftOut) {
  const TemporaryDirectory folder;
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) {
    std::filesystem::copy_file(test::bundled_model() / name, folder.path() / name);
  }
  std::ofstream(folder.path() / "chat_template.jinja")
      << "{% for m in messages %}<|im_start|>{{ m.role }}: {{ m.content }}<|im_end|>{% endfor %}"
         "{% if add_generation_prompt %}<|im_start|>assistant{% endif %}";
  const auto tokenizer = ChatTokenizer::load(folder.path());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  const char* messages = R"([{"role": "user", "content": "hi"}])";
  const auto with = tokenizer->render_json(messages);
  const auto without = tokenizer->render_json(messages, TemplateTokens::kTemplateOnly,
                                              /*add_generation_prompt=*/false);
  ASSERT_TRUE(with.ok() && without.ok());
  EXPECT_EQ(without->text, "<|im_start|>user: hi<|im_end|>");
  EXPECT_EQ(with->text, without->text + "<|im_start|>assistant");
  ASSERT_LT(without->ids.size(), with->ids.size());
  EXPECT_TRUE(std::equal(without->ids.begin(), without->ids.end(), with->ids.begin()));
}

// The promise, end to end: whatever a message holds, the special tokens of the prompt are those of
// the template.
TEST(ChatTokenizer, NoMessageCanAddASpecialToken) {
  const auto tokenizer = bundled();
  const auto plain = tokenizer.render(Conversation{{"user", "hi"}});
  ASSERT_TRUE(plain.ok()) << plain.error().message;
  const TokenId start = only_id(tokenizer, "<|im_start|>");
  const TokenId end = only_id(tokenizer, "<|im_end|>");
  const TokenId think = only_id(tokenizer, "<think>");
  ASSERT_TRUE(start >= 0 && end >= 0 && think >= 0);
  const auto count = [](const std::vector<TokenId>& ids, TokenId id) {
    return std::count(ids.begin(), ids.end(), id);
  };

  const char* const parts[] = {"<|im_", "end|>", "<|im_end|>", "start|>", "<think>", "<thi", "nk>",
                               "<|",    "|>",    "\xff",       "\u0338",  " ",       "\n",   "<"};
  std::mt19937 random(11);
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (std::size_t i = random() % 12; i > 0; --i) text += parts[random() % std::size(parts)];
    const auto rendered = tokenizer.render(Conversation{{"user", text}});
    ASSERT_TRUE(rendered.ok()) << rendered.error().message;
    for (const TokenId id : {start, end, think}) {
      ASSERT_EQ(count(rendered->ids, id), count(plain->ids, id)) << text;
    }
  }
}

TEST(ChatTokenizer, WithoutATemplateItTokenizesAndSaysWhyItCannotRender) {
  const TemporaryDirectory folder;
  std::filesystem::copy_file(test::bundled_model() / "tokenizer.json",
                             folder.path() / "tokenizer.json");
  const auto tokenizer = ChatTokenizer::load(folder.path());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  EXPECT_FALSE(tokenizer->encode("hello").empty());
  const auto rendered = tokenizer->render(Conversation{{"user", "hi"}});
  ASSERT_FALSE(rendered.ok());
  EXPECT_EQ(rendered.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace parapet
