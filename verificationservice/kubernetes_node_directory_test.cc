// SPDX-License-Identifier: Apache-2.0
#include "verificationservice/kubernetes_node_directory.h"

#include <memory>
#include <string>
#include <utility>

#include "common/testing/status_matchers.h"
#include "kubernetes/testing/fake_transport.h"

namespace constellation::verificationservice {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::SizeIs;

absl::StatusOr<std::vector<ListedNode>> ListOf(const std::string& answer) {
  auto transport = std::make_unique<kubernetes::testing::FakeTransport>();
  transport->Answer(200, answer);
  kubernetes::Client client(std::move(transport));
  return KubernetesNodeDirectory(client).List();
}

TEST(KubernetesNodeDirectoryTest, TakesInternalAddressesInOrderOfNames) {
  ASSERT_OK_AND_ASSIGN(const std::vector<ListedNode> nodes, ListOf(R"({
    "metadata": {}, "items": [
    {"metadata": {"name": "b"}, "status": {"addresses": [
      {"type": "ExternalIP", "address": "1.2.3.4"},
      {"type": "InternalIP", "address": "10.0.0.2"}]}},
    {"metadata": {"name": "a"}, "status": {"addresses": [
      {"type": "InternalIP", "address": "fd00::1"}]}}]})"));
  ASSERT_THAT(nodes, SizeIs(2));
  EXPECT_EQ(nodes[0].name, "a");
  EXPECT_EQ(nodes[0].ip, "fd00::1");
  EXPECT_EQ(nodes[1].name, "b");
  EXPECT_EQ(nodes[1].ip, "10.0.0.2");
}

TEST(KubernetesNodeDirectoryTest, KeepsNodesWithoutUsableAddress) {
  ASSERT_OK_AND_ASSIGN(const std::vector<ListedNode> nodes, ListOf(R"({
    "metadata": {}, "items": [
    {"metadata": {"name": "a"}},
    {"metadata": {"name": "b"}, "status": {"addresses": [
      {"type": "InternalIP", "address": "evil.example.com"}]}},
    {"metadata": {"name": "c"}, "status": {"addresses": [
      {"type": "InternalIP", "address": "10.0.0.1:22"}]}},
    {"metadata": {"name": "d"}, "status": {"addresses": 7}},
    {"metadata": {"name": "e"}, "status": {"addresses": [
      {"type": "InternalIP", "address": "10.0.0.1\u0000evil"}]}},
    {"metadata": {"name": "f"}, "status": {"addresses": [
      {"type": "InternalIP", "address": "fd00::1\u0000evil"}]}}]})"));
  ASSERT_THAT(nodes, SizeIs(6));
  for (const ListedNode& node : nodes) EXPECT_EQ(node.ip, "") << node.name;
}

TEST(KubernetesNodeDirectoryTest, WithoutTheApiServerThereIsNoList) {
  kubernetes::Client client(
      std::make_unique<kubernetes::testing::FakeTransport>());
  EXPECT_THAT(KubernetesNodeDirectory(client).List(),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace constellation::verificationservice
