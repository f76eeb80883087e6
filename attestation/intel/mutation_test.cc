// SPDX-License-Identifier: Apache-2.0
// Bytes of genuine evidence, changed in one bit each: nothing that is signed or
// compared may differ and still be accepted, and a refusal is a row, never a
// crash. The few changes that mean nothing are told apart by what the bytes
// say, not by where they stand.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "attestation/intel/quote_verifier.h"
#include "attestation/intel/testing/intel_vectors.h"
#include "attestation/intel/testing/synthetic.h"
#include "attestation/testing/vectors.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::FailedChecks;
using ::constellation::testing::FindIntelCollateral;
using ::constellation::testing::IntelCollateralSet;
using ::constellation::testing::Intersect;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::Middle;
using ::constellation::testing::ProductionAnchors;
using ::constellation::testing::ReadVector;
using ::constellation::testing::VectorsFolder;
using ::constellation::testing::VectorWindow;

// A quote of the vectors that is accepted with a set of collateral.
struct Genuine {
  std::string name;
  Bytes quote;
  IntelCollateralSet set;
  absl::Time now;
};

std::vector<Genuine> AllGenuine() {
  std::vector<Genuine> all;
  for (const auto& entry : testing::IntelQuoteEntries()) {
    for (const auto& [name, want] :
         entry["expect"]["tcb_status_by_collateral"].items()) {
      auto set = FindIntelCollateral(name);
      const auto window =
          set.has_value() && want.contains("verify_time_window")
              ? Intersect(VectorWindow(want["verify_time_window"]), set->window)
              : std::nullopt;
      if (!window.has_value() ||
          want["final"].get<std::string>().starts_with("NotSupported")) {
        continue;
      }
      all.push_back({.name = entry["path"].get<std::string>(),
                     .quote = ReadVector(entry["path"].get<std::string>()),
                     .set = *std::move(set),
                     .now = Middle(*window)});
      break;  // one set is enough for each
    }
  }
  return all;
}

bool Accepts(const Bytes& quote, const IntelCollateral& parts, absl::Time now) {
  const auto collateral = CheckIntelCollateral(parts, ProductionAnchors(), now);
  if (!collateral.collateral.has_value()) {
    EXPECT_FALSE(FailedChecks(collateral.checks).empty());
    return false;
  }
  const auto result = CheckIntelQuote(quote, *collateral.collateral,
                                      ProductionAnchors(), {.now = now});
  EXPECT_EQ(result.quote.has_value(), FailedChecks(result.checks).empty());
  return result.quote.has_value();
}

// Which bit of byte `i` to change: all of them over the run, none twice nearby.
uint8_t BitOf(size_t i) {
  return static_cast<uint8_t>(1U << (i / 2 * 5 % 8));
}

// Whether two texts hold the same certificates.
bool SameCertificates(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  const auto first = ParseCertificatesUnverified(a);
  const auto second = ParseCertificatesUnverified(b);
  return first.ok() && second.ok() &&
         std::ranges::equal(*first, *second, {}, &crypto::Certificate::der,
                            &crypto::Certificate::der);
}

// Whether two quotes say the same in all that is signed or compared.
bool SameQuote(const Bytes& a, const Bytes& b) {
  const auto first = ParseIntelQuoteUnverified(a);
  const auto second = ParseIntelQuoteUnverified(b);
  const auto whole = [](const Bytes& bytes, std::span<const uint8_t> tail) {
    return std::span<const uint8_t>(bytes).first(
        static_cast<size_t>(tail.data() - bytes.data()));
  };
  return first.ok() && second.ok() &&
         std::ranges::equal(whole(a, first->certification_data),
                            whole(b, second->certification_data)) &&
         SameCertificates(first->certification_data,
                          second->certification_data);
}

// Whether two documents say the same: text and signature.
bool SameDocument(const std::string& a, const std::string& b,
                  std::string_view name) {
  const auto first = ParseSignedJsonUnverified(a, name);
  const auto second = ParseSignedJsonUnverified(b, name);
  return first.ok() && second.ok() && first->body == second->body &&
         first->signature == second->signature;
}

class MutationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!VectorsFolder().has_value()) {
      GTEST_SKIP() << kNoVectors;
    }
    genuine_ = AllGenuine();
    ASSERT_GT(genuine_.size(), 8U);
  }
  std::vector<Genuine> genuine_;
};

