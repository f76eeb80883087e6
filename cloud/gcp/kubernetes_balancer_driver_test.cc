// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/kubernetes_balancer_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/gcp/testing/gcp_script.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::gcp {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using testing::DriverScene;
using ::testing::ElementsAre;
using testing::GcpScript;
using testing::IdsOf;
using ::testing::IsEmpty;

constexpr char kPool[] = "projects/p/regions/r/targetPools/a1";
constexpr char kRule[] = "projects/p/regions/r/forwardingRules/a1";

class KubernetesBalancerTest : public ::testing::Test {
 protected:
  json Pool(const std::string& path, const json& instances) const {
    json pool = scene_.Thing(path, "");
    pool["instances"] = instances;
    return pool;
  }

  GcpScript gcp_;
  DriverScene scene_;
  KubernetesBalancerDriver driver_{gcp_.compute(), "p"};
};

TEST_F(KubernetesBalancerTest, IsNeverPlanned) {
  EXPECT_THAT(IdsOf(driver_.Find(scene_.Context())), IsEmpty());
  EXPECT_THAT(driver_.Create(scene_.Context(), "t"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(driver_.Differs(scene_.Context(), {}), IsEmpty());
  EXPECT_THAT(gcp_.calls(), IsEmpty());
}

// Pools carry nothing of ours but the names of instances.
TEST_F(KubernetesBalancerTest, IsSweptByTheNamesOfItsInstances) {
  const std::string ours =
      "https://x/projects/p/zones/z/instances/demo-0a1b2c3d-w-1";
  gcp_.Answer("GET projects/p/aggregated/targetPools",
              {{"items",
                {{"regions/r",
                  {{"targetPools",
                    {Pool(kPool, {"https://x/other", ours}),
                     Pool("projects/p/regions/r/targetPools/a2",
                          {"https://x/demo-0a1b2c3dx-w-1"}),
                     Pool("projects/p/regions/r/targetPools/a3", {7, "demo"}),
                     Pool("projects/p/regions/r/targetPools/a4", "hostile"),
                     "hostile"}}}}}}});
  EXPECT_THAT(IdsOf(driver_.List(scene_.cluster)), ElementsAre(kPool));
}

TEST_F(KubernetesBalancerTest, TheRuleGoesBeforeThePool) {
  gcp_.Answer(std::string("GET ") + kRule,
              {{"target", std::string("https://x/") + kPool}});
  EXPECT_THAT(driver_.Delete(scene_.Context(), {.id = kPool}), IsOk());
  EXPECT_THAT(gcp_.changes(), ElementsAre(std::string("DELETE ") + kRule,
                                          std::string("DELETE ") + kPool));
}

TEST_F(KubernetesBalancerTest, ARuleThatLeadsElsewhereStays) {
  gcp_.Answer(std::string("GET ") + kRule,
              {{"target", "projects/p/regions/r/targetPools/another"}});
  EXPECT_THAT(driver_.Delete(scene_.Context(), {.id = kPool}), IsOk());
  EXPECT_THAT(gcp_.changes(), ElementsAre(std::string("DELETE ") + kPool));
}

TEST_F(KubernetesBalancerTest, WhatIsGoneAlreadyIsFine) {
  gcp_.Answer(std::string("DELETE ") + kPool, json::object(), 404);
  EXPECT_THAT(driver_.Delete(scene_.Context(), {.id = kPool}), IsOk());
  EXPECT_THAT(driver_.Refresh(scene_.Context(), {.id = kPool}),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(KubernetesBalancerTest, ThePoolStaysIfTheRuleDoes) {
  gcp_.Answer(std::string("GET ") + kRule, {{"target", kPool}});
  gcp_.Answer(std::string("DELETE ") + kRule, json::object(), 403);
  EXPECT_THAT(driver_.Delete(scene_.Context(), {.id = kPool}),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(gcp_.changes(), ElementsAre(std::string("DELETE ") + kRule));
}

}  // namespace
}  // namespace constellation::cloud::gcp
