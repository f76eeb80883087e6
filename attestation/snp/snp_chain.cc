// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/snp_chain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "attestation/snp/snp_chain_cache.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/crl.h"
#include "crypto/der.h"

namespace constellation::attestation {
namespace {

using crypto::Certificate;
using crypto::RevocationList;
using Octets = std::span<const uint8_t>;

// 2.5.29.19 and 2.5.29.15: the critical extensions that are understood.
constexpr std::array<uint8_t, 3> kBasicConstraints = {0x55, 0x1d, 0x13};
constexpr std::array<uint8_t, 3> kKeyUsage = {0x55, 0x1d, 0x0f};
constexpr std::string_view kArkPrefix = "ARK-";
constexpr std::string_view kAskPrefix = "SEV-";
constexpr std::string_view kAsvkPrefix = "SEV-VLEK-";

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

// Quoted, for what may hold any octets.
std::string NameOf(const Certificate& certificate) {
  const std::optional<std::string> name = certificate.SubjectCommonName();
  if (!name.has_value()) {
    return "no common name";
  }
  const bool printable =
      std::ranges::all_of(*name, [](char c) { return c >= 0x20 && c < 0x7f; });
  return printable && name->size() <= 64
             ? fmt::format("\"{}\"", *name)
             : fmt::format("hex {}", HexEncode(AsBytes(*name)));
}

// "None was given" is a message of its own: the owner must fetch something,
// while a broken one was given.
absl::StatusOr<Certificate> Parse(Octets der) {
  if (der.empty()) {
    return InvalidArgument("none was given");
  }
  return Certificate::FromDer(der);
}

// RFC 5280 4.2: a critical extension that is not understood makes the
// certificate unusable.
absl::Status CheckCriticalExtensions(const Certificate& certificate) {
  for (const Certificate::Extension& extension : certificate.extensions()) {
    if (extension.critical &&
        !std::ranges::equal(extension.oid, kBasicConstraints) &&
        !std::ranges::equal(extension.oid, kKeyUsage)) {
      return InvalidArgument(
          fmt::format("critical extension {} is not understood",
                      crypto::DerOidText(extension.oid)));
    }
  }
  return absl::OkStatus();
}

// RFC 5280 section 6.1.4 (k) to (n): may sign certificates with `below` CAs
// under it.
absl::Status CheckAuthority(const Certificate& certificate, uint64_t below) {
  RETURN_IF_ERROR(CheckCriticalExtensions(certificate));
  if (!certificate.is_ca()) {
    return Unauthenticated("basic constraints do not say CA:TRUE");
  }
  if (certificate.path_length().value_or(below) < below) {
    return Unauthenticated("its path length allows no CA below it");
  }
  const uint16_t usage =
      certificate.key_usage().value_or(crypto::kKeyUsageCertSign);
  if ((usage & crypto::kKeyUsageCertSign) == 0) {
    return Unauthenticated("its key usage does not allow certificates");
  }
  return absl::OkStatus();
}

// The product in a common name behind `prefix`.
std::optional<SnpProduct> ProductBehind(const Certificate& certificate,
                                        std::string_view prefix) {
  const std::optional<std::string> name = certificate.SubjectCommonName();
  if (!name.has_value() || !name->starts_with(prefix)) {
    return std::nullopt;
  }
  const std::string_view rest = std::string_view(*name).substr(prefix.size());
  const std::optional<SnpProduct> product = SnpProductFromName(rest);
  return product.has_value() && ToString(*product) == rest ? product
                                                           : std::nullopt;
}

std::string TextOf(std::optional<SnpProduct> product) {
  return product.has_value() ? std::string(ToString(*product)) : "unknown";
}

// Name and signature: a key that AMD used for two CAs must not let one stand
// for the other.
absl::Status CheckIssued(const Certificate& certificate,
                         const Certificate& issuer) {
  if (!std::ranges::equal(certificate.issuer_name(), issuer.subject_name())) {
    return Unauthenticated(fmt::format("issuer is {}, not {}",
                                       certificate.Issuer(), issuer.Subject()));
  }
  return certificate.VerifySignedBy(issuer);
}

}  // namespace

// Holds what the checks share: everything parsed once.
class SnpChainChecker final {
 public:
  SnpChainChecker(const SnpEndorsements& endorsements,
                  const SnpChainOptions& options, absl::Time now,
                  bool will_be_kept)
      : options_(options),
        now_(now),
        will_be_kept_(will_be_kept),
        root_(Parse(endorsements.root)),
        intermediate_(Parse(endorsements.intermediate)),
        signer_(Parse(endorsements.signer)),
        facts_(signer_.ok() ? SnpSignerFactsUnverified::From(*signer_)
                            : signer_.status()),
        crl_der_(endorsements.crl) {}

