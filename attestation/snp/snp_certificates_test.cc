// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/snp_certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "attestation/snp/testing/test_platform.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using testing::TestSnpKeys;
using testing::TestSnpPlatform;

namespace ct = crypto::testing;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

// Facts of a certificate after `change` of its extensions.
absl::StatusOr<SnpSignerFactsUnverified> FactsWith(
    const std::function<void(std::vector<ct::TestExtension>&)>& change,
    SnpProduct product = SnpProduct::kMilan,
    SnpSigningKey kind = SnpSigningKey::kVcek) {
  TestSnpPlatform platform = TestSnpPlatform::Create(product, kind);
  change(platform.signer.extensions);
  const TestSnpKeys& keys = TestSnpKeys::Shared();
  return SnpSignerFactsUnverified::From(
      crypto::Certificate::FromDer(
          ct::MakeCertificate(platform.signer, keys.signer, keys.intermediate,
                              platform.scheme))
          .value());
}

// The extension whose identifier ends in `arcs` behind AMD's.
ct::TestExtension& Find(std::vector<ct::TestExtension>& extensions,
                        const std::vector<uint8_t>& arcs) {
  const auto found =
      std::ranges::find_if(extensions, [&arcs](const ct::TestExtension& one) {
        return std::ranges::equal(std::span(one.oid).subspan(8), arcs);
      });
  return *found;
}

void Keep(std::vector<ct::TestExtension>&) {}

TEST(SnpSignerFactsTest, ReadsEveryProduct) {
  ASSERT_OK_AND_ASSIGN(const auto milan, FactsWith(Keep));
  EXPECT_EQ(milan.kind, SnpSigningKey::kVcek);
  EXPECT_EQ(milan.structure_version, 0U);
  EXPECT_EQ(HexEncode(milan.tcb), "04020000000018db");
  EXPECT_EQ(milan.hardware_id, Bytes(64, 0xc1));
  EXPECT_EQ(milan.csp_id, std::nullopt);
  ASSERT_OK_AND_ASSIGN(const auto turin, FactsWith(Keep, SnpProduct::kTurin));
  EXPECT_EQ(turin.product, SnpProduct::kTurin);
  EXPECT_EQ(turin.structure_version, 1U);
  EXPECT_EQ(HexEncode(turin.tcb), "01040218000000db");
  EXPECT_EQ(turin.hardware_id, Bytes(8, 0xc1));
  ASSERT_OK_AND_ASSIGN(const auto vlek, FactsWith(Keep, SnpProduct::kGenoa,
                                                  SnpSigningKey::kVlek));
  EXPECT_EQ(vlek.kind, SnpSigningKey::kVlek);
  EXPECT_EQ(vlek.hardware_id, std::nullopt);
  EXPECT_EQ(vlek.csp_id, "CN=provider.example");
}

TEST(SnpSignerFactsTest, TheHardwareIdMayBeWrapped) {
  for (const SnpProduct product : {SnpProduct::kMilan, SnpProduct::kTurin}) {
    ASSERT_OK_AND_ASSIGN(const auto facts,
                         FactsWith(
                             [](auto& extensions) {
                               Bytes& value = Find(extensions, {4}).value;
                               value = ct::Der(4, value);
                             },
                             product));
    EXPECT_EQ(facts.hardware_id->size(),
              product == SnpProduct::kTurin ? 8U : 64U);
  }
}

TEST(SnpSignerFactsTest, TheHardwareIdHasItsProductsSize) {
  for (const size_t size : {0U, 7U, 8U, 63U, 65U, 66U}) {
    EXPECT_THAT(FactsWith([size](auto& extensions) {
                  Find(extensions, {4}).value = Bytes(size, 4);
                }),
                StatusIs(kInvalid, HasSubstr("hwID: want 64 octets")))
        << size;
  }
  EXPECT_THAT(
      FactsWith(
          [](auto& extensions) { Find(extensions, {4}).value = Bytes(64, 1); },
          SnpProduct::kTurin),
      StatusIs(kInvalid, HasSubstr("hwID: want 8 octets, got 64")));
}

