// The tree of a template.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "jinja/value.h"

namespace parapet::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<const Expr>;
struct Statement;
using Body = std::vector<Statement>;

struct CallArguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr star;       // *args, or null
  ExprPtr star_star;  // **kwargs, or null
};

enum class UnaryOp : std::uint8_t { kNot, kMinus, kPlus };
enum class BinaryOp : std::uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kAnd,
  kOr,
};
enum class CompareOp : std::uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
};

struct LiteralExpr {
  Value value;
};
struct NameExpr {
  std::string name;
};
struct ListExpr {
  std::vector<ExprPtr> items;
};
struct TupleExpr {
  std::vector<ExprPtr> items;
};
struct DictExpr {
  std::vector<std::pair<ExprPtr, ExprPtr>> entries;
};
struct AttributeExpr {
  ExprPtr value;
  std::string name;
};
struct ItemExpr {
  ExprPtr value;
  ExprPtr key;
};
struct SliceExpr {
  ExprPtr value;
  ExprPtr start;
  ExprPtr stop;
  ExprPtr step;
};  // bounds or null
struct CallExpr {
  ExprPtr callee;
  CallArguments arguments;
};
struct FilterExpr {
  ExprPtr value;
  std::string name;
  CallArguments arguments;
};
struct TestExpr {
  ExprPtr value;
  std::string name;
  CallArguments arguments;
};
struct UnaryExpr {
  UnaryOp op;
  ExprPtr operand;
};
struct BinaryExpr {
  BinaryOp op;
  ExprPtr left;
  ExprPtr right;
};
struct CompareExpr {
  ExprPtr first;
  std::vector<std::pair<CompareOp, ExprPtr>> rest;
};
struct ConcatExpr {
  std::vector<ExprPtr> parts;
};
struct ConditionalExpr {
  ExprPtr condition;
  ExprPtr then;
  ExprPtr otherwise;
};                         // else may be null
struct BlockInputExpr {};  // what a {% filter %} or {% set %} block rendered: its filters' input

struct Expr {
  std::variant<LiteralExpr, NameExpr, ListExpr, TupleExpr, DictExpr, AttributeExpr, ItemExpr,
               SliceExpr, CallExpr, FilterExpr, TestExpr, UnaryExpr, BinaryExpr, CompareExpr,
               ConcatExpr, ConditionalExpr, BlockInputExpr>
      node;
  int line = 0;
  int depth = 1;  // of the tree below, itself included
};

// What `set`, `for` and `with` assign to: a name, an attribute of a namespace, or a tuple of these.
struct Target {
  std::string name;
  std::string attribute;        // of the namespace `name`; empty for the name itself
  std::vector<Target> targets;  // if not empty, the tuple
  bool is_tuple = false;
  int line = 0;
};

struct Parameter {
  std::string name;
  ExprPtr default_value;  // or null
};

// Of {% macro %} and {% call %}. `uses_*`: the body names them, so that surplus arguments are
// allowed.
struct MacroNode {
  std::string name;
  std::vector<Parameter> parameters;
  Body body;
  bool uses_caller = false;
  bool uses_varargs = false;
  bool uses_kwargs = false;
};

struct TextStatement {
  OriginText text;
};
struct OutputStatement {
  ExprPtr value;
};
struct IfStatement {
  std::vector<std::pair<ExprPtr, Body>> branches;
  Body otherwise;
};
struct ForStatement {
  Target target;
  ExprPtr iterable;
  ExprPtr condition;  // or null
  Body body;
  Body otherwise;
  bool recursive = false;
};
struct SetStatement {
  Target target;
  ExprPtr value;
};
struct SetBlockStatement {
  Target target;
  ExprPtr filtered;
  Body body;
};
struct MacroStatement {
  std::unique_ptr<const MacroNode> macro;
};
struct CallBlockStatement {
  std::unique_ptr<const MacroNode> caller;
  ExprPtr call;
};
struct FilterBlockStatement {
  ExprPtr filtered;
  Body body;
};
struct WithStatement {
  std::vector<std::pair<Target, ExprPtr>> assignments;
  Body body;
};
struct GenerationStatement {
  Body body;
};
struct BreakStatement {};
struct ContinueStatement {};

struct Statement {
  std::variant<TextStatement, OutputStatement, IfStatement, ForStatement, SetStatement,
               SetBlockStatement, MacroStatement, CallBlockStatement, FilterBlockStatement,
               WithStatement, GenerationStatement, BreakStatement, ContinueStatement>
      node;
  int line = 0;
};

}  // namespace parapet::jinja
