// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/snp_policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

#include "common/status.h"

namespace constellation::attestation {
namespace {

using Octets = std::span<const uint8_t>;

// Makes the rows of one report and one policy.
class Appraiser final {
 public:
  Appraiser(const VerifiedSnpReport& verified, const SnpPolicy& policy)
      : verified_(verified), report_(verified.report()), policy_(policy) {}

  std::vector<SnpPolicyCheck> Run(Octets report_data) {
    checks_.reserve(64);
    CheckChain();
    CheckTcb();
    CheckGuestPolicy();
    CheckPlatform();
    CheckGuest(report_data);
    CheckIdentity();
    CheckMitigations();
    return std::move(checks_);
  }

 private:
  // `reason` is what went wrong and what to do about it.
  void Add(std::string name, bool passed, std::string expected, std::string got,
           std::string reason) {
    checks_.push_back({.name = std::move(name),
                       .expected = std::move(expected),
                       .got = std::move(got),
                       .passed = passed,
                       .reason = passed ? std::string() : std::move(reason)});
  }
  std::string InProfile() const {
    return fmt::format(" in profile {}", policy_.profile);
  }

  // A list that is empty demands nothing.
  template <typename Value, typename Text>
  void CheckList(std::string_view name, const std::vector<Value>& allowed,
                 const Value& value, std::string_view option, Text text) {
    if (allowed.empty()) {
      return;
    }
    std::vector<std::string> texts;
    for (const Value& one : allowed) {
      texts.push_back(text(one));
    }
    Add(std::string(name), std::ranges::find(allowed, value) != allowed.end(),
        fmt::format("one of {}", fmt::join(texts, ", ")), text(value),
        fmt::format("{} {} is not expected: run what the profile names, or add "
                    "it to `{}`{}",
                    name, text(value), option, InProfile()));
  }
  template <size_t kSize>
  void CheckDigest(std::string_view name,
                   const std::vector<std::array<uint8_t, kSize>>& allowed,
                   const std::array<uint8_t, kSize>& value,
                   std::string_view option) {
    CheckList(name, allowed, value, option,
              [](const std::array<uint8_t, kSize>& octets) {
                return HexEncode(octets);
              });
  }

  // Asked again here although the chain was verified: the report may have been
  // verified with the options of another policy.
  void CheckChain() {
    const VerifiedSnpChain& chain = verified_.chain();
    const auto named = [&chain](const SnpRoot& root) {
      return root.spki_sha256 == chain.root_spki_sha256();
    };
    const bool root_known = chain.root_is_built_in() ||
                            std::ranges::any_of(policy_.more_roots, named);
    Add("root", root_known, "AMD's or one of `insecureRoots`",
        fmt::format("{} {}", chain.root_is_built_in() ? "AMD's" : "another",
                    HexEncode(chain.root_spki_sha256())),
        fmt::format("the chain ends at a root that nobody trusts: only a test "
                    "names it in `insecureRoots`{}",
                    InProfile()));
    if (policy_.require_revocation_list) {
      Add("revocation list", chain.crl().has_value(), "given and checked",
          chain.crl().has_value() ? "given and checked" : "none",
          fmt::format("no revocation list was given: fetch it with the "
                      "certificates, or drop `requireRevocationList`{}",
                      InProfile()));
    }
    const bool vlek = verified_.signer() == SnpSigningKey::kVlek;
    Add("signer", !vlek || policy_.allow_vlek,
        policy_.allow_vlek ? "VCEK or VLEK" : "VCEK",
        ToString(verified_.signer()),
        fmt::format("a key of the cloud provider signed, not one of the chip: "
                    "set `allowVlek`{} if you trust the provider's use of it",
                    InProfile()));
    if (vlek) {
      CheckList("provider", policy_.csp_ids, chain.facts().csp_id.value_or(""),
                "cspIds", [](const std::string& id) { return id; });
    }
  }

  // Each of the four TCB levels has its own meaning (AMD 56860, TCB_VERSION):
  // all must reach the floor unless the policy has one for it alone.
  void CheckTcb() {
    const auto floors = policy_.products.find(verified_.product());
    std::vector<std::string_view> products;
    for (const auto& [product, unused] : policy_.products) {
      products.push_back(ToString(product));
    }
    const std::string_view product = ToString(verified_.product());
    Add("product", floors != policy_.products.end(),
        products.empty() ? "a product that the policy names"
                         : fmt::format("{}", fmt::join(products, " or ")),
        std::string(product),
        products.empty()
            ? fmt::format("the policy names no product: add `products.{}`{}",
                          product, InProfile())
            : fmt::format("product {} is not allowed: use another kind of "
                          "machine, or add `products.{}`{}",
                          product, product, InProfile()));
    if (floors == policy_.products.end()) {
      return;
    }
    const SnpTcbFloors& given = floors->second;
    CheckFloor("reported TCB", verified_.reported_tcb(), given.reported, given,
               "minimumReportedTCB");
    CheckFloor("current TCB", verified_.current_tcb(), given.current, given,
               "minimumCurrentTCB");
    CheckFloor("committed TCB", verified_.committed_tcb(), given.committed,
               given, "minimumCommittedTCB");
    CheckFloor("launch TCB", verified_.launch_tcb(), given.launch, given,
               "minimumLaunchTCB");
    CheckFirmware();
  }

