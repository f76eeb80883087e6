// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>

#include "cli/terminal/table.h"
#include "common/edit_distance.h"
#include "common/status.h"

namespace constellation::cli {
namespace {

// The values CLI11 fills in for one command.
// Lives as long as the parse: CLI11 keeps pointers to its members.
struct Slots {
  std::map<std::string, bool> switches;
  std::map<std::string, std::vector<std::string>> values;

  // Only what was really given: CLI11 fills defaults in as well.
  Arguments ToArguments(const CLI::App& app) const {
    Arguments arguments;
    for (const auto& [name, given] : switches) {
      if (given) {
        arguments.SetSwitch(name);
      }
    }
    for (const auto& [name, list] : values) {
      const CLI::Option* option = app.get_option_no_throw(name);
      if (option != nullptr && option->count() > 0) {
        for (const std::string& value : list) {
          arguments.Add(name, value);
        }
      }
    }
    return arguments;
  }
};

// One option for CLI11. Extra arguments are never swallowed: in `verify -e host
// FILE` the file is not a second host.
void AddFlag(CLI::App& app, const Flag& flag, Slots& slots) {
  const std::string names =
      flag.short_name.empty() ? flag.name : flag.short_name + "," + flag.name;
  if (flag.kind == Flag::Kind::kSwitch) {
    app.add_flag(names, slots.switches[flag.name], flag.help);
    return;
  }
  CLI::Option* option =
      app.add_option(names, slots.values[flag.name], flag.help);
  option->type_name(flag.value_name);
  if (flag.kind == Flag::Kind::kList) {
    // "--skip-phases init,nodes" and two flags are the same.
    option->delimiter(',')->allow_extra_args(false);
  } else {
    // One value each: what follows it may be an argument of the command.
    option->expected(1)->allow_extra_args(false)->take_last();
  }
  if (!flag.choices.empty()) {
    option->check(CLI::IsMember(flag.choices).description(""));
  }
}

// Lists take everything that is left.
void AddPositional(CLI::App& app, const Positional& positional, Slots& slots) {
  CLI::Option* option = app.add_option(
      positional.name, slots.values[positional.name], positional.help);
  option->type_name("")->required(positional.required);
  if (positional.list) {
    option->expected(positional.required ? 1 : 0,
                     CLI::detail::expected_max_vector_size);
  } else {
    option->expected(1)->allow_extra_args(false);
  }
  if (!positional.choices.empty()) {
    option->check(CLI::IsMember(positional.choices).description(""));
  }
}

// CLI11 has refused any other word.
OutputFormat FormatOf(const std::string& name) {
  if (name == "json") {
    return OutputFormat::kJson;
  }
  return name == "junit" ? OutputFormat::kJunit : OutputFormat::kTable;
}

// Also sets the level of the log, which is the process's.
void ApplyGlobalFlags(const Arguments& arguments, CommandContext& context) {
  context.workspace = arguments.Text("--workspace").value_or(".");
  context.debug = arguments.Has("--debug");
  spdlog::set_level(context.debug ? spdlog::level::debug : spdlog::level::warn);
  context.force = arguments.Has("--force");
  context.output = FormatOf(arguments.Text("--output").value_or("table"));
}

// For people, on the error stream; results never go there. Clouds and nodes,
// whose words messages quote, must not steer the terminal.
void Complain(const CommandContext& context, std::string_view message) {
  const std::string text = PrintableLines(fmt::format("Error: {}\n", message));
  std::fwrite(text.data(), 1, text.size(), context.err);
  std::fflush(context.err);
}

// The tree of CLI11 applications for the table. Lives as long as one parse.
class Parser final {
 public:
  // `commands` and `groups` must outlive the parser: it keeps pointers to them.
  Parser(std::span<const Command> commands,
         std::span<const CommandGroup> groups)
      : app_("Runs Kubernetes on confidential machines and proves it.",
             "constellation") {
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.set_help_flag("-h,--help", "Show this help.");
    for (const Flag& flag : GlobalFlags()) {
      AddFlag(app_, flag, global_);
    }
    for (const CommandGroup& group : groups) {
      CLI::App* sub = app_.add_subcommand(group.name, group.help);
      sub->require_subcommand(1)->fallthrough();
      groups_[group.name] = sub;
    }
    for (const Command& command : commands) {
      Add(command);
    }
  }

  CLI::App& app() { return app_; }

  Arguments GlobalArguments() const { return global_.ToArguments(app_); }

  // The command that was parsed and its arguments.
  const Command* Parsed(Arguments& arguments) const {
    for (const auto& [command, sub, slots] : subs_) {
      if (sub->parsed()) {
        arguments = slots->ToArguments(*sub);
        return command;
      }
    }
    return nullptr;
  }

