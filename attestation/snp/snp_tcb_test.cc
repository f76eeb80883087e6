// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/snp_tcb.h"

#include <gtest/gtest.h>

namespace constellation::attestation {
namespace {

TEST(SnpTcbTest, LayoutsDiffer) {
  const SnpRawTcb raw = {1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(ToString(DecodeSnpTcb(raw, SnpProduct::kMilan)),
            "boot loader 1, tee 2, snp 7, microcode 8");
  EXPECT_EQ(DecodeSnpTcb(raw, SnpProduct::kGenoa),
            DecodeSnpTcb(raw, SnpProduct::kMilan));
  EXPECT_EQ(ToString(DecodeSnpTcb(raw, SnpProduct::kTurin)),
            "fmc 1, boot loader 2, tee 3, snp 4, microcode 8");
  EXPECT_FALSE(ReservedTcbOctetsAreZero(raw, SnpProduct::kMilan));
  EXPECT_FALSE(ReservedTcbOctetsAreZero(raw, SnpProduct::kTurin));
  EXPECT_TRUE(
      ReservedTcbOctetsAreZero({1, 2, 0, 0, 0, 0, 7, 8}, SnpProduct::kMilan));
  EXPECT_TRUE(
      ReservedTcbOctetsAreZero({1, 2, 3, 4, 0, 0, 0, 8}, SnpProduct::kTurin));
}

// Every octet, so that no level is read from another's place.
TEST(SnpTcbTest, EncodingIsTheInverse) {
  for (const SnpProduct product :
       {SnpProduct::kMilan, SnpProduct::kGenoa, SnpProduct::kTurin}) {
    for (size_t i = 0; i < SnpRawTcb().size(); ++i) {
      SnpRawTcb raw{};
      raw[i] = 0x80;
      const bool kept =
          EncodeSnpTcb(DecodeSnpTcb(raw, product), product) == raw;
      const bool reserved =
          product == SnpProduct::kTurin ? i >= 4 && i <= 6 : i >= 2 && i <= 5;
      EXPECT_EQ(kept, !reserved) << ToString(product) << " " << i;
      EXPECT_EQ(ReservedTcbOctetsAreZero(raw, product), !reserved);
    }
  }
}

TEST(SnpTcbTest, OnlyTurinHasAnFmc) {
  EXPECT_EQ(DecodeSnpTcb({}, SnpProduct::kTurin).fmc, 0);
  EXPECT_EQ(DecodeSnpTcb({}, SnpProduct::kMilan).fmc, std::nullopt);
  EXPECT_EQ(DecodeSnpTcb({}, SnpProduct::kGenoa).fmc, std::nullopt);
}

TEST(SnpProductTest, FamiliesAndModels) {
  using enum SnpProduct;
  EXPECT_EQ(SnpProductFromCpuid(0x19, 0x00), kMilan);
  EXPECT_EQ(SnpProductFromCpuid(0x19, 0x0f), kMilan);
  EXPECT_EQ(SnpProductFromCpuid(0x19, 0x10), kGenoa);
  EXPECT_EQ(SnpProductFromCpuid(0x19, 0x1f), kGenoa);
  EXPECT_EQ(SnpProductFromCpuid(0x19, 0x20), std::nullopt);
  EXPECT_EQ(SnpProductFromCpuid(0x19, 0x9f), std::nullopt);
  EXPECT_EQ(SnpProductFromCpuid(0x19, 0xa0), kGenoa);
  EXPECT_EQ(SnpProductFromCpuid(0x19, 0xaf), kGenoa);
  EXPECT_EQ(SnpProductFromCpuid(0x19, 0xb0), std::nullopt);
  EXPECT_EQ(SnpProductFromCpuid(0x1a, 0x00), kTurin);
  EXPECT_EQ(SnpProductFromCpuid(0x1a, 0x11), kTurin);
  EXPECT_EQ(SnpProductFromCpuid(0x1a, 0x12), std::nullopt);
  EXPECT_EQ(SnpProductFromCpuid(0x17, 0x01), std::nullopt);
}

TEST(SnpProductTest, Names) {
  EXPECT_EQ(SnpProductFromName("Milan"), SnpProduct::kMilan);
  EXPECT_EQ(SnpProductFromName("Milan-B0"), SnpProduct::kMilan);
  EXPECT_EQ(SnpProductFromName("Turin"), SnpProduct::kTurin);
  for (const std::string_view name : {"", "milan", "Milano", "Genoa2", "B0"}) {
    EXPECT_EQ(SnpProductFromName(name), std::nullopt) << name;
  }
}

TEST(SnpProductTest, NamesAreReadAgain) {
  for (const SnpProduct product :
       {SnpProduct::kMilan, SnpProduct::kGenoa, SnpProduct::kTurin}) {
    EXPECT_EQ(SnpProductFromName(ToString(product)), product);
  }
}

}  // namespace
}  // namespace constellation::attestation
