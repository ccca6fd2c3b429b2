#include "serve_arguments.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace parapet::cli {
namespace {

// "--max_model_len=8k" in the spelling of --help.
std::string with_dashes(std::string argument) {
  static const std::map<std::string, std::string> kShort = {{"-tp", "--tensor-parallel-size"},
                                                            {"-pp", "--pipeline-parallel-size"},
                                                            {"-dp", "--data-parallel-size"}};
  if (const auto found = kShort.find(argument); found != kShort.end()) return found->second;
  if (!argument.starts_with("--")) return argument;
  const std::size_t end = std::min(argument.find('='), argument.size());
  std::replace(argument.begin(), argument.begin() + static_cast<std::ptrdiff_t>(end), '_', '-');
  return argument;
}

// Flags that are one to the reader of a file.
std::string canonical(const std::string& flag) {
  static const std::map<std::string, std::string> kSame = {
      {"--gpu-memory-utilization", "--memory-utilization"},
      {"--kv-cache-memory-bytes", "--kv-cache-memory"},
      {"-m", "--model"},
      {"-t", "--threads"}};
  std::string name = flag.substr(0, flag.find('='));
  if (name.starts_with("--no-")) name = "--" + name.substr(5);
  const auto found = kSame.find(name);
  return found == kSame.end() ? name : found->second;
}

std::string environment_name(const std::string& flag) {
  std::string name = "PARAPET_" + flag.substr(2);
  for (char& c : name) {
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

nlohmann::ordered_json to_json(const YAML::Node& node) {
  if (node.IsMap()) {
    auto object = nlohmann::ordered_json::object();
    for (const auto& entry : node) object[entry.first.as<std::string>()] = to_json(entry.second);
    return object;
  }
  if (node.IsSequence()) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& each : node) list.push_back(to_json(each));
    return list;
  }
  if (node.IsNull()) return nullptr;
  const auto text = node.as<std::string>();
  const auto value = nlohmann::ordered_json::parse(text, nullptr, false);
  const bool quoted = node.Tag() == "!";
  return value.is_discarded() || value.is_structured() || quoted ? nlohmann::ordered_json(text)
                                                                 : value;
}

// One entry of the file as flags.
void append_flags(const std::string& flag, const YAML::Node& value,
                  std::vector<std::string>& flags) {
  bool on = false;
  if (value.IsNull()) return;
  if (value.IsMap()) {
    flags.push_back(flag + "=" + to_json(value).dump());
  } else if (value.IsSequence()) {
    for (const auto& each : value) flags.push_back(flag + "=" + each.as<std::string>());
  } else if (value.Tag() != "!" && YAML::convert<bool>::decode(value, on)) {
    flags.push_back(flag + (on ? "" : "=false"));
  } else {
    flags.push_back(flag + "=" + value.as<std::string>());
  }
}

Result<std::vector<std::string>> read_file(const std::string& path,
                                           const std::set<std::string>& given, bool names_a_model) {
  std::vector<std::string> flags;
  const auto wrong = [&](const std::string& what) {
    return Error{ErrorCode::kInvalidArgument, "config '" + path + "': " + what};
  };
  try {
    const YAML::Node root = YAML::LoadFile(path);
    if (root.IsNull()) return flags;
    if (!root.IsMap()) return wrong("must be a list of flags and values, as 'port: 8000'");
    for (const auto& entry : root) {
      auto key = entry.first.as<std::string>();
      if (key == "model_tag" || key == "model-tag") key = "model";
      const std::string flag = with_dashes("--" + key);
      if (flag == "--config") return wrong("cannot name another config");
      const bool is_given = given.contains(canonical(flag)) ||
                            (flag == "--model" && names_a_model) ||
                            std::getenv(environment_name(flag).c_str()) != nullptr;
      if (!is_given) append_flags(flag, entry.second, flags);
    }
  } catch (const YAML::BadFile&) {
    return Error{ErrorCode::kIo, "config '" + path + "' cannot be read"};
  } catch (const YAML::Exception& error) {
    return wrong("line " + std::to_string(error.mark.line + 1) + ": " + error.msg);
  }
  return flags;
}

}  // namespace

Result<std::vector<std::string>> expand_arguments(std::vector<std::string> arguments) {
  if (arguments.empty() || arguments.front() != "serve") return arguments;
  std::vector<std::string> expanded;
  std::set<std::string> given;
  std::optional<std::string> config;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string argument = with_dashes(arguments[i]);
    if (argument == "--config" && i + 1 < arguments.size()) {
      config = arguments[++i];
    } else if (argument.starts_with("--config=")) {
      config = argument.substr(sizeof("--config=") - 1);
    } else {
      if (argument.starts_with('-')) given.insert(canonical(argument));
      expanded.push_back(argument);
    }
  }
  if (!config) return expanded;
  const bool names_a_model =
      given.contains("--model") || (expanded.size() > 1 && !expanded[1].starts_with('-'));
  auto flags = read_file(*config, given, names_a_model);
  if (!flags) return flags.error();
  expanded.insert(expanded.end(), flags->begin(), flags->end());
  return expanded;
}

}  // namespace parapet::cli