TEST(SnpSignerFactsTest, EveryExtensionMustBeThere) {
  for (const SnpProduct product : {SnpProduct::kMilan, SnpProduct::kTurin}) {
    for (const SnpSigningKey kind :
         {SnpSigningKey::kVcek, SnpSigningKey::kVlek}) {
      const size_t count =
          TestSnpPlatform::Create(product, kind).signer.extensions.size();
      EXPECT_EQ(count, 11U);
      for (size_t i = 0; i < count; ++i) {
        EXPECT_THAT(FactsWith(
                        [i](auto& extensions) {
                          extensions.erase(extensions.begin() +
                                           static_cast<ptrdiff_t>(i));
                        },
                        product, kind),
                    StatusIs(kInvalid, HasSubstr(": missing")))
            << i;
      }
    }
  }
}

TEST(SnpSignerFactsTest, LevelsAreOneOctet) {
  ASSERT_OK_AND_ASSIGN(const auto facts, FactsWith([](auto& extensions) {
                         Find(extensions, {3, 8}).value = ct::DerNumber(255);
                       }));
  EXPECT_EQ(facts.tcb[7], 255);
  EXPECT_THAT(
      FactsWith([](auto& extensions) {
        Find(extensions, {3, 8}).value = ct::DerNumber(256);
      }),
      StatusIs(kInvalid, HasSubstr("extension ucodeSPL: want at most 255, got "
                                   "256")));
}

TEST(SnpSignerFactsTest, LevelsAreStrictDer) {
  for (const Bytes& bad : {Bytes{2, 1, 0xdb}, Bytes{2, 2, 0, 1}, Bytes{2, 0},
                           Bytes{2, 1, 1, 0}, Bytes{4, 1, 1}, Bytes{}}) {
    EXPECT_THAT(FactsWith([&bad](auto& extensions) {
                  Find(extensions, {3, 1}).value = bad;
                }),
                StatusIs(kInvalid, HasSubstr("blSPL")))
        << HexEncode(bad);
  }
}

TEST(SnpSignerFactsTest, ReservedLevelsStandInTheReportsPlace) {
  ASSERT_OK_AND_ASSIGN(const auto facts, FactsWith([](auto& extensions) {
                         Find(extensions, {3, 4}).value = ct::DerNumber(1);
                         Find(extensions, {3, 7}).value = ct::DerNumber(2);
                       }));
  EXPECT_EQ(HexEncode(facts.tcb), "04020100000218db");
}

TEST(SnpSignerFactsTest, TheProductMustBeKnown) {
  const auto named = [](std::string_view name) {
    return FactsWith([name](auto& extensions) {
      Find(extensions, {2}).value = ct::Der(0x16, AsBytes(name));
    });
  };
  EXPECT_EQ(named("Milan-B1")->product_name, "Milan-B1");
  EXPECT_THAT(named("Naples"), StatusIs(kInvalid, HasSubstr("got Naples")));
  EXPECT_THAT(named(""), StatusIs(kInvalid, HasSubstr("1 to 128 printable")));
  EXPECT_THAT(named("Milan-\x01"), StatusIs(kInvalid));
  EXPECT_THAT(named(std::string(129, 'x')), StatusIs(kInvalid));
  EXPECT_THAT(FactsWith([](auto& extensions) {
                Find(extensions, {2}).value = ct::Der(0x0c, AsBytes("Milan"));
              }),
              StatusIs(kInvalid, HasSubstr("want tag 0x16")));
}

TEST(SnpChipIdTest, PadsShortIds) {
  EXPECT_EQ(HexEncode(SnpChipIdOf(Bytes(8, 7))).substr(0, 20),
            "07070707070707070000");
  EXPECT_EQ(SnpChipIdOf(Bytes(64, 7))[63], 7);
  EXPECT_EQ(SnpChipIdOf(Bytes(9, 7))[0], 0);
  EXPECT_EQ(SnpChipIdOf({})[0], 0);
}

}  // namespace
}  // namespace constellation::attestation