  // Level by level: there is no order of two TCBs as a whole, and a high
  // microcode must not make up for an old boot loader.
  void CheckFloor(std::string_view name, const SnpTcb& tcb,
                  const std::optional<SnpTcbFloor>& own,
                  const SnpTcbFloors& floors, std::string_view own_option) {
    const SnpTcbFloor& floor = own.has_value() ? *own : floors.minimum;
    const std::string_view option = own.has_value() ? own_option : "minimumTCB";
    if (tcb.fmc.has_value()) {
      CheckPart(name, "fmc", *tcb.fmc, floor.fmc, option, "fmc");
    } else if (floor.fmc.has_value()) {
      Add(fmt::format("{} fmc", name), false, "no floor: only Turin has an fmc",
          fmt::format("{}", *floor.fmc),
          fmt::format("{} has no fmc: remove `{}.fmc`{}",
                      ToString(verified_.product()), option, InProfile()));
    }
    CheckPart(name, "boot loader", tcb.boot_loader, floor.boot_loader, option,
              "bootLoader");
    CheckPart(name, "tee", tcb.tee, floor.tee, option, "tee");
    CheckPart(name, "snp", tcb.snp, floor.snp, option, "snp");
    CheckPart(name, "microcode", tcb.microcode, floor.microcode, option,
              "microcode");
  }

  // A part without floor is the policy's error. Taking it as zero would turn
  // forgetfulness into consent.
  void CheckPart(std::string_view name, std::string_view part, uint8_t level,
                 std::optional<uint8_t> floor, std::string_view option,
                 std::string_view member) {
    std::string row = fmt::format("{} {}", name, part);
    if (!floor.has_value()) {
      Add(row, false, "a floor", fmt::format("{}", level),
          fmt::format("the policy has no floor for {}: set `{}.{}`{}, it is "
                      "never taken as zero",
                      row, option, member, InProfile()));
      return;
    }
    Add(row, level >= *floor, fmt::format(">= {}", *floor),
        fmt::format("{}", level),
        fmt::format("{} {} < {}: update the host's firmware or lower `{}.{}`{}",
                    row, level, *floor, option, member, InProfile()));
  }

  // Current and committed: a host that may still go back behind the committed
  // version can do so after the guest started.
  void CheckFirmware() {
    if (!policy_.minimum_firmware.has_value()) {
      return;
    }
    const std::pair<std::string_view, SnpFirmwareVersion> versions[] = {
        {"current firmware", report_.current_version},
        {"committed firmware", report_.committed_version}};
    for (const auto& [name, version] : versions) {
      Add(std::string(name), version >= *policy_.minimum_firmware,
          fmt::format(">= {}", ToString(*policy_.minimum_firmware)),
          ToString(version),
          fmt::format("{} {} < {}: update the host's firmware or lower "
                      "`minimumFirmware`{}",
                      name, ToString(version),
                      ToString(*policy_.minimum_firmware), InProfile()));
    }
  }

  // A bit that must have `wanted` if `demanded`.
  void CheckBit(bool demanded, std::string_view name, bool wanted, bool got,
                std::string_view cause, std::string_view fix) {
    if (!demanded) {
      return;
    }
    Add(std::string(name), wanted == got, wanted ? "yes" : "no",
        got ? "yes" : "no", fmt::format("{}: {}{}", cause, fix, InProfile()));
  }

