#include "checkpoint/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>

#include "base/check.h"
#include "base/json.h"
#include "base/quote.h"

namespace parapet {
namespace {

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's limit

struct FileType {
  std::string_view name;
  std::uint64_t size;
  std::optional<DType> dtype;
};
// The types of the format with whole bytes. Weights are made of the first three; tensors of the
// others can be measured, and so be skipped or refused by name.
constexpr auto kFileTypes = std::to_array<FileType>({
    {"BF16", 2, DType::kBF16},
    {"F16", 2, DType::kF16},
    {"F32", 4, DType::kF32},
    {"F64", 8, {}},
    {"I64", 8, {}},
    {"U64", 8, {}},
    {"I32", 4, {}},
    {"U32", 4, {}},
    {"I16", 2, {}},
    {"U16", 2, {}},
    {"I8", 1, {}},
    {"U8", 1, {}},
    {"BOOL", 1, {}},
    {"F8_E5M2", 1, {}},
    {"F8_E4M3", 1, {}},
});

// A tensor as its header describes it; begin and end count from the start of the data.
struct Described {
  SafetensorsEntry entry;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

Error corrupt(std::string_view file_name, const std::string& what) {
  return {ErrorCode::kCorrupt, std::string(file_name) + ": " + what};
}

// "bytes 16 to 48": half-open, as in the file.
std::string byte_range(std::uint64_t begin, std::uint64_t end) {
  return "bytes " + std::to_string(begin) + " to " + std::to_string(end);
}

Result<std::string_view> header_text(std::string_view file_name, std::span<const std::byte> file) {
  if (file.size() < kLengthBytes) {
    return corrupt(file_name,
                   std::to_string(file.size()) +
                       " bytes; a safetensors file begins with 8 bytes of header length");
  }
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);
  if (length > file.size() - kLengthBytes) {
    return corrupt(file_name, "header of " + std::to_string(length) + " bytes, but only " +
                                  std::to_string(file.size() - kLengthBytes) +
                                  " bytes follow its length; truncated, or not safetensors");
  }
  if (length > kMaxHeaderBytes) {
    return corrupt(file_name, "header of " + std::to_string(length) + " bytes; at most " +
                                  std::to_string(kMaxHeaderBytes) + " are allowed");
  }
  const char* text = reinterpret_cast<const char*>(file.data()) + kLengthBytes;
  if (length == 0 || *text != '{') {
    return corrupt(file_name, "header does not begin with '{'; not a safetensors file");
  }
  return std::string_view(text, length);
}

Status read_dtype(const JsonObject& json, SafetensorsEntry& entry, std::uint64_t& element_size) {
  PARAPET_ASSIGN(const std::string_view name, json.string("dtype"));
  const auto* type = std::find_if(kFileTypes.begin(), kFileTypes.end(),
                                  [&](const FileType& known) { return known.name == name; });
  if (type == kFileTypes.end()) {
    return json.error(ErrorCode::kUnsupported, "dtype", quote(name) + " is not known");
  }
  entry.dtype_name = type->name;
  entry.dtype = type->dtype;
  element_size = type->size;
  return {};
}

// The shape; `bytes` comes in as the size of an element and leaves as that of the tensor.
Status read_shape(const JsonObject& json, SafetensorsEntry& entry, std::uint64_t& bytes) {
  PARAPET_ASSIGN(const JsonArray shape, json.array("shape"));
  for (const JsonElement element : shape) {
    std::int64_t extent = 0;
    if (element.get(extent) != simdjson::SUCCESS || extent < 0) {
      return json.error(ErrorCode::kCorrupt, "shape", "must hold integers of at least 0 only");
    }
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes)) {
      return json.error(ErrorCode::kCorrupt, "shape", "more than 2^64 bytes");
    }
    entry.shape.push_back(extent);
  }
  return {};
}

Status read_offsets(const JsonObject& json, std::uint64_t bytes, Described& tensor) {
  constexpr std::string_view kKey = "data_offsets";
  PARAPET_ASSIGN(const JsonArray offsets, json.array(kKey));
  if (offsets.size() != 2 || offsets.at(0).get(tensor.begin) != simdjson::SUCCESS ||
      offsets.at(1).get(tensor.end) != simdjson::SUCCESS || tensor.begin > tensor.end) {
    return json.error(ErrorCode::kCorrupt, kKey,
                      "must be two integers, begin and end, with 0 <= begin <= end");
  }
  if (tensor.end - tensor.begin == bytes) return {};
  return json.error(ErrorCode::kCorrupt, kKey,
                    byte_range(tensor.begin, tensor.end) + " are " +
                        std::to_string(tensor.end - tensor.begin) +
                        " bytes; dtype and shape need " + std::to_string(bytes));
}

