// parapet completion: what a shell needs to complete this command.
#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"

namespace parapet::cli {
namespace {

struct Words {
  std::string name;  // of the subcommand
  std::string help;
  std::vector<std::string> flags;  // "--port"
};

// The commands and their flags, as they were added.
std::vector<Words> words_of(const CLI::App& app) {
  std::vector<Words> all;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    Words words{command->get_name(), command->get_description(), {}};
    for (const CLI::Option* option : command->get_options()) {
      if (option->get_group().empty()) continue;
      for (const std::string& name : option->get_lnames()) words.flags.push_back("--" + name);
    }
    all.push_back(std::move(words));
  }
  return all;
}

std::string names_of(const std::vector<Words>& all) {
  std::string names;
  for (const Words& words : all) names += (names.empty() ? "" : " ") + words.name;
  return names;
}

std::string bash_script(const std::vector<Words>& all) {
  std::string cases;
  for (const Words& words : all) {
    cases += fmt::format("    {}) words='{}' ;;\n", words.name, fmt::join(words.flags, " "));
  }
  return fmt::format(R"(# parapet completion bash
_parapet() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} words
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{} --help --version' -- "$current"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
{}  esac
  case $current in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *) COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}}
complete -o filenames -F _parapet parapet
)",
                     names_of(all), cases);
}

// zsh reads the other's script.
std::string zsh_script(const std::vector<Words>& all) {
  return "#compdef parapet\nautoload -U +X bashcompinit && bashcompinit\n" + bash_script(all);
}

std::string quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '\'';
}

std::string fish_script(const std::vector<Words>& all) {
  std::string script = "# parapet completion fish\n";
  for (const Words& words : all) {
    script += fmt::format("complete -c parapet -n __fish_use_subcommand -f -a {} -d {}\n",
                          words.name, quoted(words.help));
    for (const std::string& flag : words.flags) {
      script += fmt::format("complete -c parapet -n '__fish_seen_subcommand_from {}' -l {}\n",
                            words.name, flag.substr(2));
    }
  }
  return script;
}

}  // namespace

void add_completion(CLI::App& app, const Chosen& chosen) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("completion", "Print what a shell completes this command with");
  command->footer(R"(
Examples:
  parapet completion bash > ~/.local/share/bash-completion/completions/parapet
  parapet completion zsh > "${fpath[1]}/_parapet"
  parapet completion fish > ~/.config/fish/completions/parapet.fish)");
  command->add_option("SHELL", *shell, "'bash', 'zsh' or 'fish'")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&app, shell, chosen] {
    chosen([&app, shell] {
      const auto all = words_of(app);
      fmt::print("{}", *shell == "bash"  ? bash_script(all)
                       : *shell == "zsh" ? zsh_script(all)
                                         : fish_script(all));
      return kExitSafe;
    });
  });
}

}  // namespace parapet::cli