  // GUEST_POLICY is what the owner fixed at launch; the firmware enforces it
  // for the guest's whole life.
  void CheckGuestPolicy() {
    const SnpGuestPolicy& guest = report_.policy;
    CheckBit(!policy_.insecure_allow_debug, "debugging allowed", false,
             guest.debug_allowed(),
             "the host may read and write the guest's memory",
             "launch the guest without the debug bit, or set "
             "`insecureAllowDebug`");
    CheckBit(!policy_.allow_migration_agent, "migration agent allowed", false,
             guest.migration_agent_allowed(),
             "a migration agent may move the guest's memory to another machine",
             "launch the guest without the bit, or set `allowMigrationAgent`");
    CheckBit(policy_.require_smt_forbidden, "SMT allowed", false,
             guest.smt_allowed(), "the guest may run on a host with SMT",
             "launch the guest without the bit, or drop `requireSmtForbidden`");
    CheckBit(policy_.require_single_socket, "single socket only", true,
             guest.single_socket_only(),
             "the guest may run on a host with more sockets",
             "launch the guest with the bit, or drop `requireSingleSocket`");
    CheckBit(policy_.require_cxl_forbidden, "CXL allowed", false,
             guest.cxl_allowed(), "the guest may get memory behind CXL",
             "launch the guest without the bit, or drop `requireCxlForbidden`");
    CheckBit(policy_.require_aes256_xts, "AES-256-XTS required", true,
             guest.aes256_xts_required(),
             "the guest's memory may be encrypted with AES-128",
             "launch the guest with the bit, or drop `requireAes256Xts`");
    CheckBit(policy_.require_rapl_off, "RAPL off required", true,
             guest.rapl_must_be_off(),
             "the host may measure the guest's power consumption",
             "launch the guest with the bit, or drop `requireRaplOff`");
    CheckBit(policy_.require_ciphertext_hiding, "ciphertext hiding required",
             true, guest.ciphertext_hiding_required(),
             "the host may read the guest's encrypted memory",
             "launch the guest with the bit, or drop "
             "`requireCiphertextHiding`");
    CheckBit(policy_.require_page_swap_disabled, "page swap disabled", true,
             guest.page_swap_disabled(),
             "the host may move and swap the guest's pages",
             "launch the guest with the bit, or drop "
             "`requirePageSwapDisabled`");
    CheckAbi();
  }

  // The guest's own minimum: below it the firmware would have refused the
  // launch.
  void CheckAbi() {
    if (!policy_.minimum_abi.has_value()) {
      return;
    }
    const SnpAbiVersion abi{.major = report_.policy.abi_major(),
                            .minor = report_.policy.abi_minor()};
    const SnpAbiVersion& minimum = *policy_.minimum_abi;
    Add("guest policy ABI", abi >= minimum,
        fmt::format(">= {}.{}", minimum.major, minimum.minor),
        fmt::format("{}.{}", abi.major, abi.minor),
        fmt::format("guest policy ABI {}.{} < {}.{}: launch the guest with a "
                    "higher minimum, or lower `minimumAbi`{}",
                    abi.major, abi.minor, minimum.major, minimum.minor,
                    InProfile()));
  }

  // PLATFORM_INFO is the state now; it may change without the guest noticing,
  // so bits of the guest policy are the better demand.
  void CheckPlatform() {
    const SnpPlatformInfo& info = report_.platform_info;
    CheckBit(policy_.require_platform_smt_off, "platform SMT", false,
             info.smt_enabled(), "SMT is on",
             "switch it off in the host's firmware, or drop "
             "`requirePlatformSmtOff`");
    CheckBit(policy_.require_platform_tsme, "platform TSME", true,
             info.tsme_enabled(), "memory of the host is not encrypted",
             "switch TSME on in the host's firmware, or drop "
             "`requirePlatformTsme`");
    CheckBit(policy_.require_platform_ecc, "platform ECC", true,
             info.ecc_enabled(), "memory has no error correction",
             "use a host with ECC memory, or drop `requirePlatformEcc`");
    CheckBit(policy_.require_platform_rapl_off, "platform RAPL off", true,
             info.rapl_off(), "the host can measure power consumption",
             "switch RAPL off in the host's firmware, or drop "
             "`requirePlatformRaplOff`");
    CheckBit(policy_.require_platform_ciphertext_hiding,
             "platform ciphertext hiding", true, info.ciphertext_hiding(),
             "ciphertext hiding is off",
             "switch it on in the host's firmware, or drop "
             "`requirePlatformCiphertextHiding`");
    CheckBit(policy_.require_platform_alias_check, "platform alias check", true,
             info.alias_check_complete(),
             "the firmware has not checked memory for aliases",
             "update the host's firmware, or drop `requirePlatformAliasCheck`");
    CheckBit(policy_.require_platform_tio_off, "platform TIO", false,
             info.tio_enabled(), "trusted I/O is on",
             "switch it off in the host's firmware, or drop "
             "`requirePlatformTioOff`");
  }