  SnpChainVerification Run() {
    result_.checks.reserve(11);
    CheckRoot();
    CheckIntermediate();
    CheckSigner();
    CheckDates();
    CheckRevocation();
    CheckProduct();
    if (AllPassed(result_.checks)) {
      Finish();
    }
    return std::move(result_);
  }

 private:
  void Add(SnpCheckId id, bool passed, std::string expected, std::string got) {
    result_.checks.push_back({.id = id,
                              .expected = std::move(expected),
                              .got = std::move(got),
                              .passed = passed});
  }
  void Add(SnpCheckId id, const absl::Status& status, std::string expected) {
    Add(id, status.ok(), std::move(expected),
        status.ok() ? "as expected" : std::string(Message(status)));
  }

  // Three rows: is it shaped like an ARK, is its key pinned, is the rest of the
  // certificate its owner's word. Only the pin makes trust.
  void CheckRoot() {
    absl::Status status = root_.status();
    if (root_.ok()) {
      status = CheckAuthority(*root_, 1);
      if (status.ok() && !ProductBehind(*root_, kArkPrefix).has_value()) {
        status = Unauthenticated(fmt::format("it is {}", NameOf(*root_)));
      }
    }
    Add(SnpCheckId::kRootCertificate, status,
        "a CA named ARK- and Milan, Genoa or Turin");
    if (!root_.ok()) {
      Add(SnpCheckId::kRootPinned, false, "a root key that is trusted",
          "not available: no ARK certificate");
      Add(SnpCheckId::kRootSigned, false, "AMD's own or self-signed",
          "not available: no ARK certificate");
      return;
    }
    const crypto::Sha256Digest digest = root_->SpkiFingerprint();
    FindRoot(digest);
    Add(SnpCheckId::kRootPinned, pinned_.has_value(),
        "a root key that is built in or named by the policy",
        fmt::format("SHA-256 {} of its public key{}", HexEncode(digest),
                    !pinned_.has_value() ? ", trusted by nobody"
                    : root_is_built_in_  ? ", built in"
                                         : ", named by the policy"));
    CheckRootSignature();
  }

  // Built-in roots first, so that a policy which names AMD's root again does
  // not turn genuine hardware into a test machine.
  void FindRoot(const crypto::Sha256Digest& digest) {
    const auto same = [&digest](const SnpRoot& root) {
      return root.spki_sha256 == digest;
    };
    for (const auto roots : {BuiltInSnpRoots(), options_.more_roots}) {
      const auto found = std::ranges::find_if(roots, same);
      if (found != roots.end() && !pinned_.has_value()) {
        pinned_ = *found;
        root_is_built_in_ = roots.data() == BuiltInSnpRoots().data();
      }
    }
  }

  // The pin is on the key. That the rest of the certificate (dates, names) is
  // its owner's word is shown by the digest of the whole, or by its signature.
  void CheckRootSignature() {
    const bool known = pinned_.has_value() &&
                       pinned_->certificate_sha256 == root_->Fingerprint();
    Add(SnpCheckId::kRootSigned,
        known ? absl::OkStatus() : CheckIssued(*root_, *root_),
        "AMD's own or self-signed");
  }

  // The ASK's name tells its product and, by the prefix, which kind of signer
  // it may issue.
  void CheckIntermediate() {
    absl::Status status = intermediate_.status();
    if (intermediate_.ok()) {
      status = CheckAuthority(*intermediate_, 0);
      intermediate_product_ =
          ProductBehind(*intermediate_, IntermediatePrefix());
      if (status.ok() && !intermediate_product_.has_value()) {
        status =
            Unauthenticated(fmt::format("it is {}", NameOf(*intermediate_)));
      }
    }
    Add(SnpCheckId::kIntermediateCertificate, status,
        fmt::format("a CA named {} and Milan, Genoa or Turin",
                    IntermediatePrefix()));
    const std::string expected = "issued and signed by the ARK";
    if (!intermediate_.ok() || !root_.ok()) {
      Add(SnpCheckId::kIntermediateSigned, false, expected,
          "not available: no ASK or ARK certificate");
      return;
    }
    Add(SnpCheckId::kIntermediateSigned, CheckIssued(*intermediate_, *root_),
        expected);
  }

  // Only an ASVK issues VLEKs, and only an ASK VCEKs.
  std::string_view IntermediatePrefix() const {
    return facts_.ok() && facts_->kind == SnpSigningKey::kVlek ? kAsvkPrefix
                                                               : kAskPrefix;
  }

