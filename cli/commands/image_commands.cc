// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "attestation/policy/policy.h"
#include "cli/cluster/qemu_platform.h"
#include "cli/commands/table.h"
#include "cli/image/image_files.h"
#include "cli/terminal/table.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// Runs a program on our own terminal and waits for it.
absl::Status RunInForeground(std::vector<std::string> argv) {
  std::vector<char*> pointers;
  pointers.reserve(argv.size() + 1);
  for (std::string& argument : argv) {
    pointers.push_back(argument.data());
  }
  pointers.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0) {
    return ErrnoStatus(errno, "start", argv[0]);
  }
  if (pid == 0) {
    execv(pointers[0], pointers.data());
    _exit(127);
  }
  int state = 0;
  while (waitpid(pid, &state, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(state) || WEXITSTATUS(state) != 0) {
    return Internal(fmt::format("{} failed; its messages say why", argv[0]));
  }
  return absl::OkStatus();
}

absl::Status RunBuild(const Arguments& arguments, CommandContext& context) {
  ASSIGN_OR_RETURN(const std::string builder, FindImageBuilder());
  ASSIGN_OR_RETURN(const std::string program, OwnProgram());
  const std::string binaries =
      arguments.Text("--binaries")
          .value_or(std::filesystem::path(program).parent_path().string());
  const std::string output =
      arguments.Text("OUTPUT").value_or(DefaultImageFolder());
  RETURN_IF_ERROR(MakeDirectories(output));
  RETURN_IF_ERROR(
      RunInForeground({builder, "--binaries", binaries, "--output", output}));
  context.Print(fmt::format("Built {}/constellation.raw\n", output));
  return absl::OkStatus();
}

absl::Status RunMeasure(const Arguments& arguments, CommandContext& context) {
  ASSIGN_OR_RETURN(const ImageFacts image,
                   InspectImageFile(arguments.Text("PATH").value_or("")));
  if (const auto path = arguments.Text("--profile")) {
    constexpr mode_t kPublic = 0644;
    RETURN_IF_ERROR(WriteFileAtomically(
        *path, attestation::ProfileToJson(image.profile) + "\n", kPublic));
  }
  if (context.output == OutputFormat::kJson) {
    context.Print(attestation::ProfileToJson(image.profile) + "\n");
    return absl::OkStatus();
  }
  Table table({"PCR", "SHA-256"});
  for (const auto& [index, digest] : image.profile.pcrs) {
    table.AddRow({fmt::format("{}", index), HexEncode(digest)});
  }
  context.Print(fmt::format("{}\n", image.path) + table.Render());
  return absl::OkStatus();
}

}  // namespace

Command ImageBuildCommand() {
  return {.path = {"image", "build"},
          .help = "Build a node image.",
          .example = "constellation image build ./image",
          .flags = {{.name = "--binaries",
                     .kind = Flag::Kind::kText,
                     .value_name = "FOLDER",
                     .help = "The node's programs [where this program lies]."}},
          .positionals = {{.name = "OUTPUT",
                           .help = "Folder for the image [the user's cache].",
                           .required = false}},
          .run = RunBuild};
}

Command ImageMeasureCommand() {
  return {.path = {"image", "measure"},
          .help = "Predict what a node that boots an image will measure.",
          .example = "constellation image measure constellation.raw -o json",
          .flags = {{.name = "--profile",
                     .kind = Flag::Kind::kText,
                     .value_name = "FILE",
                     .help = "Also write the policy profile there."}},
          .positionals = {{.name = "PATH",
                           .help = "The image [the newest one built here].",
                           .required = false}},
          .run = RunMeasure};
}

}  // namespace constellation::cli
