// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_COLLATERAL_COLLATERAL_CACHE_H_
#define CONSTELLATION_ATTESTATION_COLLATERAL_COLLATERAL_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attestation/collateral/collateral.h"

namespace constellation::attestation {

// How much a cache may keep.
struct CollateralCacheOptions {
  std::string directory;                     // made if it is not there, 0700
  uint64_t max_bytes = uint64_t{64} << 20U;  // of content
  size_t max_entries = 4096;                 // keys
};

// Content with what the check that accepted it found.
struct CachedCollateral {
  Collateral collateral;
  CollateralFacts facts;
};

// Collateral on disk. Content lies in objects/ under its SHA-256, so that equal
// chains are kept once; index/ has one small file a key, which names the
// digest, when it was fetched, how long it is valid, and number and issue time
// for the rollback check. Every file is replaced atomically, mode 0600; writers
// take turns by a lock file, readers need none: any number of threads and
// processes may share a folder, and one that is killed leaves nothing but a
// temporary file, which the next writer removes.
//
// Damage is noticed (digest, form) and reported as DATA_LOSS: fetch again. That
// guards against accidents. Whoever may write the folder can replace content
// and index together, or make the cache forget: so what comes out of it must
// pass the same check as what comes from the network. Thread-safe.
class CollateralCache final {
 public:
  // Opens or makes the folder. Codes of ErrnoStatus().
  static absl::StatusOr<std::unique_ptr<CollateralCache>> Open(
      CollateralCacheOptions options);

  // What is kept under `key`, whatever its age. NOT_FOUND if nothing is,
  // DATA_LOSS if it is damaged.
  absl::StatusOr<CachedCollateral> Get(std::string_view key) const;

  // Age and number of what was last accepted under `key`, also when its content
  // was evicted since; nothing if there was nothing (or it was damaged).
  std::optional<CollateralFacts> Seen(std::string_view key) const;

  // Keeps `collateral`, which a check accepted and found `facts` about.
  // FAILED_PRECONDITION if that is older than what is kept (CheckNoRollback),
  // INVALID_ARGUMENT for a key that is none, RESOURCE_EXHAUSTED if the disk is
  // full or the content alone exceeds `max_bytes`. The oldest content goes if
  // there is too much.
  absl::Status Put(std::string_view key, const Collateral& collateral,
                   const CollateralFacts& facts);

  // Keys whose content is kept, sorted.
  std::vector<std::string> Keys() const;

 private:
  struct Entry;

  explicit CollateralCache(CollateralCacheOptions options);
  std::string IndexPath(std::string_view key) const;
  std::string ObjectPath(const std::string& digest) const;
  absl::StatusOr<Entry> ReadEntry(const std::string& path) const;
  absl::Status WriteEntry(const Entry& entry) const;
  absl::StatusOr<Bytes> ReadObject(const std::string& digest) const;
  absl::Status WriteObject(const std::string& digest,
                           std::span<const uint8_t> content) const;
  std::vector<Entry> AllEntries() const;
  void Evict(std::string_view kept_key) const;

  const CollateralCacheOptions options_;
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_COLLATERAL_COLLATERAL_CACHE_H_
