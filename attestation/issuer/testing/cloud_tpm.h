// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_ISSUER_TESTING_CLOUD_TPM_H_
#define CONSTELLATION_ATTESTATION_ISSUER_TESTING_CLOUD_TPM_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/hex.h"
#include "common/unique_fd.h"

namespace constellation::attestation::testing {

// A cloud's vTPM: stands before a real software TPM, hands commands on, and
// adds what clouds add: NV indices with any contents and attributes (larger
// than swtpm's limit of 2048 octets), a paravisor that acts on writes, and
// Amazon's vendor command. Indices that are defined through it live here.
// Thread-safe but for the hooks, to be set before the first command.
class CloudTpm final {
 public:
  // TPMA_NV: read and written with the index' own authorisation.
  static constexpr uint32_t kByIndex = 0x00040004;
  // Read and written by the owner only.
  static constexpr uint32_t kByOwner = 0x00020002;

  // `swtpm`: path of the software TPM's socket; `socket`: where to listen.
  CloudTpm(std::string swtpm, const std::string& socket);
  CloudTpm(const CloudTpm&) = delete;
  CloudTpm& operator=(const CloudTpm&) = delete;
  ~CloudTpm();

  std::string tcti() const { return "swtpm:path=" + socket_; }

  void SetIndex(uint32_t index, Bytes contents, uint32_t attributes = kByOwner);
  std::optional<Bytes> index(uint32_t index) const;
  size_t index_count() const;

  // After every write of an index.
  std::function<void(uint32_t index)> on_write;
  // Commands to send to the software TPM before the one with this code goes
  // there: what other programs do in between.
  std::function<std::vector<Bytes>(uint32_t code)> inject;
  // Turns the contents of the index into what the vendor command leaves there;
  // without it the command is not known.
  std::function<Bytes(const Bytes& contents)> nsm;

 private:
  struct Index {
    Bytes contents;
    uint32_t attributes = 0;
  };

  void Run();
  void Serve(int client, int tpm);
  // The answer, or nothing if the software TPM is to give it.
  std::optional<Bytes> Answer(std::span<const uint8_t> command);
  std::optional<Bytes> Define(std::span<const uint8_t> parameters);
  std::optional<Bytes> ReadPublic(uint32_t index) const;
  std::optional<Bytes> OnIndex(uint32_t code, uint32_t authority,
                               uint32_t index,
                               std::span<const uint8_t> parameters);

  const std::string swtpm_;
  const std::string socket_;
  UniqueFd listener_;
  mutable absl::Mutex mutex_;
  std::map<uint32_t, Index> indices_ ABSL_GUARDED_BY(mutex_);
  int connection_ ABSL_GUARDED_BY(mutex_) = -1;
  std::thread thread_;
};

// TPM2_PCR_Extend of the SHA-256 bank, for CloudTpm::inject.
Bytes ExtendCommand(uint32_t pcr);

}  // namespace constellation::attestation::testing

#endif  // CONSTELLATION_ATTESTATION_ISSUER_TESTING_CLOUD_TPM_H_