  // A leaf that is a CA could issue certificates of chips that do not exist;
  // P-384 is what reports are signed with.
  absl::Status JudgeSigner() {
    RETURN_IF_ERROR(facts_.status());
    RETURN_IF_ERROR(CheckCriticalExtensions(*signer_));
    if (signer_->is_ca()) {
      return Unauthenticated("it is a CA");
    }
    ASSIGN_OR_RETURN(const crypto::PublicKey key, signer_->Key());
    if (key.curve() != crypto::EcCurve::kP384) {
      return Unauthenticated("its key is not on P-384");
    }
    result_.signer = SnpSignerUnverified{.facts = *facts_, .key = key};
    return absl::OkStatus();
  }

  void CheckSigner() {
    Add(SnpCheckId::kSignerCertificate, JudgeSigner(),
        "a VCEK or VLEK with a P-384 key and AMD's extensions");
    const std::string expected =
        fmt::format("issued and signed by the {}",
                    IntermediatePrefix() == kAsvkPrefix ? "ASVK" : "ASK");
    if (!signer_.ok() || !intermediate_.ok()) {
      Add(SnpCheckId::kSignerSigned, false, expected,
          "not available: no signer's or ASK certificate");
      return;
    }
    Add(SnpCheckId::kSignerSigned, CheckIssued(*signer_, *intermediate_),
        expected);
  }

  // The common validity of everything seen, for caches: outside it the verdict
  // may be another one.
  void Narrow(absl::Time from, absl::Time until) {
    valid_from_ = std::max(valid_from_, from);
    valid_until_ = std::min(valid_until_, until);
  }

  // All dates at one instant, the verifier's clock: AMD's certificates live for
  // years, so no grace is given.
  void CheckDates() {
    std::vector<std::string> problems;
    for (const auto* certificate : {&root_, &intermediate_, &signer_}) {
      if (!certificate->ok()) {
        problems.emplace_back("a certificate is missing");
        continue;
      }
      const absl::Status status = (*certificate)->CheckValidAt(now_);
      if (!status.ok()) {
        problems.emplace_back(Message(status));
      }
      Narrow((*certificate)->NotBefore().value_or(absl::InfiniteFuture()),
             (*certificate)->NotAfter().value_or(absl::InfinitePast()));
    }
    Add(SnpCheckId::kCertificateDates, problems.empty(), "all valid now",
        problems.empty()
            ? fmt::format("valid from {} until {}", TimeText(valid_from_),
                          TimeText(valid_until_))
            : fmt::format("{}", fmt::join(problems, "; ")));
  }

  // The list must be the pinned root's own. Its dates count as well: an old
  // list hides what was revoked since.
  absl::Status JudgeList(const RevocationList& list) const {
    RETURN_IF_ERROR(root_.status());
    if (!std::ranges::equal(list.issuer_name(), root_->subject_name())) {
      return Unauthenticated(
          fmt::format("issuer is {}, not {}", list.Issuer(), root_->Subject()));
    }
    const uint16_t usage =
        root_->key_usage().value_or(crypto::kKeyUsageCrlSign);
    if ((usage & crypto::kKeyUsageCrlSign) == 0) {
      return Unauthenticated("the ARK's key usage does not allow lists");
    }
    ASSIGN_OR_RETURN(const crypto::PublicKey key, root_->Key());
    RETURN_IF_ERROR(list.VerifySignedBy(key));
    return list.CheckValidAt(now_);
  }

  // A list that is given is always checked, also if the policy does not demand
  // one: ignoring bad news would be the worse choice.
  void CheckRevocation() {
    const std::string expected = options_.crl_required
                                     ? "the ARK's, signed, valid now"
                                     : "if given, the ARK's, signed, valid now";
    const std::string not_listed = "neither ARK nor ASK is listed";
    if (crl_der_.empty()) {
      const bool required = options_.crl_required;
      const std::string none = required
                                   ? "none was given, the policy demands it"
                                   : "not checked: no list is given";
      Add(SnpCheckId::kRevocationList, !required, expected, none);
      result_.checks.back().checked = required;
      Add(SnpCheckId::kNotRevoked, !required, not_listed, none);
      result_.checks.back().checked = required;
      return;
    }
    const absl::StatusOr<RevocationList> list =
        RevocationList::FromDer(crl_der_);
    const absl::Status status = list.ok() ? JudgeList(*list) : list.status();
    Add(SnpCheckId::kRevocationList, status, expected);
    if (!list.ok() || !root_.ok() || !intermediate_.ok()) {
      Add(SnpCheckId::kNotRevoked, false, not_listed,
          "not available: no list, ARK or ASK");
      return;
    }
    CheckNotListed(*list, not_listed);
    crl_ = SnpCrlFacts{.this_update = list->ThisUpdate(),
                       .next_update = list->NextUpdate(),
                       .number = {}};
    if (const auto number = list->crl_number(); number.has_value()) {
      crl_->number.assign(number->begin(), number->end());
    }
    Narrow(list->ThisUpdate(),
           list->NextUpdate().value_or(absl::InfiniteFuture()));
  }

