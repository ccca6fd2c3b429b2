// Fields of a request's JSON object, read with their types and limits.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parapet/types.h"
#include "server/json/api_error.h"
#include "server/json/json.h"

namespace parapet::server {

// Absent and null fields leave the value as it is. The first thing that is wrong is kept, and names
// its field; what is read after that does not matter.
class Fields {
 public:
  // `object` must outlive it. `prefix` stands before the fields' names in errors.
  explicit Fields(const Json& object, std::string prefix = "");

  void read(std::string_view name, bool& value);
  void read(std::string_view name, double& value);
  void read(std::string_view name, std::string& value);
  void read(std::string_view name, std::int64_t& value,
            std::int64_t least = std::numeric_limits<std::int64_t>::min(),
            std::int64_t most = std::numeric_limits<std::int64_t>::max());
  void read(std::string_view name, std::optional<std::int64_t>& value, std::int64_t least,
            std::int64_t most);
  void read(std::string_view name, std::optional<std::uint64_t>& value);
  void read(std::string_view name, std::vector<TokenId>& ids);
  // A list of strings, or one string where `or_one`.
  void read(std::string_view name, std::vector<std::string>& texts, bool or_one = false);

  // Null where it is absent or null.
  const Json* find(std::string_view name) const;
  // Where the field is there and is neither null, false, an empty list nor an empty object.
  void refuse(std::string_view name, std::string_view why);

  void fail(std::string_view name, std::string message);
  void fail(ApiError error);  // whose param is a whole path already
  const std::optional<ApiError>& error() const { return error_; }
  // A field's name as errors tell it, with what stands before it.
  std::string path(std::string_view name) const { return prefix_ + std::string(name); }

 private:
  void expected(std::string_view name, std::string_view what);

  const Json& object_;
  std::string prefix_;
  std::optional<ApiError> error_;
};

}  // namespace parapet::server
