#include "jinja/runtime.h"

#include "base/check.h"
#include "jinja/value.h"

namespace parapet::jinja {
namespace {

constexpr std::size_t kOwnedObjectBytes = 512;  // a scope with a few names
constexpr std::size_t kMaxProblem = 1000;       // a message may be quoted in it

std::string one_line(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string line;
  for (const char c : text.substr(0, kMaxProblem)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      line += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      line += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15U]};
    } else {
      line += c;
    }
  }
  if (text.size() > kMaxProblem) {
    while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xc0U) == 0x80U) {
      line.pop_back();  // the cut may have split a character
    }
    if (!line.empty() && static_cast<unsigned char>(line.back()) >= 0xc0U) line.pop_back();
    line += "...";
  }
  return line;
}

}  // namespace

std::tm local_time_now() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return local;
}

Error located_error(ErrorCode code, std::string_view name, int line, std::string_view problem) {
  std::string message(name);
  message.append(":").append(std::to_string(line)).append(": ").append(one_line(problem));
  return {code, std::move(message)};
}

Runtime::~Runtime() {
  for (const auto& object : owned_) object->release();
}

Status Runtime::own(std::shared_ptr<Object> object) {
  PARAPET_TRY(spend(kOwnedObjectBytes));
  owned_.push_back(std::move(object));
  return {};
}

Error Runtime::error(std::string_view problem) const {
  return located_error(ErrorCode::kTemplate, name_, line_, problem);
}

Status Runtime::step() {
  if (++steps_ > limits_.max_steps) {
    return error("rendering takes more than " + std::to_string(limits_.max_steps) + " steps");
  }
  return {};
}

Status Runtime::spend(std::size_t bytes) {
  if (bytes > limits_.max_bytes - bytes_) {
    return error("rendering makes or searches more than " + std::to_string(limits_.max_bytes) +
                 " bytes of values");
  }
  bytes_ += bytes;
  return {};
}

Status Runtime::Depth::check() const {
  if (runtime_.depth_ <= runtime_.limits_.max_depth) return {};
  return runtime_.error("evaluation nests deeper than " +
                        std::to_string(runtime_.limits_.max_depth) +
                        " levels (a macro or loop that calls itself?)");
}

}  // namespace parapet::jinja
