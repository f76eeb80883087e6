// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>
#include <set>
#include <string>

#include "cli/command_line.h"
#include "cli/commands/table.h"

namespace constellation::cli {
namespace {

// "command" or "group command" -> words that may follow.
// Built from the table of commands, so that no script can fall behind it.
// Sorted, without duplicates; hidden commands are left out.
std::map<std::string, std::string> Words() {
  std::map<std::string, std::set<std::string>> sets;
  for (const Command& command : AllCommands()) {
    if (command.hidden) {
      continue;
    }
    std::string path;
    for (const std::string& word : command.path) {
      sets[path].insert(word);
      path += (path.empty() ? "" : " ") + word;
    }
    for (const Flag& flag : command.flags) {
      sets[path].insert(flag.name);
    }
    for (const Flag& flag : GlobalFlags()) {
      sets[path].insert(flag.name);
    }
    for (const Positional& positional : command.positionals) {
      sets[path].insert(positional.choices.begin(), positional.choices.end());
    }
  }
  std::map<std::string, std::string> words;
  for (const auto& [path, set] : sets) {
    for (const std::string& word : set) {
      words[path] += (words[path].empty() ? "" : " ") + word;
    }
  }
  return words;
}

// One branch of the bash script's `case` for each path. All words are the
// program's own, so nothing needs quoting.
std::string Cases() {
  std::string text;
  for (const auto& [path, words] : Words()) {
    text += fmt::format("    \"{}\") words=\"{}\" ;;\n", path, words);
  }
  return text;
}

// Files are offered beside the words (-f): most arguments are paths. The value
// of -C is skipped, that of other flags is not.
std::string BashScript() {
  return "# bash completion for constellation; use: source <(constellation "
         "completion bash)\n"
         "_constellation() {\n"
         "  local path=\"\" word words=\"\" i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    word=${COMP_WORDS[i]}\n"
         "    case $word in\n"
         "    -C | --workspace) ((i++)) ;;\n"
         "    -*) ;;\n"
         "    *) path=${path:+$path }$word ;;\n"
         "    esac\n"
         "  done\n"
         "  case $path in\n" +
         Cases() +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -f -- "
         "\"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -F _constellation constellation\n";
}

// Completes commands and groups, not flags.
std::string FishScript() {
  std::string text =
      "# fish completion for constellation; use: constellation completion fish "
      "| source\n";
  for (const Command& command : AllCommands()) {
    if (command.hidden) {
      continue;
    }
    const bool grouped = command.path.size() > 1;
    text += fmt::format(
        "complete -c constellation -n '{}' -a {} -d '{}'\n",
        grouped ? "__fish_seen_subcommand_from " + command.path.front()
                : "__fish_use_subcommand",
        command.path.back(), command.help);
    if (grouped) {
      text += fmt::format(
          "complete -c constellation -n __fish_use_subcommand -a {}\n",
          command.path.front());
    }
  }
  return text;
}

// zsh runs the bash script in its compatibility mode.
absl::Status RunCompletion(const Arguments& arguments,
                           CommandContext& context) {
  const std::string shell = arguments.Text("SHELL").value_or("bash");
  if (shell == "fish") {
    context.Print(FishScript());
  } else if (shell == "zsh") {
    context.Print("autoload -U +X bashcompinit && bashcompinit\n" +
                  BashScript());
  } else {
    context.Print(BashScript());
  }
  return absl::OkStatus();
}

}  // namespace

Command CompletionCommand() {
  return {.path = {"completion"},
          .help = "Print a completion script for a shell.",
          .example = "source <(constellation completion bash)",
          .positionals = {{.name = "SHELL",
                           .help = "bash, zsh or fish.",
                           .choices = {"bash", "zsh", "fish"}}},
          .run = RunCompletion};
}

}  // namespace constellation::cli
