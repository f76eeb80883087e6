// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/variants.h"

#include <gtest/gtest.h>

#include <set>

namespace constellation::attestation {
namespace {

TEST(VariantsTest, EachNamesWhatItRestsOn) {
  for (const std::string_view name : VariantNames()) {
    const Variant* const variant = FindVariant(name);
    ASSERT_NE(variant, nullptr);
    EXPECT_FALSE(variant->rests_on.empty()) << name;
    // Nobody but an owner can vouch for a TPM without any other layer.
    EXPECT_EQ(variant->enrolled_only, variant->cpu == CpuLayer::kNone &&
                                          variant->cloud == CloudLayer::kNone)
        << name;
  }
  EXPECT_EQ(FindVariant("azure"), nullptr);
}

TEST(VariantsTest, NamesAreDifferentAndFoundAgain) {
  std::set<std::string_view> names;
  for (const std::string_view name : VariantNames()) {
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(FindVariant(name)->name, name);
  }
  EXPECT_EQ(FindVariant(""), nullptr);
  EXPECT_EQ(FindVariant("qemu-vtpm "), nullptr);
  EXPECT_EQ(FindVariant("QEMU-VTPM"), nullptr);
}

// What profiles must say of a cloud follows from who vouches for the key: on
// AWS a CPU report may do without the document, elsewhere nothing may.
TEST(VariantsTest, CloudsThatVouchAreRequired) {
  for (const std::string_view name : VariantNames()) {
    const Variant& variant = *FindVariant(name);
    if (variant.cloud == CloudLayer::kNone) {
      EXPECT_FALSE(variant.cloud_required) << name;
    } else {
      EXPECT_EQ(variant.cloud_required, name != "aws-sev-snp") << name;
    }
    if (variant.cloud == CloudLayer::kAzure) {
      EXPECT_EQ(variant.rests_on, kParavisorRooted) << name;
    }
  }
}

TEST(VariantsTest, OnlyEnclavesHaveNoTpm) {
  std::set<std::string_view> without;
  for (const std::string_view name : VariantNames()) {
    if (!FindVariant(name)->has_tpm) {
      without.insert(name);
    }
  }
  EXPECT_EQ(without,
            (std::set<std::string_view>{"aws-nitro-enclave", "intel-sgx"}));
}

}  // namespace
}  // namespace constellation::attestation
