// Templates that ask for too much are refused with the line, whatever they ask for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "rendering.h"

namespace parapet::jinja {
namespace {

using testing::HasSubstr;

// `text` 5000 times, between the other two.
std::string deep(std::string_view before, std::string_view text, std::string_view after,
                 std::string_view mirrored = "") {
  constexpr int kTimes = 5000;
  std::string source(before);
  for (int i = 0; i < kTimes; ++i) source.append(text);
  source.append(after.substr(0, after.empty() ? 0 : 1));
  for (int i = 0; i < kTimes; ++i) source.append(mirrored);
  return source.append(after.substr(after.empty() ? 0 : 1));
}

struct Greedy {
  std::string source;
  std::string problem;
};

class Limit : public testing::TestWithParam<Greedy> {};

TEST_P(Limit, IsAnErrorWithItsLine) {
  const auto rendered = render(std::string("\n").append(GetParam().source));
  ASSERT_FALSE(rendered.ok()) << rendered->size() << " bytes";
  EXPECT_THAT(rendered.error().message, HasSubstr(GetParam().problem));
  EXPECT_THAT(rendered.error().message, testing::StartsWith("t:"));
  EXPECT_EQ(rendered.error().message.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    All, Limit,
    testing::Values(
        Greedy{"{{ 'x' * 10**15 }}", "bytes of values"},
        Greedy{"{{ [1] * 10**15 }}", "bytes of values"},
        Greedy{"{{ 'x'.center(10**15) }}", "bytes of values"},
        Greedy{"{{ 'x'|center(10**15) }}", "bytes of values"},
        Greedy{"{{ 'x'.zfill(10**15) }}", "bytes of values"},
        Greedy{"{{ '%999999999999d' % 1 }}", "bytes of values"},
        Greedy{"{{ '{:999999999999}'.format(1) }}", "bytes of values"},
        Greedy{"{{ 'a\nb'|indent(10**15) }}", "bytes of values"},
        Greedy{"{{ [1]|tojson(indent=10**15) }}", "bytes of values"},
        Greedy{"{{ [1]|batch(10**15, 0)|list }}", "bytes of values"},
        Greedy{"{{ [1]|slice(10**15)|list }}", "bytes of values"},
        Greedy{"{{ ('x' * 10**5).replace('x', 'y' * 10**5) }}", "bytes of values"},
        Greedy{"{{ ('x' * 10**5).replace('', 'y' * 10**5) }}", "bytes of values"},
        Greedy{"{{ (['x'] * 10**5)|join('y' * 10**5) }}", "bytes of values"},
        Greedy{"{% set ns = namespace(s='x') %}{% for i in range(99) %}"
               "{% set ns.s = ns.s + ns.s %}{% endfor %}",
               "bytes of values"},
        Greedy{"{% set s = 'x' * 10**7 %}{% for i in range(99) %}{{ s }}{% endfor %}",
               "output is longer"},
        Greedy{"{{ 10 ** 19 }}", "64 bits"}, Greedy{"{{ 9223372036854775807 + 1 }}", "64 bits"},
        Greedy{"{{ -9223372036854775807 - 2 }}", "64 bits"}, Greedy{"{{ 2 ** 62 * 2 }}", "64 bits"},
        Greedy{"{{ 9223372036854775808 }}", "64 bits"},
        Greedy{"{{ range(100001) }}", "more than 100000 elements"},
        Greedy{"{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
               "rendering"},
        Greedy{"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nests deeper"},
        Greedy{"{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "nests deeper"},
        Greedy{"{% set ns = namespace(l=[]) %}{% for i in range(999) %}"
               "{% set ns.l = [ns.l] %}{% endfor %}",
               "nests deeper"},
        Greedy{"{% set ns = namespace(l=[]) %}{% for i in range(60) %}"
               "{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
               "rendering"},
        Greedy{"{% set ns = namespace(l=[]) %}{% for i in range(60) %}"
               "{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l|tojson }}",
               "rendering"},
        Greedy{deep("{{ ", "(", "1 }}", ")"), "nests deeper"},
        Greedy{deep("{{ ", "not ", "1 }}"), "nests deeper"},
        Greedy{deep("{{ ", "-", "1 }}"), "nests deeper"},
        Greedy{deep("{{ 1", " + 1", " }}"), "nests deeper"},
        Greedy{deep("{{ a", ".b", " }}"), "nests deeper"},
        Greedy{deep("{{ a", "|e", " }}"), "nests deeper"},
        Greedy{deep("{{ ", "1 if 1 else ", "1 }}"), "nests deeper"},
        Greedy{deep("", "{% if 1 %}", ""), "nest deeper"},
        Greedy{deep("{% set ", "(", "a %}", ")"), "nests too deeply"},
        Greedy{"{% include 'x' %}", "the tag 'include' is not supported"},
        Greedy{"{% extends 'x' %}", "the tag 'extends' is not supported"},
        Greedy{"{{ 1|urlize }}", "no filter named 'urlize'"},
        Greedy{"{{ 'a'.encode() }}", "method 'encode' of 'str' is not supported"},
        Greedy{"{{ '{:c}'.format(97) }}", "unknown format code 'c'"},
        Greedy{"{{ (-8) ** 0.5 }}", "cannot be raised to a fraction"},
        Greedy{"{{ lipsum() }}", "random text"}));

TEST(Ownership, ObjectsThatHoldEachOtherAreFreed) {  // the leak sanitizer looks on
  EXPECT_EQ(render("{% set a = namespace() %}{% set a.self = a %}{% set b = namespace(a=a) %}"
                   "{% set a.b = [b] %}{% macro m() %}{{ a.self.b|length }}{% endmacro %}"
                   "{% set a.m = m %}{{ m() }}"
                   "{% for x in [1] recursive %}{{ loop.changed(loop) }}{% set a.loop = loop %}"
                   "{% endfor %}")
                ->text(),
            "1True");
}

TEST(Limits, AreThoseThatAreGiven) {
  Limits limits;
  limits.max_steps = 50;
  EXPECT_TRUE(render("{% for i in range(3) %}{{ i }}{% endfor %}", "{}", limits).ok());
  EXPECT_THAT(render("{% for i in range(99) %}{{ i }}{% endfor %}", "{}", limits).error().message,
              HasSubstr("more than 50 steps"));
}

}  // namespace
}  // namespace parapet::jinja
