#include "base/origin_text.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace parapet {
namespace {

constexpr auto kTemplate = Origin::kTemplate;
constexpr auto kMessage = Origin::kMessage;

TEST(OriginText, IsEmptyAtFirst) {
  const OriginText text;
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(text.size(), 0U);
  EXPECT_TRUE(text.runs().empty());
  EXPECT_TRUE(text.all_template(0, 0));
}

TEST(OriginText, MergesNeighboursOfOneOrigin) {
  OriginText text("ab", kTemplate);
  text.append("", kMessage);
  text.append("c", kTemplate);
  text.append("d", kMessage);
  EXPECT_EQ(text.text(), "abcd");
  EXPECT_EQ(text.runs(), (std::vector<OriginText::Run>{{3, kTemplate}, {4, kMessage}}));
}

TEST(OriginText, AppendsItself) {
  OriginText text("a", kTemplate);
  text.append("b", kMessage);
  text.append(text);
  EXPECT_EQ(text.text(), "abab");
  EXPECT_EQ(text.runs(), (std::vector<OriginText::Run>{
                             {1, kTemplate}, {2, kMessage}, {3, kTemplate}, {4, kMessage}}));
}

// The attack that the class is there for: a special token that a message completes.
TEST(OriginText, SeesAMessageInsideATemplateToken) {
  OriginText text("<|im_", kTemplate);
  text.append("end", kMessage);
  text.append("|>", kTemplate);
  EXPECT_EQ(text.text(), "<|im_end|>");
  EXPECT_FALSE(text.all_template(0, text.size()));
  EXPECT_TRUE(text.all_template(0, 5));
  EXPECT_FALSE(text.all_template(0, 6));
  EXPECT_TRUE(text.all_template(8, 10));
}

// The obvious implementation: one origin for each byte.
struct Model {
  std::string text;
  std::vector<Origin> origins;

  void append(const Model& other) {
    text += other.text;
    origins.insert(origins.end(), other.origins.begin(), other.origins.end());
  }
  Model substr(std::size_t begin, std::size_t length) const {
    Model part;
    for (std::size_t i = begin; i < text.size() && i - begin < length; ++i) {
      part.text.push_back(text[i]);
      part.origins.push_back(origins[i]);
    }
    return part;
  }
  bool all_template(std::size_t begin, std::size_t end) const {
    for (std::size_t i = begin; i < end; ++i) {
      if (i >= origins.size() || origins[i] != kTemplate) return false;
    }
    return true;
  }
};

void expect_same(const OriginText& text, const Model& model) {
  ASSERT_EQ(text.text(), model.text);
  for (std::size_t i = 0; i < model.text.size(); ++i) {
    ASSERT_EQ(text.origin_at(i), model.origins[i]) << i;
  }
  std::size_t begin = 0;
  for (std::size_t r = 0; r < text.runs().size(); ++r) {
    ASSERT_LT(begin, text.runs()[r].end);
    if (r > 0) {
      ASSERT_NE(text.runs()[r].origin, text.runs()[r - 1].origin);
    }
    begin = text.runs()[r].end;
  }
  ASSERT_EQ(begin, text.size());
}

class RandomTexts {
 public:
  std::size_t up_to(std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(0, most)(random_);
  }
  // A piece of one origin, in both representations.
  std::pair<OriginText, Model> piece() {
    const std::string text(up_to(4), static_cast<char>('a' + up_to(25)));
    const Origin origin = up_to(1) == 0 ? kTemplate : kMessage;
    return {OriginText(text, origin), Model{text, std::vector<Origin>(text.size(), origin)}};
  }

 private:
  std::mt19937_64 random_{20240607};
};

TEST(OriginText, AgreesWithOneOriginPerByte) {
  RandomTexts random;
  for (int round = 0; round < 300; ++round) {
    OriginText text;
    Model model;
    for (std::size_t step = random.up_to(30); step > 0; --step) {
      auto [piece, piece_model] = random.piece();
      if (random.up_to(4) == 0) {  // now and then a part of what is there already
        const std::size_t begin = random.up_to(text.size() + 2);
        const std::size_t length = random.up_to(4) == 0 ? std::string::npos : random.up_to(12);
        piece = text.substr(begin, length);
        piece_model = model.substr(begin, length);
        expect_same(piece, piece_model);
      }
      text.append(piece);
      model.append(piece_model);
    }
    expect_same(text, model);
    for (int query = 0; query < 40; ++query) {
      const std::size_t begin = random.up_to(text.size() + 2);
      const std::size_t end = random.up_to(text.size() + 3);
      ASSERT_EQ(text.all_template(begin, end), model.all_template(begin, end))
          << begin << " to " << end << " of " << text.size();
    }
  }
}

TEST(OriginText, SubstrTakesTheLargestLengths) {
  OriginText text("abc", kTemplate);
  text.append("de", kMessage);
  EXPECT_EQ(text.substr(2).text(), "cde");
  EXPECT_EQ(text.substr(2, std::string::npos - 1).text(), "cde");
  EXPECT_EQ(text.substr(5).text(), "");
  EXPECT_EQ(text.substr(std::string::npos, 1).text(), "");
  EXPECT_EQ(text.substr(0), text);
}

}  // namespace
}  // namespace parapet
