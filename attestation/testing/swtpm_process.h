// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TESTING_SWTPM_PROCESS_H_
#define CONSTELLATION_ATTESTATION_TESTING_SWTPM_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace constellation::testing {

struct SwtpmOptions {
  std::string pcr_banks = "sha256";  // as swtpm_setup --pcr-banks
};

// A real software TPM of its own, for tests: swtpm_setup with an EK
// certificate, then swtpm on a Unix socket. Needs no root; keeps its
// certificate authority inside its folder.
class SwtpmProcess final {
 public:
  // Makes a TPM inside `dir` (which must exist; keep the path below 80
  // characters) unless one is there already, and starts it. NOT_FOUND if swtpm
  // is not installed.
  static absl::StatusOr<std::unique_ptr<SwtpmProcess>> Start(
      const std::string& dir, const SwtpmOptions& options = {});

  // Like Start(), but with a copy of one TPM that this process made before:
  // twenty milliseconds instead of a second. All copies have the same keys.
  static absl::StatusOr<std::unique_ptr<SwtpmProcess>> StartCopy(
      const std::string& dir);

  SwtpmProcess(const SwtpmProcess&) = delete;
  SwtpmProcess& operator=(const SwtpmProcess&) = delete;
  ~SwtpmProcess();  // kills the process; the TPM's state stays in `dir`

  // For Tpm::Open(). swtpm serves one connection at a time: close the first
  // Tpm before opening the next.
  std::string tcti() const { return "swtpm:path=" + socket_; }

  // Ends the process and starts it again on the same state: what a power cycle
  // is for a TPM. Registers are zero again, keys the same.
  absl::Status Reset();

 private:
  SwtpmProcess(std::string dir, std::string socket);
  absl::Status Launch();
  absl::Status AwaitSocket();
  void Kill();

  std::string dir_;
  std::string socket_;
  pid_t pid_ = -1;
};

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_TESTING_SWTPM_PROCESS_H_
