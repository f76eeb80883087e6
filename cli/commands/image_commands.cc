// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "attestation/policy/policy.h"
#include "cli/cluster/qemu_platform.h"
#include "cli/commands/table.h"
#include "cli/image/image_files.h"
#include "cli/image/launch_prediction.h"
#include "cli/policy/measured_profile.h"
#include "cli/terminal/table.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// Runs a program on our own terminal and waits for it.
// No shell is involved, so paths with blanks or quotes are harmless. The child
// has our standard streams and process group: Ctrl-C ends both. INTERNAL if it
// fails; 127 from the child means that it could not be started.
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
  // Only async-signal-safe calls in the child: other threads may have held
  // locks at the fork.
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

// The node's programs are by default those beside this program: an image then
// holds the services of the same build.
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

// What was not given keeps LaunchRequest's default.
LaunchRequest LaunchRequestOf(const Arguments& arguments) {
  LaunchRequest request;
  request.firmware = arguments.Text("--firmware").value_or("");
  request.vmm = arguments.Text("--vmm").value_or(request.vmm);
  request.vcpus = arguments.Text("--vcpus").value_or(request.vcpus);
  request.vcpu_type = arguments.Text("--vcpu-type").value_or("");
  request.sev_features =
      arguments.Text("--sev-features").value_or(request.sev_features);
  request.kernel = arguments.Text("--kernel");
  request.initrd = arguments.Text("--initrd");
  request.command_line = arguments.Text("--cmdline");
  request.event_log = arguments.Text("--event-log");
  return request;
}

// What `image measure` found out.
struct Measured {
  std::optional<ImageFacts> image;
  std::vector<LaunchValue> launch;
};

// With --kernel the monitor boots that, and no image is looked for.
// Flags that only matter to a launch prediction are refused without --firmware:
// ignoring them would print registers of another machine than the one that was
// meant.
absl::StatusOr<Measured> Measure(const Arguments& arguments) {
  Measured measured;
  const auto firmware = arguments.Text("--firmware");
  for (const char* flag :
       {"--vmm", "--vcpus", "--vcpu-type", "--sev-features", "--kernel",
        "--initrd", "--cmdline", "--event-log"}) {
    if (!firmware.has_value() && arguments.Has(flag)) {
      return InvalidArgument(fmt::format("{}: only with --firmware", flag));
    }
  }
  LaunchRequest request = LaunchRequestOf(arguments);
  if (!request.kernel.has_value() || arguments.Has("PATH")) {
    ASSIGN_OR_RETURN(measured.image,
                     InspectImageFile(arguments.Text("PATH").value_or("")));
    request.image = measured.image->path;
  }
  if (firmware.has_value()) {
    ASSIGN_OR_RETURN(measured.launch, PredictLaunch(request));
  }
  return measured;
}

// The profile alone as ever; with launch values both, as members.
std::string MeasuredJson(const Measured& measured) {
  const std::string profile =
      measured.image.has_value()
          ? attestation::ProfileToJson(measured.image->profile)
          : "null";
  if (measured.launch.empty()) {
    return profile + "\n";
  }
  return fmt::format("{{\"profile\": {}, \"launch\": {}}}\n", profile,
                     LaunchValuesToJson(measured.launch));
}

// For people: registers of the image, then launch values. A value that cannot
// be predicted is named with its reason, never left out.
void PrintMeasured(const Measured& measured, CommandContext& context) {
  if (measured.image.has_value()) {
    Table table({"PCR", "SHA-256"});
    for (const auto& [index, digest] : measured.image->profile.pcrs) {
      table.AddRow({fmt::format("{}", index), HexEncode(digest)});
    }
    context.Print(fmt::format("{}\n", measured.image->path) + table.Render());
  }
  if (!measured.launch.empty()) {
    Table table({"LAUNCH", "VALUE", "SHA-384"});
    for (const LaunchValue& value : measured.launch) {
      table.AddRow({value.technology, value.name,
                    value.value.ok()
                        ? *value.value
                        : fmt::format("not predictable: {}",
                                      Message(value.value.status()))});
    }
    context.Print((measured.image.has_value() ? "\n" : "") + table.Render());
  }
}

