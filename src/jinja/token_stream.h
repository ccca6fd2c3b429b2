// The parser's view of the tokens, and what it knows about its surroundings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "jinja/lexer.h"
#include "jinja/limits.h"
#include "jinja/runtime.h"

namespace parapet::jinja {

class TokenStream {
 public:
  TokenStream(std::string_view name, std::vector<Token> tokens)
      : name_(name), tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  int line() const { return current().line; }

  Token take() {
    Token token = current();
    skip();
    return token;
  }
  void skip() {
    if (at_ + 1 < tokens_.size()) ++at_;
  }
  bool skip_operator(std::string_view op) {
    if (!current().is_operator(op)) return false;
    skip();
    return true;
  }
  bool skip_name(std::string_view name) {
    if (!current().is_name(name)) return false;
    skip();
    return true;
  }

  Status expect_operator(std::string_view op) {
    if (skip_operator(op)) return {};
    return syntax_error("expected '" + std::string(op) + "', found " + describe(current()));
  }
  Status expect(TokenKind kind, std::string_view what) {
    if (!current().is(kind)) {
      return syntax_error("expected " + std::string(what) + ", found " + describe(current()));
    }
    skip();
    return {};
  }
  Result<std::string> expect_name() {
    if (current().is(TokenKind::kName)) return take().text;
    return syntax_error("expected a name, found " + describe(current()));
  }

  Error syntax_error(std::string_view problem) const { return syntax_error(line(), problem); }
  Error syntax_error(int line, std::string_view problem) const {
    return located_error(ErrorCode::kCorrupt, name_, line, problem);
  }
  Error unsupported(int line, std::string_view problem) const {
    return located_error(ErrorCode::kUnsupported, name_, line, problem);
  }

  static std::string describe(const Token& token) {
    switch (token.kind) {
      case TokenKind::kText: return "text";
      case TokenKind::kVariableBegin: return "'{{'";
      case TokenKind::kVariableEnd: return "'}}'";
      case TokenKind::kBlockBegin: return "'{%'";
      case TokenKind::kBlockEnd: return "'%}'";
      case TokenKind::kString: return "a string";
      case TokenKind::kEnd: return "the end of the template";
      default: return "'" + token.text + "'";
    }
  }

 private:
  std::string_view name_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

}  // namespace parapet::jinja
