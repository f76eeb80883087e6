// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/snp_roots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"
#include "crypto/x509.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::kNoVectors;
using ::constellation::testing::ReadVector;
using ::constellation::testing::VectorEntries;
using ::constellation::testing::VectorsFolder;
using ::testing::IsSupersetOf;

TEST(SnpRootsTest, EveryProductHasOneRoot) {
  std::set<SnpProduct> products;
  std::set<crypto::Sha256Digest> keys;
  for (const SnpRoot& root : BuiltInSnpRoots()) {
    EXPECT_TRUE(products.insert(root.product).second);
    EXPECT_TRUE(keys.insert(root.spki_sha256).second);
    EXPECT_TRUE(root.certificate_sha256.has_value());
  }
  EXPECT_EQ(products,
            (std::set<SnpProduct>{SnpProduct::kMilan, SnpProduct::kGenoa,
                                  SnpProduct::kTurin}));
}

// The pins are those of the certificates that AMD publishes, as far as the
// vectors have them.
TEST(SnpRootsVectorsTest, PinsAreAmdsOwn) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  std::set<SnpProduct> seen;
  for (const nlohmann::json& entry : VectorEntries("snp/")) {
    if (entry["verdict"] != "valid chain") {
      continue;
    }
    const Bytes pem = ReadVector(entry["path"]);
    ASSERT_OK_AND_ASSIGN(const std::vector<crypto::Certificate> chain,
                         crypto::Certificate::ListFromPem(AsText(pem), 4));
    const std::string name = chain.back().SubjectCommonName().value_or("");
    ASSERT_TRUE(name.starts_with("ARK-")) << entry["path"];
    const auto product = SnpProductFromName(name.substr(4));
    ASSERT_TRUE(product.has_value()) << name;
    bool found = false;
    for (const SnpRoot& root : BuiltInSnpRoots()) {
      if (root.product == *product) {
        found = true;
        EXPECT_EQ(root.spki_sha256, chain.back().SpkiFingerprint()) << name;
        EXPECT_EQ(root.certificate_sha256, chain.back().Fingerprint()) << name;
      }
    }
    EXPECT_TRUE(found) << name;
    seen.insert(*product);
  }
  EXPECT_THAT(seen, IsSupersetOf({SnpProduct::kMilan, SnpProduct::kTurin}));
}

}  // namespace
}  // namespace constellation::attestation