// The profile to write: the image's registers alone, or everything measured in
// a profile that has the owner's other demands.
// The owner's file is bounded (1 MiB) and parsed strictly: an unknown key in it
// is an error, not a demand that silently disappears.
absl::StatusOr<attestation::Profile> MeasuredProfile(const Arguments& arguments,
                                                     const Measured& measured) {
  // Without it the profile has the image's registers and nothing else.
  const auto from = arguments.Text("--from");
  if (!from.has_value()) {
    if (!measured.image.has_value()) {
      return InvalidArgument("--profile: it describes an image; give its PATH");
    }
    return measured.image->profile;
  }
  constexpr size_t kMaxProfile = size_t{1} << 20U;
  ASSIGN_OR_RETURN(const std::string text, ReadFile(*from, kMaxProfile));
  const absl::StatusOr<attestation::Profile> base =
      attestation::ParseProfile(text);
  if (!base.ok()) {
    return Annotate(base.status(), *from);
  }
  return WithMeasurements(
      *base,
      {.image = measured.image.has_value() ? &measured.image->profile : nullptr,
       .launch = measured.launch,
       .kernel_in_launch = arguments.Has("--kernel")});
}

// The profile is written before anything is printed, so that output is a sign
// of success. It is public (mode 0644).
absl::Status RunMeasure(const Arguments& arguments, CommandContext& context) {
  ASSIGN_OR_RETURN(const Measured measured, Measure(arguments));
  if (const auto path = arguments.Text("--profile")) {
    ASSIGN_OR_RETURN(const attestation::Profile profile,
                     MeasuredProfile(arguments, measured));
    constexpr mode_t kPublic = 0644;
    RETURN_IF_ERROR(WriteFileAtomically(
        *path, attestation::ProfileToJson(profile) + "\n", kPublic));
  } else if (arguments.Has("--from")) {
    return InvalidArgument("--from: only with --profile, which is written");
  }
  if (context.output == OutputFormat::kJson) {
    context.Print(MeasuredJson(measured));
    return absl::OkStatus();
  }
  PrintMeasured(measured, context);
  return absl::OkStatus();
}

// What decides over the launch measurement of a confidential machine.
std::vector<Flag> MeasureFlags() {
  const auto text = [](const char* name, const char* value, const char* help) {
    return Flag{.name = name,
                .kind = Flag::Kind::kText,
                .value_name = value,
                .help = help};
  };
  std::vector<Flag> flags = {
      text("--profile", "FILE", "Also write the policy profile there."),
      text("--from", "FILE",
           "Profile with all other demands, for --profile; measured values "
           "replace its own."),
      text("--firmware", "FILE",
           "Also predict launch measurements (SNP, TDX) of this firmware."),
      text("--vmm", "VMM", "Who starts the machine [qemu]."),
      text("--vcpus", "NUMBER", "Virtual processors, for SNP [1]."),
      text("--vcpu-type", "TYPE", "Their type for QEMU, e.g. EPYC-Milan."),
      text("--sev-features", "HEX", "VMSA SEV_FEATURES, for SNP [0x1]."),
      text("--kernel", "FILE", "Booted by the monitor instead of a disk."),
      text("--initrd", "FILE", "With --kernel."),
      text("--cmdline", "TEXT", "With --kernel."),
      text("--event-log", "FILE",
           "CCEL of a verified machine of this shape, for RTMR0.")};
  flags[3].choices = {"qemu", "ec2", "gce"};
  return flags;
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
          .flags = MeasureFlags(),
          .positionals = {{.name = "PATH",
                           .help = "The image [the newest one built here].",
                           .required = false}},
          .run = RunMeasure};
}

}  // namespace constellation::cli
