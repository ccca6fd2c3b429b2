#include "text/golden_corpus.h"

#include <zlib.h>

#include <array>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>

#include "support/paths.h"

namespace parapet::testing {
namespace {

std::string inflate_all(const std::string& compressed) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) throw std::runtime_error("inflateInit failed");
  // zlib does not write through next_in, but its type says it might.
  std::string input = compressed;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  std::string out;
  std::array<char, 1 << 16> block;
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = static_cast<uInt>(block.size());
    status = inflate(&stream, Z_NO_FLUSH);
    out.append(block.data(), block.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("the corpus is cut off");
  return out;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  std::string_view take(std::size_t count) {
    if (count > bytes_.size()) throw std::runtime_error("the corpus is cut off");
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  std::uint32_t number() {
    std::uint32_t value = 0;
    const std::string_view bytes = take(4);
    for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
  }
  std::string_view field() { return take(number()); }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

Tokenizer value_of(Result<Tokenizer> tokenizer) {
  if (!tokenizer) throw std::runtime_error(tokenizer.error().message);
  return std::move(tokenizer).value();
}

}  // namespace

std::vector<GoldenCase> read_golden_corpus(const std::filesystem::path& file) {
  const std::string bytes = inflate_all(read_text(file));
  Reader reader(bytes);
  if (reader.take(4) != "PTOK") throw std::runtime_error("not a corpus: " + file.string());
  std::vector<GoldenCase> cases(reader.number());
  for (GoldenCase& golden : cases) {
    golden.text = reader.field();
    Reader ids(reader.field());
    while (!ids.at_end()) golden.ids.push_back(static_cast<TokenId>(ids.number()));
    golden.decoded = reader.field();
    golden.decoded_without_special = reader.field();
  }
  if (!reader.at_end()) throw std::runtime_error("more in the corpus than it says");
  return cases;
}

std::filesystem::path golden_directory() { return test::source_dir() / "tests/golden/tokenizer"; }

std::string read_text(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot open " + file.string());
  return {std::istreambuf_iterator<char>(stream), {}};
}

Tokenizer load_qwen3() {
  return value_of(Tokenizer::load(test::shared_data() / "qwen3-tokenizer"));
}

Tokenizer load_flags() {
  return value_of(Tokenizer::parse("flags.json", read_text(golden_directory() / "flags.json")));
}

}  // namespace parapet::testing
