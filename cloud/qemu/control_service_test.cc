// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/control_service.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cloud/qemu/control_protocol.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// A supervisor of nodes that are never started.
class ControlServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ClusterSpec spec;
    spec.name = "demo";
    spec.image_path = "/image";
    spec.accelerator = Accelerator::kEmulation;
    spec.nodes = {{.name = "cp-1", .role = NodeRole::kControlPlane}};
    ASSERT_THAT(AssignUnsetFields(spec), IsOk());
    spec.runtime_directory = Directory() + "/run";
    spec.relay_program = "/relay";
    ASSERT_THAT(MakeDirectories(Directory()), IsOk());
    ASSERT_THAT(WriteFileAtomically(Directory() + "/cluster.json",
                                    ClusterSpecToJson(spec)),
                IsOk());
    ASSERT_OK_AND_ASSIGN(supervisor_, Supervisor::Create(Directory()));
  }
  std::string Directory() { return dir_.Join("c"); }
  absl::StatusOr<std::string> Call(const std::string& body) {
    return ParseControlAnswer(
        ServeControl(*supervisor_, {"POST", "/control", body}).body);
  }
  ClusterSpec SavedSpec() { return *ReadClusterSpec(Directory()); }

  TempDir dir_;
  std::unique_ptr<Supervisor> supervisor_;
};

TEST_F(ControlServiceTest, RejectsWhatItDoesNotKnow) {
  EXPECT_EQ(ServeControl(*supervisor_, {"GET", "/control", ""}).status, 404);
  EXPECT_EQ(ServeControl(*supervisor_, {"POST", "/", ""}).status, 404);
  EXPECT_THAT(Call("not json"), StatusIs(kInvalid));
  EXPECT_THAT(Call("{}"), StatusIs(kInvalid, HasSubstr("\"op\": missing")));
  EXPECT_THAT(Call(R"({"op":"dance"})"),
              StatusIs(kInvalid, HasSubstr("dance")));
  EXPECT_THAT(Call(R"({"op":"status","x":1})"),
              StatusIs(kInvalid, HasSubstr("unknown key")));
  EXPECT_THAT(Call(R"({"op":"start"})"), StatusIs(kInvalid, HasSubstr("node")));
  EXPECT_THAT(Call(R"({"op":"start","node":7})"), StatusIs(kInvalid));
  EXPECT_THAT(Call(R"({"op":"stop","node":"cp-1","graceful":true})"),
              StatusIs(kInvalid, HasSubstr("limitSeconds")));
  EXPECT_THAT(Call(R"({"op":"shutdown","remove":"yes","graceful":false,)"
                   R"("limitSeconds":1})"),
              StatusIs(kInvalid, HasSubstr("remove")));
}

TEST_F(ControlServiceTest, UnknownNodesAreNotFound) {
  for (const char* operation :
       {"start", "reset", "kill", "remove", "open-tpm"}) {
    EXPECT_THAT(Call(nlohmann::json({{"op", operation}, {"node", "x"}}).dump()),
                StatusIs(absl::StatusCode::kNotFound, HasSubstr("\"x\"")))
        << operation;
  }
}

TEST_F(ControlServiceTest, StoppedNodesTakeNoResetAndNoKill) {
  for (const char* operation : {"reset", "kill"}) {
    EXPECT_THAT(
        Call(nlohmann::json({{"op", operation}, {"node", "cp-1"}}).dump()),
        StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("off")))
        << operation;
  }
  EXPECT_THAT(
      Call(R"({"op":"stop","node":"cp-1","graceful":false,"limitSeconds":0})"),
      IsOk());
}

