#include <algorithm>
#include <functional>
#include <initializer_list>
#include <utility>

#include "base/check.h"
#include "jinja/expression_parser.h"
#include "jinja/parser.h"

namespace parapet::jinja {
namespace {

constexpr std::string_view kRefusedTags[] = {"include", "import",     "from", "extends",
                                             "block",   "autoescape", "do",   "trans"};

bool is_constant_name(std::string_view name) {
  for (const std::string_view constant : {"true", "false", "none", "True", "False", "None"}) {
    if (name == constant) return true;
  }
  return false;
}

class StatementParser {
 public:
  StatementParser(std::string_view name, std::vector<Token> tokens)
      : tokens_(name, std::move(tokens)), expressions_(tokens_) {
    expressions_.on_name([this](std::string_view read) { note_name(read); });
  }

  Result<Body> run() {
    PARAPET_ASSIGN(Body body, statements({}));
    PARAPET_TRY(expressions_.refuse_unknown_names(0));
    return body;
  }

 private:
  using Ends = std::initializer_list<std::string_view>;

  // Statements up to a tag named in `ends`, whose name is the current token then; with no ends, up
  // to the end of the template.
  Result<Body> statements(Ends ends) {
    if (++nesting_ > kMaxParseDepth) {
      return tokens_.unsupported(
          tokens_.line(), "blocks nest deeper than " + std::to_string(kMaxParseDepth) + " levels");
    }
    Body body;
    const int begin_line = tokens_.line();
    while (true) {
      const Token& token = tokens_.current();
      if (token.is(TokenKind::kEnd)) {
        if (ends.size() == 0) break;
        return tokens_.syntax_error(begin_line, "block is not closed: expected '{% " +
                                                    std::string(*(ends.end() - 1)) + " %}'");
      }
      if (token.is(TokenKind::kBlockBegin) && is_end(tokens_.next(), ends)) {
        tokens_.skip();
        break;
      }
      PARAPET_TRY(statement_into(body));
    }
    --nesting_;
    return body;
  }

  static bool is_end(const Token& token, Ends ends) {
    return token.is(TokenKind::kName) &&
           std::find(ends.begin(), ends.end(), token.text) != ends.end();
  }

  // The rest of an opening tag, the body, and the closing tag's name.
  Result<Body> block(std::string_view end) {
    PARAPET_TRY(tokens_.expect(TokenKind::kBlockEnd, "'%}'"));
    PARAPET_ASSIGN(Body body, statements({end}));
    tokens_.skip();
    return body;
  }

  // The same for a body with a scope of its own: there, unknown filters are refused at once.
  Result<Body> scoped_block(std::string_view end) {
    const std::size_t unknown = expressions_.unknown_names();
    PARAPET_ASSIGN(Body body, block(end));
    PARAPET_TRY(expressions_.refuse_unknown_names(unknown));
    return body;
  }

  Status statement_into(Body& body) {
    const Token token = tokens_.take();
    if (token.is(TokenKind::kText)) {
      body.push_back({TextStatement{OriginText(token.text, Origin::kTemplate)}, token.line});
      return {};
    }
    if (token.is(TokenKind::kVariableBegin)) {
      PARAPET_ASSIGN(ExprPtr value, expressions_.tuple());
      body.push_back({OutputStatement{std::move(value)}, token.line});
      return tokens_.expect(TokenKind::kVariableEnd, "'}}'");
    }
    PARAPET_TRY(tag(body));
    return tokens_.expect(TokenKind::kBlockEnd, "'%}'");
  }

  Status tag(Body& body) {
    const int line = tokens_.line();
    PARAPET_ASSIGN(const std::string name, tokens_.expect_name());
    if (name == "print") return print(body, line);
    PARAPET_ASSIGN(Statement statement, statement_of(name, line));
    statement.line = line;
    body.push_back(std::move(statement));
    return {};
  }

  Result<Statement> statement_of(const std::string& name, int line) {
    if (name == "if") return if_statement();
    if (name == "for") return for_statement();
    if (name == "set") return set_statement();
    if (name == "macro") return macro_statement();
    if (name == "call") return call_block();
    if (name == "filter") return filter_block();
    if (name == "with") return with_statement();
    if (name == "generation") return generation();
    if (name == "break" || name == "continue") return loop_control(name, line);
    for (const std::string_view refused : kRefusedTags) {
      if (name == refused) {
        return tokens_.unsupported(line,
                                   "the tag '" + name + "' is not supported in chat templates");
      }
    }
    return tokens_.syntax_error(line, "unknown tag '" + name + "'");
  }

  Status print(Body& body, int line) {
    while (!tokens_.current().is(TokenKind::kBlockEnd)) {
      PARAPET_ASSIGN(ExprPtr value, expressions_.expression());
      body.push_back({OutputStatement{std::move(value)}, line});
      if (!tokens_.skip_operator(",")) break;
    }
    return {};
  }