Result<Described> read_entry(std::string_view file_name, std::string_view name,
                             JsonElement element) {
  PARAPET_ASSIGN(const JsonObject json,
                 JsonObject::open(std::string(file_name) + ": tensor " + quote(name), element));
  Described tensor;
  tensor.entry.name = name;
  std::uint64_t bytes = 0;
  PARAPET_TRY(read_dtype(json, tensor.entry, bytes));
  PARAPET_TRY(read_shape(json, tensor.entry, bytes));
  PARAPET_TRY(read_offsets(json, bytes, tensor));
  return tensor;
}

Status check_metadata(std::string_view file_name, JsonElement element) {
  PARAPET_ASSIGN(const JsonObject json,
                 JsonObject::open(std::string(file_name) + ": __metadata__", element));
  for (const auto& field : json.fields()) {
    if (!field.value.is_string()) {
      return json.error(ErrorCode::kCorrupt, quote(field.key),
                        std::string("expected a string, found ") + json_type_name(field.value));
    }
  }
  return {};
}

Result<std::vector<Described>> read_header(std::string_view file_name, std::string_view text) {
  PARAPET_ASSIGN(const JsonDocument document,
                 JsonDocument::parse(std::string(file_name) + ": header", text));
  PARAPET_ASSIGN(const JsonObject header, document.object());
  std::vector<Described> tensors;
  for (const auto& field : header.fields()) {
    if (field.key == "__metadata__") {
      PARAPET_TRY(check_metadata(file_name, field.value));
      continue;
    }
    PARAPET_ASSIGN(Described tensor, read_entry(file_name, field.key, field.value));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

// In the order of their bytes, tensors must follow each other without overlap or hole, to the end.
Status check_layout(std::string_view file_name, const std::vector<Described>& tensors,
                    std::uint64_t data_bytes) {
  std::uint64_t covered = 0;
  const std::string* previous = nullptr;
  for (const Described& tensor : tensors) {
    const std::string name = "tensor " + quote(tensor.entry.name);
    if (tensor.end > data_bytes) {
      return corrupt(file_name, name + " needs " + byte_range(tensor.begin, tensor.end) +
                                    " of the data, but the file holds " +
                                    std::to_string(data_bytes) + "; truncated?");
    }
    if (tensor.begin < covered) {
      return corrupt(file_name, name + ": data_offsets begin at byte " +
                                    std::to_string(tensor.begin) + " of the data, inside tensor " +
                                    quote(*previous) + ", which ends at " +
                                    std::to_string(covered));
    }
    if (tensor.begin > covered) {
      return corrupt(file_name, byte_range(covered, tensor.begin) + " of the data, before " + name +
                                    ", belong to no tensor");
    }
    covered = tensor.end;
    previous = &tensor.entry.name;
  }
  if (covered == data_bytes) return {};
  return corrupt(file_name,
                 byte_range(covered, data_bytes) + " of the data, at its end, belong to no tensor");
}

}  // namespace

Result<std::vector<SafetensorsEntry>> parse_safetensors(std::string_view file_name,
                                                        std::span<const std::byte> file) {
  PARAPET_ASSIGN(const std::string_view text, header_text(file_name, file));
  PARAPET_ASSIGN(std::vector<Described> tensors, read_header(file_name, text));
  std::sort(tensors.begin(), tensors.end(), [](const Described& a, const Described& b) {
    return std::tie(a.begin, a.end, a.entry.name) < std::tie(b.begin, b.end, b.entry.name);
  });
  const std::span<const std::byte> data = file.subspan(kLengthBytes + text.size());
  PARAPET_TRY(check_layout(file_name, tensors, data.size()));

  std::vector<SafetensorsEntry> entries;
  entries.reserve(tensors.size());
  for (Described& tensor : tensors) {
    tensor.entry.data = data.subspan(tensor.begin, tensor.end - tensor.begin);
    entries.push_back(std::move(tensor.entry));
  }
  return entries;
}

}  // namespace parapet
