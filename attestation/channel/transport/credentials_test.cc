// SPDX-License-Identifier: Apache-2.0
#include "attestation/channel/transport/credentials.h"

#include <gmock/gmock.h>
#include <grpcpp/security/auth_context.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::testing::HasSubstr;
using testing::IsOkAndHolds;
using testing::StatusIs;

// What gRPC says of a peer that showed these certificates.
class PeerWith final : public grpc::AuthContext {
 public:
  explicit PeerWith(std::vector<std::string> certificates)
      : certificates_(std::move(certificates)) {}

  bool IsPeerAuthenticated() const override { return false; }
  std::vector<grpc::string_ref> GetPeerIdentity() const override { return {}; }
  std::string GetPeerIdentityPropertyName() const override { return ""; }
  std::vector<grpc::string_ref> FindPropertyValues(
      const std::string& name) const override {
    return name == "x509_pem_cert"
               ? std::vector<grpc::string_ref>(certificates_.begin(),
                                               certificates_.end())
               : std::vector<grpc::string_ref>();
  }
  grpc::AuthPropertyIterator begin() const override { return Nothing(); }
  grpc::AuthPropertyIterator end() const override { return Nothing(); }
  void AddProperty(const std::string& /*key*/,
                   const grpc::string_ref& /*value*/) override {}
  bool SetPeerIdentityPropertyName(const std::string& /*name*/) override {
    return false;
  }

 private:
  // Only the iterator's heirs can make one.
  struct Nothing : grpc::AuthPropertyIterator {};

  const std::vector<std::string> certificates_;
};

TEST(CredentialsTest, PeersKeyIsTheOneOfItsCertificate) {
  ASSERT_OK_AND_ASSIGN(const crypto::TlsIdentity identity,
                       crypto::CreateTlsIdentity());
  EXPECT_THAT(PeerSpki(PeerWith({identity.certificate_pem})),
              IsOkAndHolds(identity.spki_der));
}

TEST(CredentialsTest, APeerWithoutCertificateIsNobody) {
  EXPECT_THAT(PeerSpki(PeerWith({})),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("the peer has no TLS certificate")));
}

TEST(CredentialsTest, WhatIsNoCertificateHasNoKey) {
  EXPECT_FALSE(PeerSpki(PeerWith({"no certificate"})).ok());
}

}  // namespace
}  // namespace constellation::attestation