  Result<Statement> if_statement() {
    const std::size_t unknown = expressions_.unknown_names();
    IfStatement node;
    std::string word;
    do {
      PARAPET_ASSIGN(ExprPtr condition,
                     expressions_.tuple(ExpressionParser::Conditional::kForbidden));
      PARAPET_TRY(tokens_.expect(TokenKind::kBlockEnd, "'%}'"));
      PARAPET_ASSIGN(Body body, statements({"elif", "else", "endif"}));
      node.branches.emplace_back(std::move(condition), std::move(body));
      word = tokens_.take().text;
    } while (word == "elif");
    if (word == "else") {
      PARAPET_ASSIGN(node.otherwise, block("endif"));
    }
    expressions_.forgive_unknown_names(unknown);
    return Statement{std::move(node)};
  }

  Result<Statement> for_statement() {
    ForStatement node;
    PARAPET_ASSIGN(node.target, target("in"));
    if (!tokens_.skip_name("in")) return tokens_.syntax_error("expected 'in'");
    PARAPET_ASSIGN(node.iterable,
                   expressions_.tuple(ExpressionParser::Conditional::kForbidden, "recursive"));
    const std::size_t unknown = expressions_.unknown_names();
    if (tokens_.skip_name("if")) {
      PARAPET_ASSIGN(node.condition, expressions_.expression());
    }
    node.recursive = tokens_.skip_name("recursive");
    PARAPET_TRY(tokens_.expect(TokenKind::kBlockEnd, "'%}'"));
    ++loops_;
    ++loop_names_;
    if (names_loop(node.target)) return loop_assigned(node.target.line);
    PARAPET_ASSIGN(node.body, statements({"endfor", "else"}));
    --loops_;
    if (tokens_.take().text == "else") {
      PARAPET_ASSIGN(node.otherwise, block("endfor"));
    }
    --loop_names_;
    PARAPET_TRY(expressions_.refuse_unknown_names(unknown));
    return Statement{std::move(node)};
  }

  Result<Statement> loop_control(const std::string& name, int line) {
    if (loops_ == 0) return tokens_.syntax_error(line, "'" + name + "' outside of a loop");
    if (name == "break") return Statement{BreakStatement{}};
    return Statement{ContinueStatement{}};
  }

  Result<Statement> set_statement() {
    PARAPET_ASSIGN(Target assigned, target("", /*namespaces=*/true));
    if (tokens_.skip_operator("=")) {
      PARAPET_ASSIGN(ExprPtr value, expressions_.tuple());
      return Statement{SetStatement{std::move(assigned), std::move(value)}};
    }
    PARAPET_ASSIGN(ExprPtr filtered, expressions_.block_filters(/*bare=*/false));
    PARAPET_ASSIGN(Body body, scoped_block("endset"));
    return Statement{SetBlockStatement{std::move(assigned), std::move(filtered), std::move(body)}};
  }

  Result<Statement> filter_block() {
    PARAPET_ASSIGN(ExprPtr filtered, expressions_.block_filters(/*bare=*/true));
    PARAPET_ASSIGN(Body body, scoped_block("endfilter"));
    return Statement{FilterBlockStatement{std::move(filtered), std::move(body)}};
  }

  Result<Statement> with_statement() {
    WithStatement node;
    while (!tokens_.current().is(TokenKind::kBlockEnd)) {
      PARAPET_ASSIGN(Target assigned, target(""));
      PARAPET_TRY(tokens_.expect_operator("="));
      PARAPET_ASSIGN(ExprPtr value, expressions_.expression());
      node.assignments.emplace_back(std::move(assigned), std::move(value));
      if (tokens_.current().is(TokenKind::kBlockEnd)) break;
      PARAPET_TRY(tokens_.expect_operator(","));
    }
    PARAPET_ASSIGN(node.body, scoped_block("endwith"));
    return Statement{std::move(node)};
  }

  // A body that is a function of its own: `break` cannot leave it.
  Result<Body> function_body(std::string_view end) {
    const int outer_loops = std::exchange(loops_, 0);
    PARAPET_ASSIGN(Body body, scoped_block(end));
    loops_ = outer_loops;
    return body;
  }

  Result<Statement> generation() {
    PARAPET_ASSIGN(Body body, function_body("endgeneration"));
    return Statement{GenerationStatement{std::move(body)}};
  }

  Result<Statement> macro_statement() {
    MacroNode macro;
    PARAPET_ASSIGN(macro.name, assignable_name());
    PARAPET_TRY(signature(macro));
    PARAPET_TRY(macro_body(macro, "endmacro"));
    return Statement{MacroStatement{std::make_unique<const MacroNode>(std::move(macro))}};
  }

  Result<Statement> call_block() {
    MacroNode caller;
    caller.name = "caller";
    if (tokens_.current().is_operator("(")) PARAPET_TRY(signature(caller));
    const int line = tokens_.line();
    PARAPET_ASSIGN(ExprPtr call, expressions_.expression());
    if (!std::holds_alternative<CallExpr>(call->node)) {
      return tokens_.syntax_error(line, "expected a call after '{% call'");
    }
    PARAPET_TRY(macro_body(caller, "endcall"));
    return Statement{
        CallBlockStatement{std::make_unique<const MacroNode>(std::move(caller)), std::move(call)}};
  }

