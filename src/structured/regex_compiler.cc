#include "structured/regex_compiler.h"

#include <fmt/format.h>

#include <cstddef>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/quote.h"
#include "base/utf8.h"
#include "structured/regex_parser.h"

namespace parapet {
namespace {

constexpr std::size_t kMaxStates = 20'000;  // `.{0,2000}` has 18,001
constexpr std::size_t kMaxChoices = 4096;
constexpr std::size_t kMaxChoiceBytes = std::size_t{64} << 10;

// Turns a tree into states, from the end to the beginning. Counted repeats are written out.
class RegexCompiler {
 public:
  // None where the limit on states does not suffice.
  std::optional<Nfa> compile(const RegexNode& root) {
    const Nfa::State start = add(root, Nfa::kAccept);
    if (too_large()) return std::nullopt;
    return std::move(builder_).finish(start);
  }

 private:
  Nfa::State add(const RegexNode& node, Nfa::State next);
  Nfa::State add_alternatives(const RegexNode& node, Nfa::State next);
  Nfa::State add_repeat(const RegexNode& node, Nfa::State next);

  // A repeat of nothing adds no state, and would never get to an end by counting them alone.
  bool too_large() const { return builder_.size() > kMaxStates || visits_ > 4 * kMaxStates; }

  NfaBuilder builder_;
  std::size_t visits_ = 0;
};

Nfa::State RegexCompiler::add(const RegexNode& node, Nfa::State next) {
  ++visits_;
  if (too_large()) return next;
  switch (node.kind) {
    case RegexNode::Kind::kCharacters: return builder_.add_characters(node.characters, next);
    case RegexNode::Kind::kAlternatives: return add_alternatives(node, next);
    case RegexNode::Kind::kRepeat: return add_repeat(node, next);
    case RegexNode::Kind::kSequence: break;
  }
  for (auto child = node.children.rbegin(); child != node.children.rend(); ++child) {
    next = add(*child, next);
  }
  return next;
}

Nfa::State RegexCompiler::add_alternatives(const RegexNode& node, Nfa::State next) {
  Nfa::State start = add(node.children.back(), next);
  for (std::size_t i = node.children.size() - 1; i-- > 0;) {
    start = builder_.add_split(add(node.children[i], next), start);
  }
  return start;
}

Nfa::State RegexCompiler::add_repeat(const RegexNode& node, Nfa::State next) {
  const RegexNode& child = node.children.front();
  std::uint32_t copies = node.count.least;
  Nfa::State start = next;
  if (!node.count.most) {
    const Nfa::State loop = builder_.open_loop(next);
    const Nfa::State body = add(child, loop);
    builder_.close_loop(loop, body);
    // Entered at its body, a loop runs at least once.
    start = copies > 0 ? body : loop;
    copies -= copies > 0 ? 1 : 0;
  } else {
    for (std::uint32_t i = copies; i < *node.count.most && !too_large(); ++i) {
      start = builder_.add_split(add(child, start), next);
    }
  }
  for (std::uint32_t i = 0; i < copies && !too_large(); ++i) start = add(child, start);
  return start;
}

Status check_choices(std::span<const std::string> choices) {
  if (choices.empty() || choices.size() > kMaxChoices) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("choice: has {} strings; it takes 1 to {}", choices.size(), kMaxChoices)};
  }
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    bytes += choices[i].size();
    if (!is_utf8(choices[i])) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("choice[{}]: {} is not UTF-8", i, quote(choices[i]))};
    }
  }
  if (bytes > kMaxChoiceBytes) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("choice: its strings have {} bytes together; the limit is {}", bytes,
                             kMaxChoiceBytes)};
  }
  return {};
}

}  // namespace

Result<Nfa> compile_regex(std::string_view pattern) {
  PARAPET_ASSIGN(const RegexNode root, parse_regex(pattern));
  std::optional<Nfa> nfa = RegexCompiler().compile(root);
  if (!nfa) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("regex {}: needs more than {} states once its counted repeats are "
                             "written out; use smaller counts",
                             quote(pattern), kMaxStates)};
  }
  if (!nfa->is_live(nfa->start())) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("regex {}: matches no text at all", quote(pattern))};
  }
  return *std::move(nfa);
}

Result<Nfa> compile_choices(std::span<const std::string> choices) {
  PARAPET_TRY(check_choices(choices));
  NfaBuilder builder;
  Nfa::State start = builder.add_bytes(choices.front(), Nfa::kAccept);
  for (const std::string& choice : choices.subspan(1)) {
    start = builder.add_split(builder.add_bytes(choice, Nfa::kAccept), start);
  }
  return std::move(builder).finish(start);
}

}  // namespace parapet