  // What runs and for whom. Empty lists of measurements and VMPLs are errors of
  // the policy, not "anything goes".
  void CheckGuest(Octets report_data) {
    if (!policy_.insecure_any_measurement) {
      if (policy_.measurements.empty()) {
        Add("measurement", false, "a measurement that the policy names",
            HexEncode(report_.measurement),
            fmt::format("the policy names no measurement: predict it from the "
                        "image and add it to `measurements`{}",
                        InProfile()));
      }
      CheckDigest("measurement", policy_.measurements, report_.measurement,
                  "measurements");
    }
    if (policy_.vmpls.empty()) {
      Add("VMPL", false, "a level that the policy names",
          fmt::format("{}", report_.vmpl),
          fmt::format("the policy names no VMPL: set `vmpls`{}, 0 is the most "
                      "privileged",
                      InProfile()));
    }
    CheckList("VMPL", policy_.vmpls, report_.vmpl, "vmpls",
              [](uint32_t vmpl) { return fmt::format("{}", vmpl); });
    Add("guest SVN", report_.guest_svn >= policy_.minimum_guest_svn,
        fmt::format(">= {}", policy_.minimum_guest_svn),
        fmt::format("{}", report_.guest_svn),
        fmt::format("guest SVN {} < {}: launch a newer guest or lower "
                    "`minimumGuestSvn`{}",
                    report_.guest_svn, policy_.minimum_guest_svn, InProfile()));
    if (!report_data.empty()) {
      Add("report data", std::ranges::equal(report_data, report_.report_data),
          HexEncode(report_data), HexEncode(report_.report_data),
          "the report was made for something else: it is old, or somebody "
          "relays it; ask for fresh evidence");
    }
    CheckDigest("host data", policy_.host_data, report_.host_data, "hostData");
    CheckDigest("family ID", policy_.family_ids, report_.family_id,
                "familyIds");
    CheckDigest("image ID", policy_.image_ids, report_.image_id, "imageIds");
    CheckDigest("ID key digest", policy_.id_key_digests, report_.id_key_digest,
                "idKeyDigests");
    if (!policy_.author_key_digests.empty()) {
      CheckBit(true, "author key", true, report_.author_key_enabled,
               "no author key vouches for the guest's ID key",
               "launch the guest with one, or empty `authorKeyDigests`");
      CheckDigest("author key digest", policy_.author_key_digests,
                  report_.author_key_digest, "authorKeyDigests");
    }
  }

  // Which chip. With a VLEK there is none to name; a list of chips then refuses
  // it.
  void CheckIdentity() {
    if (verified_.chip_id().has_value()) {
      CheckBit(!policy_.allow_masked_chip_id, "chip ID masked", false,
               report_.chip_id_is_masked(),
               "the host hides which chip the guest runs on",
               "have the host's owner unmask it, or set `allowMaskedChipId`");
    }
    CheckList("chip ID", policy_.chip_ids,
              verified_.chip_id().value_or(Bytes()), "chipIds",
              [](const Bytes& id) {
                return id.empty() ? "none (VLEK)" : HexEncode(id);
              });
  }

  // A set bit says that a mitigation was on at launch, or is on now. Reports
  // before version 5 have none: demanding one refuses them.
  void CheckMitigations() {
    const std::tuple<std::string_view, uint64_t, uint64_t, std::string_view>
        vectors[] = {
            {"launch mitigations", policy_.required_launch_mitigations,
             report_.launch_mitigations, "requiredLaunchMitigations"},
            {"current mitigations", policy_.required_current_mitigations,
             report_.current_mitigations, "requiredCurrentMitigations"}};
    for (const auto& [name, required, got, option] : vectors) {
      if (required == 0) {
        continue;
      }
      Add(std::string(name), (got & required) == required,
          fmt::format("the bits of {:#x}", required), fmt::format("{:#x}", got),
          fmt::format("{} lack {:#x}: update the host's firmware (reports "
                      "before version 5 have none) or lower `{}`{}",
                      name, required & ~got, option, InProfile()));
    }
  }

  const VerifiedSnpReport& verified_;
  const SnpReportUnverified& report_;
  const SnpPolicy& policy_;
  std::vector<SnpPolicyCheck> checks_;
};

}  // namespace

SnpChainOptions ChainOptionsOf(const SnpPolicy& policy) {
  return {.more_roots = policy.more_roots,
          .crl_required = policy.require_revocation_list};
}

std::vector<SnpPolicyCheck> AppraiseSnp(const VerifiedSnpReport& verified,
                                        const SnpPolicy& policy,
                                        Octets report_data) {
  return Appraiser(verified, policy).Run(report_data);
}

// No rows at all is a refusal, too.
absl::Status ToStatus(const std::vector<SnpPolicyCheck>& checks) {
  std::vector<std::string_view> reasons;
  for (const SnpPolicyCheck& check : checks) {
    if (!check.passed) {
      reasons.push_back(check.reason);
    }
  }
  if (reasons.empty() && !checks.empty()) {
    return absl::OkStatus();
  }
  return PermissionDenied(
      fmt::format("SNP policy: {}", fmt::join(reasons, "; ")));
}

}  // namespace constellation::attestation
