#include "server/json/fields.h"

#include <utility>

namespace parapet::server {
namespace {

std::optional<std::int64_t> integer(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) return std::nullopt;
    return static_cast<std::int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  // 5.0 is an integer to JSON; beyond 2^53 a double no longer says which.
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    constexpr double kExact = 9007199254740992.0;
    if (number >= -kExact && number <= kExact &&
        static_cast<double>(static_cast<std::int64_t>(number)) == number) {
      return static_cast<std::int64_t>(number);
    }
  }
  return std::nullopt;
}

}  // namespace

Fields::Fields(const Json& object, std::string prefix)
    : object_(object), prefix_(std::move(prefix)) {
  if (object_.is_object()) return;
  error_ = ApiError{.message = (prefix_.empty() ? "the body" : prefix_) + " must be a JSON object"};
}

const Json* Fields::find(std::string_view name) const {
  if (!object_.is_object()) return nullptr;
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void Fields::fail(std::string_view name, std::string message) {
  if (error_) return;
  error_ = ApiError{.message = std::move(message), .param = path(name)};
}

void Fields::fail(ApiError error) {
  if (!error_) error_ = std::move(error);
}

void Fields::expected(std::string_view name, std::string_view what) {
  fail(name, path(name) + " must be " + std::string(what));
}

void Fields::read(std::string_view name, bool& value) {
  const Json* found = find(name);
  if (found == nullptr) return;
  if (!found->is_boolean()) return expected(name, "true or false");
  value = found->get<bool>();
}

void Fields::read(std::string_view name, double& value) {
  const Json* found = find(name);
  if (found == nullptr) return;
  if (!found->is_number()) return expected(name, "a number");
  value = found->get<double>();
}

void Fields::read(std::string_view name, std::string& value) {
  const Json* found = find(name);
  if (found == nullptr) return;
  if (!found->is_string()) return expected(name, "a string");
  value = found->get<std::string>();
}

void Fields::read(std::string_view name, std::int64_t& value, std::int64_t least,
                  std::int64_t most) {
  std::optional<std::int64_t> number;
  read(name, number, least, most);
  if (number) value = *number;
}

void Fields::read(std::string_view name, std::optional<std::int64_t>& value, std::int64_t least,
                  std::int64_t most) {
  const Json* found = find(name);
  if (found == nullptr) return;
  const auto number = integer(*found);
  if (!number) return expected(name, "an integer");
  if (*number < least || *number > most) {
    return expected(name, "an integer of " + std::to_string(least) + " to " + std::to_string(most));
  }
  value = number;
}

// Seeds: negative ones are taken as the same 64 bits.
void Fields::read(std::string_view name, std::optional<std::uint64_t>& value) {
  const Json* found = find(name);
  if (found == nullptr) return;
  if (found->is_number_unsigned()) {
    value = found->get<std::uint64_t>();
  } else if (const auto number = integer(*found)) {
    value = static_cast<std::uint64_t>(*number);
  } else {
    expected(name, "an integer");
  }
}

void Fields::read(std::string_view name, std::vector<TokenId>& ids) {
  const Json* found = find(name);
  if (found == nullptr) return;
  if (!found->is_array()) return expected(name, "a list of token ids");
  ids.clear();
  ids.reserve(found->size());
  for (const Json& each : *found) {
    const auto id = integer(each);
    if (!id || *id < 0 || *id > std::numeric_limits<TokenId>::max()) {
      return expected(name, "a list of token ids");
    }
    ids.push_back(static_cast<TokenId>(*id));
  }
}

void Fields::read(std::string_view name, std::vector<std::string>& texts, bool or_one) {
  const Json* found = find(name);
  if (found == nullptr) return;
  const char* what = or_one ? "a string or a list of strings" : "a list of strings";
  if (or_one && found->is_string()) {
    texts = {found->get<std::string>()};
    return;
  }
  if (!found->is_array()) return expected(name, what);
  texts.clear();
  for (const Json& each : *found) {
    if (!each.is_string()) return expected(name, what);
    texts.push_back(each.get<std::string>());
  }
}

void Fields::refuse(std::string_view name, std::string_view why) {
  const Json* found = find(name);
  if (found == nullptr || (found->is_boolean() && !found->get<bool>())) return;
  if (found->is_structured() && found->empty()) return;
  fail(name, path(name) + " is not supported: " + std::string(why));
}

}  // namespace parapet::server