  // AMD's list is the ARK's and names CAs; single chips are not revoked by it
  // but by TCB floors.
  void CheckNotListed(const RevocationList& list, const std::string& expected) {
    const bool root = list.IsRevoked(root_->serial());
    const bool intermediate = list.IsRevoked(intermediate_->serial());
    Add(SnpCheckId::kNotRevoked, !root && !intermediate, expected,
        root || intermediate
            ? fmt::format(
                  "{} with serial number {} is revoked",
                  NameOf(root ? *root_ : *intermediate_),
                  HexEncode(root ? root_->serial() : intermediate_->serial()))
            : fmt::format("not among {} entries", list.revoked_count()));
  }

  // A Genoa ASK must not vouch for a Milan report: products have different
  // levels, and one of them may be broken.
  void CheckProduct() {
    const std::optional<SnpProduct> pinned =
        pinned_.has_value() ? std::optional(pinned_->product) : std::nullopt;
    const std::optional<SnpProduct> root =
        root_.ok() ? ProductBehind(*root_, kArkPrefix) : std::nullopt;
    const std::optional<SnpProduct> signer =
        facts_.ok() ? std::optional(facts_->product) : std::nullopt;
    Add(SnpCheckId::kChainProduct,
        pinned.has_value() && pinned == root &&
            pinned == intermediate_product_ && pinned == signer,
        "one product in all certificates",
        fmt::format("root key {}, ARK {}, ASK {}, signer {}", TextOf(pinned),
                    TextOf(root), TextOf(intermediate_product_),
                    TextOf(signer)));
  }

  // Preparing the key (tables for its curve) pays only if it is used again.
  void Finish() {
    if (will_be_kept_) {
      result_.signer->key = result_.signer->key.Prepared();
    }
    VerifiedSnpChain chain(*signer_, result_.signer->key, *facts_);
    chain.root_spki_ = pinned_->spki_sha256;
    chain.root_is_built_in_ = root_is_built_in_;
    chain.crl_ = crl_;
    chain.valid_from_ = valid_from_;
    chain.valid_until_ = valid_until_;
    result_.chain = std::make_shared<const VerifiedSnpChain>(std::move(chain));
  }

  const SnpChainOptions& options_;
  const absl::Time now_;
  const bool will_be_kept_;  // worth preparing its key
  const absl::StatusOr<Certificate> root_;
  const absl::StatusOr<Certificate> intermediate_;
  const absl::StatusOr<Certificate> signer_;
  const absl::StatusOr<SnpSignerFactsUnverified> facts_;
  const Octets crl_der_;
  std::optional<SnpRoot> pinned_;
  bool root_is_built_in_ = false;
  std::optional<SnpProduct> intermediate_product_;
  std::optional<SnpCrlFacts> crl_;
  absl::Time valid_from_ = absl::InfinitePast();
  absl::Time valid_until_ = absl::InfiniteFuture();
  SnpChainVerification result_;
};

SnpEndorsements SelectSnpEndorsements(
    std::span<const Certificate> certificates) {
  const auto first = [certificates](auto fits) -> Octets {
    for (const Certificate& certificate : certificates) {
      if (fits(certificate.SubjectCommonName().value_or(""))) {
        return certificate.der();
      }
    }
    return {};
  };
  const auto named = [&first](std::string_view wanted) {
    return first([wanted](const std::string& name) { return name == wanted; });
  };
  SnpEndorsements found;
  found.signer = named("SEV-VCEK");
  const bool vcek = !found.signer.empty();
  if (!vcek) {
    found.signer = named("SEV-VLEK");
  }
  const bool any = found.signer.empty();
  found.intermediate = first([vcek, any](const std::string& name) {
    const bool asvk = name.starts_with(kAsvkPrefix);
    const bool signer = name == "SEV-VCEK" || name == "SEV-VLEK";
    return name.starts_with(kAskPrefix) && !signer && (any || asvk != vcek);
  });
  found.root = first(
      [](const std::string& name) { return name.starts_with(kArkPrefix); });
  return found;
}

// The cache is asked with everything that could change the verdict, and
// refusals are never kept.
SnpChainVerification CheckSnpChain(const SnpEndorsements& endorsements,
                                   const SnpChainOptions& options,
                                   absl::Time now, SnpChainCache* cache) {
  if (cache == nullptr) {
    return SnpChainChecker(endorsements, options, now, false).Run();
  }
  const crypto::Sha256Digest key = SnpChainCache::KeyOf(endorsements, options);
  if (std::optional<SnpChainVerification> known = cache->Find(key, now)) {
    return *std::move(known);
  }
  SnpChainVerification result =
      SnpChainChecker(endorsements, options, now, true).Run();
  cache->Insert(key, result);
  return result;
}

}  // namespace constellation::attestation