  Status macro_body(MacroNode& macro, std::string_view end) {
    macros_.push_back(&macro);
    auto body = function_body(end);
    macros_.pop_back();
    if (!body) return body.error();
    macro.body = std::move(*body);
    for (std::size_t i = 0; i < macro.parameters.size(); ++i) {
      const Parameter& parameter = macro.parameters[i];
      if (parameter.name == "caller" && macro.uses_caller && !parameter.default_value) {
        return tokens_.syntax_error("a parameter 'caller' needs a default");
      }
      if (parameter.name == "varargs") macro.uses_varargs = false;
      if (parameter.name == "kwargs") macro.uses_kwargs = false;
    }
    return {};
  }

  Status signature(MacroNode& macro) {
    PARAPET_TRY(tokens_.expect_operator("("));
    while (!tokens_.current().is_operator(")")) {
      Parameter parameter;
      PARAPET_ASSIGN(parameter.name, assignable_name());
      for (const Parameter& other : macro.parameters) {
        if (other.name == parameter.name) {
          return tokens_.syntax_error("parameter '" + parameter.name + "' stands twice");
        }
      }
      if (tokens_.skip_operator("=")) {
        PARAPET_ASSIGN(parameter.default_value, expressions_.expression());
      } else if (!macro.parameters.empty() && macro.parameters.back().default_value) {
        return tokens_.syntax_error("a parameter without default follows one with a default");
      }
      macro.parameters.push_back(std::move(parameter));
      if (!tokens_.skip_operator(",")) break;
    }
    return tokens_.expect_operator(")");
  }

  Result<std::string> assignable_name() {
    const int line = tokens_.line();
    PARAPET_ASSIGN(std::string name, tokens_.expect_name());
    if (is_constant_name(name))
      return tokens_.syntax_error(line, "cannot assign to '" + name + "'");
    return name;
  }

  // One target, or several with commas. It ends before `end_name`.
  Result<Target> target(std::string_view end_name, bool namespaces = false) {
    Target tuple;
    tuple.line = tokens_.line();
    tuple.is_tuple = true;
    bool has_comma = false;
    while (!at_target_end(end_name)) {
      PARAPET_ASSIGN(Target single, single_target(namespaces));
      tuple.targets.push_back(std::move(single));
      if (!tokens_.skip_operator(",")) break;
      has_comma = true;
    }
    if (tuple.targets.empty()) return tokens_.syntax_error("expected a name to assign to");
    if (!has_comma) return std::move(tuple.targets.front());
    return tuple;
  }

  bool at_target_end(std::string_view end_name) const {
    const Token& token = tokens_.current();
    return token.is(TokenKind::kBlockEnd) || token.is_operator(")") ||
           (!end_name.empty() && token.is_name(end_name));
  }

  Result<Target> single_target(bool namespaces) {
    if (++nesting_ > kMaxParseDepth) return tokens_.syntax_error("assignment nests too deeply");
    Target single;
    single.line = tokens_.line();
    if (tokens_.skip_operator("(")) {
      PARAPET_ASSIGN(single, target(""));
      PARAPET_TRY(tokens_.expect_operator(")"));
    } else {
      PARAPET_ASSIGN(single.name, assignable_name());
      if (namespaces && tokens_.skip_operator(".")) {
        PARAPET_ASSIGN(single.attribute, tokens_.expect_name());
      } else if (single.name == "loop" && loop_names_ > 0) {
        return loop_assigned(single.line);
      }
    }
    --nesting_;
    return single;
  }

  static bool names_loop(const Target& assigned) {
    return (assigned.name == "loop" && assigned.attribute.empty()) ||
           std::any_of(assigned.targets.begin(), assigned.targets.end(), names_loop);
  }

  Error loop_assigned(int line) const {
    return tokens_.syntax_error(line, "cannot assign to the special variable 'loop' in a loop");
  }

  void note_name(std::string_view name) {
    for (MacroNode* macro : macros_) {
      if (name == "caller") macro->uses_caller = true;
      if (name == "varargs") macro->uses_varargs = true;
      if (name == "kwargs") macro->uses_kwargs = true;
    }
  }

  TokenStream tokens_;
  ExpressionParser expressions_;
  std::vector<MacroNode*> macros_;  // whose bodies are open
  int loops_ = 0;                   // that `break` could leave
  int loop_names_ = 0;              // open `for` statements: `loop` is theirs
  int nesting_ = 0;
};

}  // namespace

Result<Body> parse_template(std::string_view name, std::string_view source) {
  PARAPET_ASSIGN(std::vector<Token> tokens, tokenize(name, source));
  return StatementParser(name, std::move(tokens)).run();
}

}  // namespace parapet::jinja