 private:
  // A command and what CLI11 read for it.
  struct Sub {
    const Command* command;
    CLI::App* app;
    std::unique_ptr<Slots> slots;
  };

  // Groups are made before; a command of an unknown group is our bug and throws
  // at start, in every test.
  void Add(const Command& command) {
    CLI::App* parent =
        command.path.size() > 1 ? groups_.at(command.path.front()) : &app_;
    CLI::App* sub = parent->add_subcommand(command.path.back(), command.help);
    sub->fallthrough();
    if (command.hidden) {
      sub->group("");
    }
    if (!command.example.empty()) {
      sub->footer("Example:\n  " + command.example);
    }
    auto slots = std::make_unique<Slots>();
    for (const Flag& flag : command.flags) {
      AddFlag(*sub, flag, *slots);
    }
    for (const Positional& positional : command.positionals) {
      AddPositional(*sub, positional, *slots);
    }
    subs_.push_back({&command, sub, std::move(slots)});
  }

  CLI::App app_;
  // Values of the global flags; CLI11 holds pointers into them.
  Slots global_;
  std::map<std::string, CLI::App*> groups_;
  std::vector<Sub> subs_;
};

// The first word that should have been a command, and the nearest one.
// Empty if all words are known: then something else is wrong.
std::string Suggestion(std::span<const Command> commands,
                       const std::vector<std::string>& arguments) {
  std::vector<std::string> words;
  std::vector<std::string> known;
  for (const std::string& argument : arguments) {
    if (!argument.empty() && argument.front() != '-') {
      words.push_back(argument);
    }
  }
  for (const Command& command : commands) {
    if (!command.hidden) {
      known.insert(known.end(), command.path.begin(), command.path.end());
    }
  }
  for (const std::string& word : words) {
    if (std::find(known.begin(), known.end(), word) == known.end()) {
      const auto nearest = NearestWord(word, known);
      return nearest ? fmt::format("; did you mean \"{}\"?", *nearest) : "";
    }
  }
  return "";
}

// --help is an error to CLI11, with code 0. Everything else is exit code 64.
ExitCode OnParseError(Parser& parser, const CLI::ParseError& error,
                      std::span<const Command> commands,
                      const std::vector<std::string>& arguments,
                      CommandContext& context) {
  if (error.get_exit_code() == 0) {  // --help
    context.Print(parser.app().help());
    return ExitCode::kSuccess;
  }
  const std::string hint =
      error.get_name() == "ExtrasError" || error.get_name() == "RequiredError"
          ? Suggestion(commands, arguments)
          : "";
  Complain(context, fmt::format("{}{}\nUse --help to see what is possible.",
                                error.what(), hint));
  return ExitCode::kUsage;
}

}  // namespace

const std::vector<Flag>& GlobalFlags() {
  static const auto* const kFlags = new std::vector<Flag>{
      {.name = "--workspace",
       .short_name = "-C",
       .kind = Flag::Kind::kText,
       .value_name = "FOLDER",
       .help = "Folder that holds the files of the cluster [.]."},
      {.name = "--debug",
       .help = "Print every call to a node or the API server."},
      {.name = "--force",
       .help = "Go on although the configuration names other versions."},
      {.name = "--output",
       .short_name = "-o",
       .kind = Flag::Kind::kText,
       .value_name = "FORMAT",
       .help = "table, json or (verify) junit [table].",
       .choices = {"table", "json", "junit"}},
  };
  return *kFlags;
}

// CLI11 reports through exceptions; none leaves this function. It wants the
// arguments in reverse order.
ExitCode RunCommandLine(std::span<const Command> commands,
                        std::span<const CommandGroup> groups,
                        const std::vector<std::string>& arguments,
                        CommandContext& context) {
  Parser parser(commands, groups);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    parser.app().parse(reversed);
  } catch (const CLI::ParseError& error) {
    return OnParseError(parser, error, commands, arguments, context);
  }
  Arguments given;
  const Command* command = parser.Parsed(given);
  if (command == nullptr) {
    Complain(context, "no command given");
    return ExitCode::kUsage;
  }
  ApplyGlobalFlags(parser.GlobalArguments(), context);
  context.offline = given.Has("--offline");
  const absl::Status status = command->run(given, context);
  // Interrupted work has said so already.
  const ExitCode code = ExitCodeOf(status);
  if (code != ExitCode::kSuccess && code != ExitCode::kInterrupted) {
    Complain(context, Message(status));
  }
  return code;
}

}  // namespace constellation::cli
