// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_TCTI_H_
#define CONSTELLATION_ATTESTATION_TPM_TCTI_H_

#include <tss2/tss2_tcti.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/unique_fd.h"

namespace constellation::attestation {

// How commands travel to the TPM: a TCTI (TCG TSS 2.0 TPM Command Transmission
// Interface) over a file descriptor of our own. tpm2-tss would load its TCTIs
// as plug-ins at run time; this one is linked in, needs no other file, and has
// a time-out for every answer. Not thread-safe.
class FdTcti final {
 public:
  // Opens "device:<path>" (a character device: one write is a command, one
  // read its answer) or "swtpm:path=<socket>" (a Unix stream socket).
  // INVALID_ARGUMENT for another kind; errors of open and connect as
  // ErrnoStatus() says, ECONNREFUSED and ENOENT of a socket as UNAVAILABLE.
  static absl::StatusOr<std::unique_ptr<FdTcti>> Open(const std::string& tcti);

  // The same over a descriptor that is already open, for tests.
  static std::unique_ptr<FdTcti> OverStreamForTesting(UniqueFd fd);

  FdTcti(const FdTcti&) = delete;
  FdTcti& operator=(const FdTcti&) = delete;

  // What tpm2-tss wants. Valid as long as this object.
  TSS2_TCTI_CONTEXT* context() {
    return reinterpret_cast<TSS2_TCTI_CONTEXT*>(&context_);
  }

 private:
  // Begins with the table of functions that tpm2-tss calls.
  struct Context {
    TSS2_TCTI_CONTEXT_COMMON_V1 common;
    FdTcti* self;
  };
  enum class Framing { kWholeMessages, kStream };

  FdTcti(UniqueFd fd, Framing framing);
  static FdTcti& Self(TSS2_TCTI_CONTEXT* context);
  static TSS2_RC OnTransmit(TSS2_TCTI_CONTEXT* context, size_t size,
                            const uint8_t* command);
  static TSS2_RC OnReceive(TSS2_TCTI_CONTEXT* context, size_t* size,
                           uint8_t* response, int32_t timeout);
  TSS2_RC Transmit(std::span<const uint8_t> command);
  TSS2_RC Receive(size_t* size, uint8_t* response, int32_t timeout);
  TSS2_RC FillResponse(int32_t timeout);
  TSS2_RC ReadSome(size_t wanted, int timeout);

  Context context_;
  const UniqueFd fd_;
  const Framing framing_;
  std::vector<uint8_t> response_;  // what has arrived of the answer
  bool complete_ = false;          // and whether that is all of it
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_TPM_TCTI_H_
