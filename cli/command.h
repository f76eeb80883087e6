// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_COMMAND_H_
#define CONSTELLATION_CLI_COMMAND_H_

#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace constellation::cli {

// How results are printed (--output). kJunit is for commands that judge
// something; the others refuse it or treat it as the table.
enum class OutputFormat { kTable, kJson, kJunit };

// What every command is given: the global flags and where to write. `out` is
// for results (a machine may read it), `err` for progress and warnings.
struct CommandContext {
  // Folder with config, state and secrets (-C); "." is the current one.
  std::string workspace = ".";
  // --debug: every call is told on `err`. --force: other versions and places of
  // a cloud that this program does not know are accepted; attestation is not
  // touched by it.
  bool debug = false;
  bool force = false;
  // --offline, of commands that have OfflineFlag().
  bool offline = false;
  OutputFormat output = OutputFormat::kTable;
  std::FILE* out = stdout;
  std::FILE* err = stderr;

  // Writes `text` to `out` as it is and flushes it. Escaping hostile characters
  // is the caller's task (Printable()). Write errors are not reported.
  void Print(std::string_view text) const;
  // Writes one line "Warning: <text>" to `err`.
  void Warn(std::string_view text) const;
};

// An option of a command, e.g. {"--skip-phases", "", "PHASES", "..."}.
struct Flag {
  // A switch has no value, a text has one (the last wins), a list collects all
  // values, also those separated by commas.
  enum class Kind { kSwitch, kText, kList };

  std::string name;             // with "--"
  std::string short_name = {};  // "-y", or empty
  Kind kind = Kind::kSwitch;
  std::string value_name = {};  // shown in the help
  std::string help = {};
  std::vector<std::string> choices = {};  // allowed values; empty: any
};

// An argument without a name. File names are completed for it unless it has
// choices.
struct Positional {
  std::string name;  // "PATH"
  std::string help;
  bool required = true;
  std::vector<std::string> choices = {};
  bool list = false;  // takes any number of values, at least one if required
};

// What was given on the command line, by flag name ("--yes") or positional
// name.
class Arguments final {
 public:
  // Notes that `name` was given, without a value.
  void SetSwitch(const std::string& name) { values_[name]; }
  // Adds one value; order is kept.
  void Add(const std::string& name, std::string value) {
    values_[name].push_back(std::move(value));
  }
  // Whether it was given at all, with a value or without.
  bool Has(const std::string& name) const { return values_.contains(name); }
  // The last value that was given, so that a later flag overrides one of an
  // alias; nothing if there is none.
  std::optional<std::string> Text(const std::string& name) const;
  // All values in their order; empty if it was not given.
  std::vector<std::string> List(const std::string& name) const;

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

// One command. The table of them (commands/table.h) is all that the parser, the
// help and the completion scripts know.
struct Command {
  std::vector<std::string> path;  // {"config", "generate"}
  std::string help;               // one line
  std::string example;            // shown at the end of --help
  std::vector<Flag> flags = {};
  std::vector<Positional> positionals = {};
  bool hidden = false;
  // Does the work. Results go to the context, the status becomes the exit code
  // (exit_code.h). Called at most once per process.
  std::function<absl::Status(const Arguments&, CommandContext&)> run;
};

// A word that only groups commands ("config", "mini").
struct CommandGroup {
  std::string name;
  std::string help;
};

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_COMMAND_H_
