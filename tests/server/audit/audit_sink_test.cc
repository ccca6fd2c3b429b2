#include "server/audit/audit_sink.h"

#include <nlohmann/json.hpp>

#include "server/audit/audit_fixture.h"
#include "server/digest/sha256.h"

namespace parapet::server::test {
namespace {

using ::testing::HasSubstr;

class AuditSinkTest : public AuditTest {
 protected:
  static VerdictRecord verdict() {
    VerdictRecord record;
    record.time =
        std::chrono::system_clock::time_point(std::chrono::milliseconds(1'764'066'253'123));
    record.request_id = "verd-1-0";
    record.model = "guard";
    record.policy_hash = "5f3a";
    record.text = "How can I make a bomb?";
    record.kind = JudgedKind::kResponse;
    record.label = "Unsafe";
    record.categories = {"Violent"};
    record.refusal = true;
    record.probabilities = {0.1, 0.2, 0.7, 0.99};
    record.latency_ms = 12.5;
    return record;
  }
  nlohmann::json recorded(AuditText text, VerdictRecord record) {
    const auto sink = std::move(*AuditSink::open(options(), text));
    std::promise<Status> answer;
    sink->record(std::move(record), [&](const Status& status) { answer.set_value(status); });
    EXPECT_TRUE(answer.get_future().get());
    const auto found = sink->query_json({{"limit", "1"}});
    EXPECT_TRUE(found);
    return nlohmann::json::parse(*found)["data"][0];
  }
};

TEST_F(AuditSinkTest, KeepsOfTheTextWhatWasChosen) {
  const auto none = recorded(AuditText::kNone, verdict());
  EXPECT_TRUE(none["text"].is_null() && none["text_hash"].is_null());
  const auto hash = recorded(AuditText::kHash, verdict());
  EXPECT_EQ(hash["text_hash"], "ce9598130af6dcc8e346ba907856d322f17f657168bb637c869106249705acbf");
  EXPECT_TRUE(hash["text"].is_null());
  const auto full = recorded(AuditText::kFull, verdict());
  EXPECT_EQ(full["text_hash"], hash["text_hash"]);
  EXPECT_EQ(full["text"], "How can I make a bomb?");
}

TEST_F(AuditSinkTest, GivesTheWholeRecord) {
  auto record = recorded(AuditText::kHash, verdict());
  record.erase("text_hash");
  EXPECT_EQ(record, nlohmann::json::parse(R"({
    "schema": 1, "id": 1, "time": "2025-11-25T10:24:13.123Z", "request_id": "verd-1-0",
    "model": "guard", "policy_hash": "5f3a", "kind": "response", "text": null, "label": "Unsafe",
    "categories": ["Violent"], "refusal": "Yes",
    "probabilities": {"Safe": 0.1, "Controversial": 0.2, "Unsafe": 0.7}, "label_mass": 0.99,
    "latency_ms": 12.5, "error": null})"));
}

TEST_F(AuditSinkTest, AnErrorHasItsCode) {
  VerdictRecord failed = verdict();
  failed.label = "Error";
  failed.error = Error{ErrorCode::kTooLong, "9000 tokens"};
  EXPECT_EQ(recorded(AuditText::kHash, failed)["error"], "too long: 9000 tokens");
}

TEST_F(AuditSinkTest, AWrongParameterIsNamed) {
  const auto sink = std::move(*AuditSink::open(options(), AuditText::kHash));
  for (const auto& [name, value] : std::map<std::string, std::string>{{"limit", "1001"},
                                                                      {"limit ", "5"},
                                                                      {"after", "x"},
                                                                      {"since", "yesterday"},
                                                                      {"label", "unsafe"},
                                                                      {"text_hash", "z"},
                                                                      {"colour", "red"}}) {
    const auto answer = sink->query_json({{name, value}});
    ASSERT_FALSE(answer) << name;
    EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_TRUE(sink->query_json({{"limit", "1000"}, {"label", ""}, {"since", "24h"}}));
}

TEST(Sha256, IsThatOfSha256sum) {
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(AuditTime, ThereAndBack) {
  for (const std::int64_t time : {0LL, 951'782'400'000LL, 1'764'066'253'123LL, -1LL}) {
    EXPECT_EQ(*parse_time("t", format_time(time), 0), time) << format_time(time);
  }
  EXPECT_EQ(*parse_time("t", "2026-11-25", 0), *parse_time("t", "2026-11-25T00:00:00.000Z", 0));
  EXPECT_EQ(*parse_time("t", "2026-11-25 10:24:13.5", 0) % 60'000, 13'500);
  EXPECT_EQ(*parse_time("t", "30m", 2'000'000), 200'000);
  EXPECT_EQ(*parse_time("t", "7d", 0), -604'800'000);
}

TEST(AuditTime, WhatIsNoTimeIsRefused) {
  for (const char* text :
       {"", "2026", "2026-13-01", "2026-02-29", "2026-11-25T", "2026-11-25T24:00",
        "2026-11-25T10:24:13.", "2026-11-25T10:24:13Z ", "-5m", "5 m", "5w", "9999999999d"}) {
    EXPECT_THAT(parse_time("since", text, 0).error().message, HasSubstr("since is not a time"))
        << text;
  }
}

}  // namespace
}  // namespace parapet::server::test
