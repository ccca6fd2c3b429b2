#include "server/http/api_keys.h"

#include <gtest/gtest.h>

namespace parapet::server {
namespace {

TEST(ApiKeys, NoneLetsEverybodyIn) {
  const auto keys = ApiKeys::read({});
  ASSERT_TRUE(keys);
  EXPECT_TRUE(keys->admit(""));
}

TEST(ApiKeys, KeysAndDigestsOpen) {
  // Of "second".
  const auto keys = ApiKeys::read(
      {"first", "sha256:16367aacb67a4a017c8da8ab95682ccb390863780f7114dda0a0e0c55644c7c4"});
  ASSERT_TRUE(keys);
  EXPECT_TRUE(keys->admit("Bearer first"));
  EXPECT_TRUE(keys->admit("bearer second"));
  for (const char* wrong :
       {"", "Bearer", "Bearer ", "Bearer firs", "Bearer first ", "first", "Basic first"}) {
    EXPECT_FALSE(keys->admit(wrong)) << wrong;
  }
}

TEST(ApiKeys, RefusesWhatIsNoKey) {
  for (const char* wrong :
       {"", "sha256:", "sha256:12",
        "sha256:z6367aacb67a4a017c8da8ab95682ccb390863780f7114dda0a0e0c55644c7c4"}) {
    EXPECT_FALSE(ApiKeys::read({wrong})) << wrong;
  }
}

}  // namespace
}  // namespace parapet::server
