#include "server/http/url.h"

#include <gtest/gtest.h>

namespace parapet::server {
namespace {

TEST(Url, ReadsEscapes) {
  EXPECT_EQ(percent_decoded("/a%20b%2Fc+"), "/a b/c+");
  EXPECT_EQ(percent_decoded("a+b", /*plus_is_space=*/true), "a b");
  for (const char* broken : {"%", "%1", "%zz", "%00", "a%2"}) {
    EXPECT_FALSE(percent_decoded(broken)) << broken;
  }
}

TEST(Url, ReadsQueries) {
  const auto parameters = query_parameters("a=1&b=x%20y&&c&a=2&d=%zz&e=f=g");
  const std::map<std::string, std::string> expected = {
      {"a", "2"}, {"b", "x y"}, {"c", ""}, {"d", "%zz"}, {"e", "f=g"}};
  EXPECT_EQ(parameters, expected);
  EXPECT_TRUE(query_parameters("").empty());
}

}  // namespace
}  // namespace parapet::server
