// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/metadata_service.h"

#include <gtest/gtest.h>

namespace constellation::cloud::qemu {
namespace {

MetadataView View() {
  MetadataView view;
  view.cluster.uid = "00";
  view.cluster.nodes = {
      {.name = "w", .index = 1},
      {.name = "cp-b", .role = NodeRole::kControlPlane, .index = 7},
      {.name = "cp-a", .role = NodeRole::kControlPlane, .index = 3}};
  return view;
}

int StatusOf(std::string_view method, std::string_view path,
             std::string_view body = "", std::string_view node = "w") {
  return ServeMetadata(
             View(), node,
             {std::string(method), std::string(path), std::string(body)},
             [](std::string_view) {})
      .status;
}

TEST(ServeMetadata, KnowsItsPaths) {
  EXPECT_EQ(StatusOf("GET", "/v1/self"), 200);
  EXPECT_EQ(StatusOf("GET", "/v1/peers"), 200);
  EXPECT_EQ(StatusOf("GET", "/v1/endpoint"), 200);
  EXPECT_EQ(StatusOf("GET", "/v1/enrolled-tpms"), 200);
  EXPECT_EQ(StatusOf("GET", "/v1/status"), 405);
  EXPECT_EQ(StatusOf("GET", "/v1/self?x"), 404);
  EXPECT_EQ(StatusOf("GET", "/"), 404);
  EXPECT_EQ(StatusOf("PUT", "/v1/self"), 405);
  EXPECT_EQ(StatusOf("POST", "/v1/self"), 404);
  EXPECT_EQ(StatusOf("GET", "/v1/self", "", "unknown"), 404);
}

TEST(ServeMetadata, ChecksStatuses) {
  EXPECT_EQ(StatusOf("POST", "/v1/status", "{}"), 200);
  EXPECT_EQ(StatusOf("POST", "/v1/status", "[]"), 400);
  EXPECT_EQ(StatusOf("POST", "/v1/status", ""), 400);
  EXPECT_EQ(StatusOf("POST", "/v1/status", std::string(9000, ' ') + "{}"), 400);
}

TEST(ApiServerEndpoint, IsTheFirstControlPlaneNode) {
  EXPECT_EQ(ApiServerEndpoint(View().cluster), "10.42.0.13:6443");
  EXPECT_EQ(ApiServerEndpoint({}), "");
}

}  // namespace
}  // namespace constellation::cloud::qemu
