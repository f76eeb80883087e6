// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/join_ticket.h"

#include <gtest/gtest.h>

#include <functional>

#include "bootstrapper/testing/ticket_fixtures.h"
#include "common/testing/status_matchers.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

struct Mutation {
  const char* name;
  std::function<void(IssuedTicket&)> apply;
  const char* message;
};

void PrintTo(const Mutation& mutation, std::ostream* stream) {
  *stream << mutation.name;
}

constexpr auto kName = [](const auto& test) {
  return std::string(test.param.name);
};

TEST(JoinTicketTest, AcceptsGoodOnes) {
  EXPECT_THAT(ValidateTicket(testing::WorkerTicket(), testing::WorkerNode()),
              IsOk());
  EXPECT_THAT(
      ValidateTicket(testing::ControlPlaneTicket(), testing::WorkerNode()),
      IsOk());
}

class RefusedPeerTest : public ::testing::TestWithParam<Mutation> {};

TEST_P(RefusedPeerTest, IsDenied) {
  IssuedTicket issued = testing::WorkerTicket();
  GetParam().apply(issued);
  EXPECT_THAT(ValidateTicket(issued, testing::WorkerNode()),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Peers, RefusedPeerTest,
    ::testing::Values(
        Mutation{"OtherCluster",
                 [](auto& issued) { issued.ticket.cluster_id[0] ^= 1U; },
                 "PCR15: expected"},
        Mutation{"OtherPcr",
                 [](auto& issued) { (*issued.peer.cluster_pcr)[31] ^= 1U; },
                 "PCR15: expected"},
        Mutation{"NoPcr", [](auto& issued) { issued.peer.cluster_pcr.reset(); },
                 "got no value"},
        Mutation{"Worker", [](auto& issued) { issued.peer.role = "worker"; },
                 "enrolled as control-plane, got \"worker\""},
        Mutation{"Nobody", [](auto& issued) { issued.peer.role.clear(); },
                 "enrolled as control-plane"}),
    kName);

class RefusedWorkerTicketTest : public ::testing::TestWithParam<Mutation> {};

TEST_P(RefusedWorkerTicketTest, IsInvalid) {
  IssuedTicket issued = testing::WorkerTicket();
  GetParam().apply(issued);
  EXPECT_THAT(ValidateTicket(issued, testing::WorkerNode()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, RefusedWorkerTicketTest,
    ::testing::Values(
        Mutation{"KeyShort",
                 [](auto& issued) {
                   issued.ticket.state_disk_key = testing::Filled(5, 31);
                 },
                 "state_disk_key: want 32 bytes, got 31"},
        Mutation{"ClusterIdShort",
                 [](auto& issued) { issued.ticket.cluster_id.pop_back(); },
                 "cluster_id: want 32 bytes, got 31"},
        Mutation{"RoleUnknown",
                 [](auto& issued) { issued.ticket.role = "king"; }, "role"},
        Mutation{
            "NoCertificate",
            [](auto& issued) { issued.ticket.kubelet_certificate_pem.clear(); },
            "kubelet_certificate"},
        Mutation{"NoCa",
                 [](auto& issued) { issued.ticket.cluster_ca_pem.clear(); },
                 "cluster_ca"},
        Mutation{"HugeConfig",
                 [](auto& issued) {
                   issued.ticket.kubelet_config.assign((64U << 10U) + 1, ' ');
                 },
                 "kubelet_config"},
        Mutation{
            "OtherVersion",
            [](auto& issued) { issued.ticket.kubernetes_version = "v1.21.0"; },
            "kubernetes_version: want v1.20.2"},
        Mutation{"TimeScaleZero",
                 [](auto& issued) { issued.ticket.time_scale = 0; },
                 "time_scale"},
        Mutation{"TimeScaleHuge",
                 [](auto& issued) { issued.ticket.time_scale = 21; },
                 "time_scale"}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Endpoints, RefusedWorkerTicketTest,
    ::testing::Values(Mutation{"NoPort",
                               [](auto& issued) {
                                 issued.ticket.api_server_endpoint =
                                     "10.42.0.11";
                               },
                               "api_server_endpoint"},
                      Mutation{"PortZero",
                               [](auto& issued) {
                                 issued.ticket.api_server_endpoint =
                                     "10.42.0.11:0";
                               },
                               "api_server_endpoint"},
                      Mutation{"PortHuge",
                               [](auto& issued) {
                                 issued.ticket.api_server_endpoint =
                                     "10.42.0.11:65536";
                               },
                               "api_server_endpoint"},
                      Mutation{"Path",
                               [](auto& issued) {
                                 issued.ticket.api_server_endpoint =
                                     "evil/10.42.0.11:6443";
                               },
                               "api_server_endpoint"},
                      Mutation{"Empty",
                               [](auto& issued) {
                                 issued.ticket.api_server_endpoint.clear();
                               },
                               "api_server_endpoint"}),
    kName);

class RefusedControlPlaneTicketTest
    : public ::testing::TestWithParam<Mutation> {};

TEST_P(RefusedControlPlaneTicketTest, IsInvalid) {
  IssuedTicket issued = testing::ControlPlaneTicket();
  GetParam().apply(issued);
  EXPECT_THAT(ValidateTicket(issued, testing::WorkerNode()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, RefusedControlPlaneTicketTest,
    ::testing::Values(
        Mutation{
            "TokenMissing",
            [](auto& issued) { issued.ticket.bootstrap_token = SecretBytes(); },
            "bootstrap_token"},
        Mutation{"TokenSyntax",
                 [](auto& issued) {
                   issued.ticket.bootstrap_token =
                       SecretBytes(AsBytes("ABCDEF.0123456789abcdef"));
                 },
                 "bootstrap_token"},
        Mutation{"HashMissing",
                 [](auto& issued) { issued.ticket.ca_cert_hash.clear(); },
                 "ca_cert_hash"},
        Mutation{"HashShort",
                 [](auto& issued) { issued.ticket.ca_cert_hash.pop_back(); },
                 "ca_cert_hash"},
        Mutation{
            "FileMissing",
            [](auto& issued) { issued.ticket.control_plane_files.pop_back(); },
            "control_plane_files: want 8, got 7"},
        Mutation{"FileOutside",
                 [](auto& issued) {
                   issued.ticket.control_plane_files[0].name =
                       "../../etc/passwd";
                 },
                 "control_plane_files: want ca.crt"},
        Mutation{"FileTwice",
                 [](auto& issued) {
                   issued.ticket.control_plane_files[1].name = "ca.crt";
                 },
                 "control_plane_files: want ca.key"},
        Mutation{"FileEmpty",
                 [](auto& issued) {
                   issued.ticket.control_plane_files[2].contents =
                       SecretBytes();
                 },
                 "sa.pub"}),
    kName);

}  // namespace
}  // namespace constellation::bootstrapper
