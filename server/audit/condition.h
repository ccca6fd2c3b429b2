// An AuditFilter as SQL.
#pragma once

#include <string>
#include <vector>

#include "server/audit/reader.h"

namespace parapet::server {

// Conditions joined by AND, with the values of their parameters, in order. No value of a caller
// becomes part of the text.
struct Condition {
  std::string sql = "1";
  std::vector<SqlValue> values;  // texts are the filter's, which must outlive this

  void add(const std::string& term, SqlValue value);
  void bind(Statement& statement) const;
};

// kInvalidArgument names the field of the filter that is wrong.
Result<Condition> condition_of(const AuditFilter& filter);

}  // namespace parapet::server
