// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/swtpm_setup.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>

#include "absl/time/time.h"
#include "cloud/qemu/cluster_directory.h"
#include "cloud/qemu/qemu_command.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::qemu {
namespace {

constexpr absl::Duration kSetupLimit = absl::Minutes(3);

// swtpm's tools read their paths from files, quoted by nothing: the paths
// have no control characters (AbsoluteDirectory).
absl::Status WriteCaConfiguration(const std::string& ca) {
  RETURN_IF_ERROR(MakeDirectories(ca));
  RETURN_IF_ERROR(WriteFileAtomically(
      ca + "/localca.conf", fmt::format("statedir = {0}\n"
                                        "signingkey = {0}/signkey.pem\n"
                                        "issuercert = {0}/issuercert.pem\n"
                                        "certserial = {0}/certserial\n",
                                        ca)));
  RETURN_IF_ERROR(WriteFileAtomically(ca + "/localca.options",
                                      "--platform-manufacturer constellation\n"
                                      "--platform-version 1\n"
                                      "--platform-model qemu\n"));
  return WriteFileAtomically(
      ca + "/setup.conf",
      fmt::format("create_certs_tool = /usr/bin/swtpm_localca\n"
                  "create_certs_tool_config = {0}/localca.conf\n"
                  "create_certs_tool_options = {0}/localca.options\n"
                  "active_pcr_banks = sha256\n",
                  ca));
}

}  // namespace

// A TPM that is half made must never be used: its keys would change with the
// next attempt, and with them the node's identity. Hence the rename at the end.
absl::Status CreateTpm(CommandRunner& runner, const std::string& ca,
                       const std::string& state) {
  if (FileExists(state)) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(WriteCaConfiguration(ca));
  const std::string unfinished = state + ".new";
  RETURN_IF_ERROR(RemoveTree(unfinished));
  RETURN_IF_ERROR(MakeDirectories(unfinished));
  CommandOptions options;
  options.timeout = kSetupLimit;
  const auto made = RunChecked(
      runner,
      {std::string(kSwtpmSetupProgram), "--config", ca + "/setup.conf",
       "--tpm2", "--tpmstate", unfinished, "--pcr-banks", "sha256",
       "--create-ek-cert", "--lock-nvram", "--not-overwrite"},
      options);
  if (!made.ok()) {
    return Annotate(made.status(), "create TPM");
  }
  if (std::rename(unfinished.c_str(), state.c_str()) != 0) {
    return ErrnoStatus(errno, "create", state);
  }
  return absl::OkStatus();
}

}  // namespace constellation::cloud::qemu