TEST_F(MutationTest, Quotes) {
  int mutants = 0;
  size_t first =
      0;  // every other byte: odd ones of one quote, even of the next
  for (const Genuine& one : genuine_) {
    SCOPED_TRACE(one.name);
    first ^= 1U;
    const auto collateral =
        CheckIntelCollateral(one.set.collateral, ProductionAnchors(), one.now)
            .collateral.value();
    Bytes quote = one.quote;
    const auto end =
        quote.size() - ParseIntelQuoteUnverified(quote).value().trailing.size();
    for (size_t i = first; i < end; i += 2) {
      quote[i] ^= BitOf(i);
      const auto result = CheckIntelQuote(
          quote, collateral, ProductionAnchors(), {.now = one.now});
      if (result.quote.has_value()) {
        EXPECT_TRUE(SameQuote(one.quote, quote)) << "byte " << i;
      } else {
        EXPECT_FALSE(FailedChecks(result.checks).empty());
      }
      quote[i] = one.quote[i];
      ++mutants;
    }
  }
  EXPECT_GT(mutants, 20000);
}

// The same with a cache that knows the genuine one.
TEST_F(MutationTest, QuotesWithWarmCache) {
  const Genuine& one = genuine_.front();
  const auto collateral =
      CheckIntelCollateral(one.set.collateral, ProductionAnchors(), one.now)
          .collateral.value();
  IntelVerificationCache cache;
  const IntelVerificationOptions options = {.now = one.now, .cache = &cache};
  Bytes quote = one.quote;
  ASSERT_TRUE(CheckIntelQuote(quote, collateral, ProductionAnchors(), options)
                  .quote.has_value());
  for (size_t i = 0; i < quote.size(); ++i) {
    quote[i] ^= BitOf(i + 3);
    if (CheckIntelQuote(quote, collateral, ProductionAnchors(), options)
            .quote.has_value()) {
      EXPECT_TRUE(SameQuote(one.quote, quote)) << "byte " << i;
    }
    quote[i] = one.quote[i];
  }
}

TEST_F(MutationTest, TruncatedAndExtendedQuotes) {
  const Genuine& one = genuine_.front();
  const auto end = one.quote.size() -
                   ParseIntelQuoteUnverified(one.quote).value().trailing.size();
  for (size_t size = 0; size < end; size += 3) {
    const Bytes cut(one.quote.begin(),
                    one.quote.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_FALSE(Accepts(cut, one.set.collateral, one.now)) << size;
  }
  Bytes longer = one.quote;
  longer.push_back(0x5a);
  EXPECT_TRUE(Accepts(longer, one.set.collateral, one.now));
}

TEST_F(MutationTest, Documents) {
  for (const size_t which : {size_t{0}, genuine_.size() - 1}) {
    const Genuine& one = genuine_.at(which);
    SCOPED_TRACE(one.set.name);
    IntelCollateral parts = one.set.collateral;
    for (size_t i = 0; i < parts.tcb_info.size(); ++i) {
      parts.tcb_info[i] = static_cast<char>(parts.tcb_info[i] ^ BitOf(i));
      if (Accepts(one.quote, parts, one.now)) {
        EXPECT_TRUE(SameDocument(one.set.collateral.tcb_info, parts.tcb_info,
                                 "tcbInfo"))
            << i;
      }
      parts.tcb_info[i] = one.set.collateral.tcb_info[i];
    }
    std::string& identity = parts.enclave_identity;
    for (size_t i = 0; i < identity.size(); ++i) {
      identity[i] = static_cast<char>(identity[i] ^ BitOf(i));
      if (Accepts(one.quote, parts, one.now)) {
        EXPECT_TRUE(SameDocument(one.set.collateral.enclave_identity, identity,
                                 "enclaveIdentity"))
            << i;
      }
      identity[i] = one.set.collateral.enclave_identity[i];
    }
  }
}

TEST_F(MutationTest, RevocationLists) {
  const Genuine& one = genuine_.front();
  IntelCollateral parts = one.set.collateral;
  ASSERT_TRUE(Accepts(one.quote, parts, one.now));
  for (Bytes* const list : {&parts.pck_crl, &parts.root_crl}) {
    for (size_t i = 0; i < list->size(); ++i) {
      (*list)[i] ^= BitOf(i);
      EXPECT_FALSE(Accepts(one.quote, parts, one.now)) << i;
      (*list)[i] ^= BitOf(i);
    }
  }
}

TEST_F(MutationTest, SigningChain) {
  const Genuine& one = genuine_.front();
  IntelCollateral parts = one.set.collateral;
  std::string& chain = parts.tcb_signing_chain;
  const std::string good = chain;
  for (size_t i = 0; i < chain.size(); ++i) {
    chain[i] = static_cast<char>(chain[i] ^ BitOf(i));
    // A root that is no longer there is not needed: compare what is left.
    if (Accepts(one.quote, parts, one.now)) {
      const auto before = ParseCertificatesUnverified(AsBytes(good)).value();
      const auto after = ParseCertificatesUnverified(AsBytes(chain)).value();
      for (const crypto::Certificate& certificate : after) {
        EXPECT_TRUE(std::ranges::any_of(before,
                                        [&](const crypto::Certificate& known) {
                                          return known.der() ==
                                                 certificate.der();
                                        }))
            << i;
      }
    }
    chain[i] = good[i];
  }
}

}  // namespace
}  // namespace constellation::attestation
