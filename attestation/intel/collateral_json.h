// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_INTEL_COLLATERAL_JSON_H_
#define CONSTELLATION_ATTESTATION_INTEL_COLLATERAL_JSON_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attestation/intel/json_scanner.h"
#include "attestation/intel/tcb_status.h"

// What the JSON documents of Intel's Provisioning Certification Service have in
// common. All functions: INVALID_ARGUMENT for anything else than documented.
namespace constellation::attestation {

// Bounds of a document and of its lists; real ones are below 10 kB. What is
// read from a document takes at most four times its size in memory.
inline constexpr size_t kMaxCollateralJsonSize = size_t{64} << 10U;
inline constexpr size_t kMaxTcbLevels = 128;
inline constexpr size_t kMaxModuleIdentities = 32;
inline constexpr size_t kMaxAdvisories = 128;

// {"<name>":{...},"signature":"<128 hex digits>"}. The view points into the
// text.
struct SignedJsonUnverified {
  std::string_view body;  // the inner object, exactly as it was signed
  std::array<uint8_t, 64> signature{};  // r, s: 32 each, big-endian
};

// Finds the inner object's place in `text`, at most 64 KiB: both keys in any
// order and no other, nothing behind the document. `read_body` reads exactly
// the inner object; its error is passed on.
absl::StatusOr<SignedJsonUnverified> ParseSignedJsonUnverified(
    std::string_view text, std::string_view name,
    absl::FunctionRef<absl::Status(JsonScanner&)> read_body);
// The same; the inner object is scanned to its end, not interpreted.
absl::StatusOr<SignedJsonUnverified> ParseSignedJsonUnverified(
    std::string_view text, std::string_view name);

// "2025-02-26T10:37:20Z" (RFC 3339, UTC, whole seconds; a date that exists).
absl::StatusOr<absl::Time> ParseCollateralTime(std::string_view text);

// A string of exactly 2 * to.size() hex digits of either case.
absl::Status ReadHex(JsonScanner& scanner, std::span<uint8_t> to);
// A string as in ParseCollateralTime().
absl::StatusOr<absl::Time> ReadTime(JsonScanner& scanner);
// A status that collateral may state.
absl::StatusOr<TcbStatus> ReadTcbStatus(JsonScanner& scanner);
// Names such as "INTEL-SA-00837": 8 to 32 characters each.
absl::StatusOr<std::vector<std::string>> ReadAdvisories(JsonScanner& scanner);

// A level of a module or an enclave.
struct IsvSvnLevel {
  uint16_t isv_svn = 0;
  absl::Time tcb_date;
  TcbStatus status{};
  std::vector<std::string> advisories;
};

// [{"tcb":{"isvsvn":N},"tcbDate":...,"tcbStatus":...,"advisoryIDs":[...]}...]
absl::StatusOr<std::vector<IsvSvnLevel>> ReadIsvSvnLevels(JsonScanner& scanner);
// The first level that `isv_svn` reaches, or nullptr.
const IsvSvnLevel* FindIsvSvnLevel(const std::vector<IsvSvnLevel>& levels,
                                   uint16_t isv_svn);

// Which of an object's known keys were there. Not thread-safe.
class FieldSet final {
 public:
  // At most 32 names; they must outlive the set.
  explicit FieldSet(std::span<const std::string_view> names) : names_(names) {}
  // Position of `key` among the names, which counts as seen from now on;
  // names.size() for an unknown one.
  size_t See(std::string_view key);
  // Whether the name at `index` was seen.
  bool Has(size_t index) const { return (seen_ >> index & 1U) != 0; }
  // OK if the first `count` names were seen; names the first missing one.
  absl::Status RequireFirst(size_t count, std::string_view object) const;

 private:
  std::span<const std::string_view> names_;
  uint32_t seen_ = 0;
};

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_INTEL_COLLATERAL_JSON_H_
