// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands/table.h"
#include "cli/config/cloud_catalog.h"
#include "cli/exit_code.h"
#include "cli/terminal/table.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// One variant's types. STACKIT's flavors stand under OpenStack's variants.
struct Line {
  std::string variant;
  std::string provider;
  std::vector<std::string> types;
};

// Machines of this computer (qemu) have no types.
std::vector<Line> AllLines() {
  std::vector<Line> lines;
  for (const CloudVariant& variant : CloudVariants()) {
    if (variant.provider == "openstack") {
      lines.push_back({std::string(variant.variant), "stackit",
                       InstanceTypes(variant.variant, /*stackit=*/true)});
    } else if (variant.provider != "qemu") {
      lines.push_back({std::string(variant.variant),
                       std::string(variant.provider),
                       InstanceTypes(variant.variant)});
    }
  }
  return lines;
}

// Only the variant of --attestation, if it is given; a usage error with a
// suggestion if there is no such variant.
absl::StatusOr<std::vector<Line>> Selected(const Arguments& arguments) {
  std::vector<Line> lines = AllLines();
  const auto wanted = arguments.Text("--attestation");
  if (!wanted) {
    return lines;
  }
  const CloudVariant* variant = FindCloudVariant(*wanted);
  if (variant == nullptr || variant->provider == "qemu") {
    std::vector<std::string> known;
    for (const Line& line : lines) {
      known.push_back(line.variant);
    }
    return AsUsageError(InvalidArgument(fmt::format(
        "--attestation: {}",
        UnknownWord("variant of a cloud", *wanted, known).value_or(*wanted))));
  }
  std::erase_if(lines, [&](const Line& line) {
    return line.variant != variant->variant;
  });
  return lines;
}

// Reads nothing but the program's own catalogue: no workspace, no cloud.
absl::Status RunConfigInstanceTypes(const Arguments& arguments,
                                    CommandContext& context) {
  ASSIGN_OR_RETURN(const std::vector<Line> lines, Selected(arguments));
  if (context.output == OutputFormat::kJson) {
    nlohmann::json list = nlohmann::json::array();
    for (const Line& line : lines) {
      list.push_back({{"attestationVariant", line.variant},
                      {"provider", line.provider},
                      {"instanceTypes", line.types}});
    }
    context.Print(list.dump(2) + "\n");
    return absl::OkStatus();
  }
  // One row a type, so that `grep` finds it.
  Table table({"PROVIDER", "ATTESTATION", "TYPE"});
  for (const Line& line : lines) {
    for (const std::string& type : line.types) {
      table.AddRow({line.provider, line.variant, type});
    }
  }
  context.Print(table.Render());
  return absl::OkStatus();
}

}  // namespace

Command ConfigInstanceTypesCommand() {
  return {.path = {"config", "instance-types"},
          .help = "List machine types that can run confidential nodes.",
          .example = "constellation config instance-types -a aws-sev-snp",
          .flags = {{.name = "--attestation",
                     .short_name = "-a",
                     .kind = Flag::Kind::kText,
                     .value_name = "VARIANT",
                     .help = "Only those for this variant."}},
          .run = RunConfigInstanceTypes};
}

}  // namespace constellation::cli