TEST_F(ControlServiceTest, AddsAndRemovesNodes) {
  const NodeSpec wanted{.name = "worker-1", .role = NodeRole::kWorker};
  const std::string request =
      nlohmann::json({{"op", "add"},
                      {"spec", nlohmann::json::parse(NodeSpecToJson(wanted))}})
          .dump();
  ASSERT_OK_AND_ASSIGN(const std::string answer, Call(request));
  ASSERT_OK_AND_ASSIGN(const NodeSpec added, ParseNodeSpec(answer));
  EXPECT_EQ(added.index, 2U);
  EXPECT_EQ(added.forwards.size(), 4U);
  ASSERT_NE(SavedSpec().FindNode("worker-1"), nullptr);
  EXPECT_EQ(SavedSpec().FindNode("worker-1")->machine_id, added.machine_id);
  EXPECT_TRUE(FileExists(Directory() + "/run/n2.meta"));
  EXPECT_THAT(Call(request), StatusIs(absl::StatusCode::kAlreadyExists));

  ASSERT_THAT(Call(R"({"op":"remove","node":"worker-1"})"), IsOk());
  EXPECT_EQ(SavedSpec().FindNode("worker-1"), nullptr);
  EXPECT_FALSE(FileExists(Directory() + "/run/n2.meta"));
  EXPECT_THAT(Call(R"({"op":"remove","node":"worker-1"})"),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ControlServiceTest, KeepsSettings) {
  const std::string hash(64, 'b');
  EXPECT_THAT(Call(R"({"op":"set-init-secret-hash","initSecretSHA256":")" +
                   hash + "\"}"),
              IsOk());
  EXPECT_EQ(SavedSpec().init_secret_sha256, hash);
  EXPECT_THAT(Call(R"({"op":"set-init-secret-hash","initSecretSHA256":"x"})"),
              StatusIs(kInvalid));
  EXPECT_THAT(Call(R"({"op":"set-enrolled-tpms","enrolledTPMs":[{"a":1}]})"),
              IsOk());
  EXPECT_THAT(Call(R"({"op":"set-enrolled-tpms","enrolledTPMs":{}})"),
              StatusIs(kInvalid));
  EXPECT_THAT(ReadFile(Directory() + "/enrolled-tpms.json"),
              IsOkAndHolds(R"([{"a":1}])"));
  EXPECT_THAT(
      Call(R"({"op":"set-image","node":"cp-1","imagePath":"/images/new"})"),
      IsOk());
  EXPECT_EQ(SavedSpec().FindNode("cp-1")->image_path, "/images/new");
}

TEST_F(ControlServiceTest, ARefusedImageChangesNothing) {
  EXPECT_THAT(
      Call(R"({"op":"set-image","node":"cp-1","imagePath":"relative.raw"})"),
      StatusIs(kInvalid, HasSubstr("image path of cp-1")));
  EXPECT_EQ(SavedSpec().FindNode("cp-1")->image_path, "");
  ASSERT_OK_AND_ASSIGN(const std::string answer, Call(R"({"op":"status"})"));
  ASSERT_OK_AND_ASSIGN(const ClusterStatus status, ParseClusterStatus(answer));
  EXPECT_EQ(status.FindNode("cp-1")->spec.image_path, "") << "nor in memory";
}

TEST_F(ControlServiceTest, OnlyOneSupervisorPerDirectory) {
  EXPECT_THAT(Supervisor::Create(Directory()),
              StatusIs(absl::StatusCode::kAlreadyExists));
  supervisor_.reset();
  EXPECT_THAT(Supervisor::Create(Directory()), IsOk());
}

TEST_F(ControlServiceTest, ShutdownIsFinal) {
  ASSERT_THAT(Call(R"({"op":"shutdown","remove":false,"graceful":false,)"
                   R"("limitSeconds":0})"),
              IsOk());
  EXPECT_TRUE(supervisor_->stopped());
  EXPECT_THAT(Call(R"({"op":"status"})"),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Call(R"({"op":"start","node":"cp-1"})"),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(Call(R"({"op":"set-enrolled-tpms","enrolledTPMs":[]})"),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(FileExists(Directory() + "/cluster.json"));
  EXPECT_THAT(Call(R"({"op":"shutdown","remove":true,"graceful":false,)"
                   R"("limitSeconds":0})"),
              IsOk());
  EXPECT_FALSE(FileExists(Directory()));
}

}  // namespace
}  // namespace constellation::cloud::qemu
