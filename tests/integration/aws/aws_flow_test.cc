// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "cloud/aws/client.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/hash.h"
#include "tests/integration/aws/aws_world.h"

namespace constellation::cloud::aws::testing {
namespace {

using ::constellation::testing::IsOk;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(AwsFlowTest, CreatesReadsScalesTerminates) {
  AwsWorld world;
  const EngineResult made = world.RunApply();
  ASSERT_THAT(made.status, IsOk()) << FailuresToText(made);
  EXPECT_EQ(made.outputs.size(), world.plan.actions.size());

  // The same again changes nothing.
  const EngineResult again = world.RunApply();
  ASSERT_THAT(again.status, IsOk());
  EXPECT_TRUE(world.plan.Empty()) << PlanToText(world.plan);

  const auto infrastructure =
      world.provider->Infrastructure(world.request, made.outputs);
  ASSERT_THAT(infrastructure, IsOk());
  EXPECT_THAT(infrastructure->cluster_endpoint, EndsWith(".amazonaws.com"));
  EXPECT_THAT(infrastructure->api_server_cert_sans, SizeIs(2));
  EXPECT_EQ(infrastructure->ip_cidr_node, "192.168.176.0/20");

  auto machines = world.provider->Instances(world.request.identity);
  ASSERT_THAT(machines, IsOk());
  EXPECT_THAT(*machines, SizeIs(5));

  world.request.groups[1].count = 4;
  ASSERT_THAT(world.RunApply().status, IsOk());
  EXPECT_EQ(world.plan.Count(PlanAction::kUpdate), 1U)
      << PlanToText(world.plan);
  machines = world.provider->Instances(world.request.identity);
  ASSERT_THAT(machines, IsOk());
  EXPECT_THAT(*machines, SizeIs(7));

  const EngineResult gone = world.RunTerminate();
  ASSERT_THAT(gone.status, IsOk()) << FailuresToText(gone);
  EXPECT_THAT(world.Inventory(), IsEmpty());
  EXPECT_FALSE(world.storage.exists());
  world.ExpectNoFindings();
}

TEST(AwsFlowTest, FindsEverythingWithoutAJournal) {
  AwsWorld world;
  ASSERT_THAT(world.RunApply().status, IsOk());
  ASSERT_THAT(world.storage.Remove(), IsOk());
  ASSERT_THAT(world.RunApply().status, IsOk());
  EXPECT_TRUE(world.plan.Empty()) << PlanToText(world.plan);
  ASSERT_THAT(world.storage.Remove(), IsOk());
  const EngineResult gone = world.RunTerminate();
  ASSERT_THAT(gone.status, IsOk()) << FailuresToText(gone);
  EXPECT_THAT(world.Inventory(), IsEmpty());
}

TEST(AwsFlowTest, ANewImageReachesReplacedMachines) {
  AwsWorld world;
  ASSERT_THAT(world.RunApply().status, IsOk());
  world.request.image = "ami-0123456789abcdef0";
  ASSERT_THAT(world.RunApply().status, IsOk());
  EXPECT_EQ(world.plan.Count(PlanAction::kUpdate), 2U)
      << PlanToText(world.plan);
  EXPECT_EQ(world.plan.Count(PlanAction::kReplace), 0U);
  const auto before = world.provider->Instances(world.request.identity);
  ASSERT_THAT(before, IsOk());
  const std::string old = before->front().id;
  ASSERT_THAT(world.provider->ReplaceInstance(world.request.identity, old),
              IsOk());
  ASSERT_THAT(world.RunApply().status, IsOk());
  EXPECT_TRUE(world.plan.Empty()) << PlanToText(world.plan);
  const auto after = world.provider->Instances(world.request.identity);
  ASSERT_THAT(after, IsOk());
  EXPECT_THAT(*after, SizeIs(5));
  for (const ClusterInstance& machine : *after) {
    EXPECT_NE(machine.id, old);
  }
  // Somebody else's machines are none of ours.
  ClusterIdentity other = world.request.identity;
  other.uid = "ffffffff";
  EXPECT_EQ(CloudErrorKindOf(
                world.provider->ReplaceInstance(other, after->front().id)),
            CloudErrorKind::kNotFound);
  EXPECT_THAT(
      world.provider->ConsoleLog(world.request.identity, after->front().id),
      IsOk());
  ASSERT_THAT(world.RunTerminate().status, IsOk());
  EXPECT_THAT(world.Inventory(), IsEmpty());
  world.ExpectNoFindings();
}

// moto does not heed filters of NAT gateways: every search finds both.
TEST(AwsFlowTest, ZonesKeepTheirGateways) {
  AwsWorld world;
  world.request.groups[1].zone = "eu-west-1b";
  const EngineResult made = world.RunApply();
  ASSERT_THAT(made.status, IsOk()) << FailuresToText(made);
  const std::vector<std::string> all = world.Inventory();
  ASSERT_THAT(world.RunApply().status, IsOk());
  EXPECT_TRUE(world.plan.Empty()) << PlanToText(world.plan);
  ASSERT_THAT(world.storage.Remove(), IsOk());
  ASSERT_THAT(world.RunApply().status, IsOk());
  EXPECT_TRUE(world.plan.Empty()) << PlanToText(world.plan);
  EXPECT_EQ(world.Inventory(), all);
  const EngineResult gone = world.RunTerminate();
  ASSERT_THAT(gone.status, IsOk()) << FailuresToText(gone);
  EXPECT_THAT(world.Inventory(), IsEmpty());
  world.ExpectNoFindings();
}

TEST(AwsFlowTest, ChangesSourcesOnce) {
  AwsWorld world;
  ASSERT_THAT(world.RunApply().status, IsOk());
  world.request.allowed_sources = {"203.0.113.8/32", "198.51.100.0/24"};
  ASSERT_THAT(world.RunApply().status, IsOk());
  EXPECT_EQ(world.plan.Count(PlanAction::kUpdate), 1U)
      << PlanToText(world.plan);
  ASSERT_THAT(world.RunApply().status, IsOk());
  EXPECT_TRUE(world.plan.Empty()) << PlanToText(world.plan);
  ASSERT_THAT(world.RunTerminate().status, IsOk());
  EXPECT_THAT(world.Inventory(), IsEmpty());
  world.ExpectNoFindings();
}

TEST(AwsFlowTest, ChangesTagsOnce) {
  AwsWorld world;
  ASSERT_THAT(world.RunApply().status, IsOk());
  world.request.tags = {{"owner", "somebody else"}, {"cost centre", "7"}};
  ASSERT_THAT(world.RunApply().status, IsOk());
  EXPECT_EQ(world.plan.Count(PlanAction::kReplace), 0U);
  EXPECT_FALSE(world.plan.Empty());
  ASSERT_THAT(world.RunApply().status, IsOk());
  EXPECT_TRUE(world.plan.Empty()) << PlanToText(world.plan);
  ASSERT_THAT(world.RunTerminate().status, IsOk());
  EXPECT_THAT(world.Inventory(), IsEmpty());
  world.ExpectNoFindings();
}

TEST(AwsFlowTest, MakesAndDeletesIdentities) {
  AwsWorld world;
  const auto desired = world.iam->Desired(world.request.identity, {});
  ASSERT_THAT(desired, IsOk());
  const EngineResult made = world.Run(world.iam->Drivers(), *desired);
  ASSERT_THAT(made.status, IsOk()) << FailuresToText(made);
  const auto values = world.iam->ConfigValues(made.outputs);
  ASSERT_THAT(values, IsOk());
  EXPECT_EQ(values->at("provider.aws.iamProfileControlPlane"),
            "demo-0a1b2c3d-control-plane");
  ASSERT_THAT(world.Run(world.iam->Drivers(), *desired).status, IsOk());
  EXPECT_TRUE(world.plan.Empty()) << PlanToText(world.plan);
  ASSERT_THAT(world.storage.Remove(), IsOk());
  const EngineResult gone = world.RunTerminate(&world.iam->Drivers());
  ASSERT_THAT(gone.status, IsOk()) << FailuresToText(gone);
  EXPECT_THAT(world.Inventory(), IsEmpty());
  world.ExpectNoFindings();
}

TEST(AwsFlowTest, AsksBeforeItMakes) {
  AwsWorld world;
  EXPECT_THAT(world.provider->Scope(),
              ::constellation::testing::IsOkAndHolds("123456789012/eu-west-1"));
  world.request.groups[0].instance_type = "t3.micro";
  world.request.groups[1].zone = "eu-west-1z";
  world.request.image = "ami-00000000000000000";
  const absl::Status status = world.provider->CheckOnline(world.request);
  EXPECT_THAT(status, ::constellation::testing::StatusIs(
                          absl::StatusCode::kInvalidArgument,
                          AllOf(HasSubstr("t3.micro: no SEV-SNP"),
                                HasSubstr("zone eu-west-1z: not available"),
                                HasSubstr("image ami-00000000000000000"),
                                HasSubstr("no instance profile \"demo-cp\""))));
  world.ExpectNoFindings();
}

// A disk of three blocks, of which the second is empty.
TEST(AwsFlowTest, UploadsImages) {
  AwsWorld world;
  const ::constellation::testing::TempDir folder;
  std::string disk(3 * 512 * 1024 - 1000, '\0');
  disk[5] = 'a';
  disk[2 * 512 * 1024] = 'b';
  ImageUpload upload{.path = folder.path() + "/disk.raw",
                     .sha256 = HexEncode(crypto::Sha256(AsBytes(disk))),
                     .name = "constellation-test",
                     .version = "v0.1.0",
                     .attestation_variant = "aws-sev-snp",
                     .settings = world.request.settings,
                     .state_file = folder.path() + "/upload.json"};
  ASSERT_THAT(WriteFileAtomically(upload.path, disk), IsOk());
  // Killed in the middle, then finished by the next run.
  world.kill.Arm(9);
  EXPECT_FALSE(world.provider->UploadImage(upload, {}).ok());
  world.kill.Arm(0);
  const auto image = world.provider->UploadImage(upload, {});
  ASSERT_THAT(image, IsOk());
  EXPECT_TRUE(image->starts_with("ami-"));
  EXPECT_FALSE(FileExists(upload.state_file));
  EXPECT_THAT(world.provider->UploadImage(upload, {}),
              ::constellation::testing::IsOkAndHolds(*image));
  const nlohmann::json calls = AwsServer::Get().Report().at("calls");
  EXPECT_EQ(calls.at("ec2:RegisterImage"), 1);
  // What it can do is what was registered.
  world.request.image = *image;
  EXPECT_THAT(Message(world.provider->CheckOnline(world.request)),
              ::testing::Not(HasSubstr("image")));
  upload.sha256 = std::string(64, '0');
  EXPECT_THAT(Message(world.provider->UploadImage(upload, {}).status()),
              HasSubstr("SHA-256"));
  world.ExpectNoFindings();
}

// --- Permissions -------------------------------------------------------------

// The actions of docs/clouds/aws-policy.json.
nlohmann::json Policy() {
  const char* folder = std::getenv("CONSTELLATION_SOURCE_DIR");
  const auto text = ReadFile(std::string(folder == nullptr ? "." : folder) +
                             "/docs/clouds/aws-policy.json");
  EXPECT_THAT(text, IsOk());
  return text.ok() ? nlohmann::json::parse(*text, nullptr, false)
                   : nlohmann::json();
}

// A user of IAM with `policy`, whose keys the world uses from now on.
void BecomeUser(AwsWorld& world, const nlohmann::json& policy) {
  RootSource root;
  AwsClient client(world.ClientAs(root));
  ASSERT_THAT(client.Call(kIam, "CreateUser", {{"UserName", "owner"}}), IsOk());
  ASSERT_THAT(client.Call(kIam, "PutUserPolicy",
                          {{"UserName", "owner"},
                           {"PolicyName", "constellation"},
                           {"PolicyDocument", policy.dump()}}),
              IsOk());
  const auto key =
      client.Call(kIam, "CreateAccessKey", {{"UserName", "owner"}});
  ASSERT_THAT(key, IsOk());
  world.variables["AWS_ACCESS_KEY_ID"] =
      key->result().Text("AccessKey/AccessKeyId");
  world.variables["AWS_SECRET_ACCESS_KEY"] =
      key->result().Text("AccessKey/SecretAccessKey");
  AwsServer::Get().Change({{"authentication", true}});
}

TEST(AwsPermissionTest, ThePolicyIsEnough) {
  AwsWorld world;
  BecomeUser(world, Policy());
  const auto identities = world.iam->Desired(world.request.identity, {});
  ASSERT_THAT(identities, IsOk());
  const EngineResult iam = world.Run(world.iam->Drivers(), *identities);
  EXPECT_THAT(iam.status, IsOk()) << FailuresToText(iam);
  const EngineResult less = world.RunTerminate(&world.iam->Drivers());
  EXPECT_THAT(less.status, IsOk()) << FailuresToText(less);
  EXPECT_THAT(world.Inventory(), IsEmpty());
  const EngineResult made = world.RunApply();
  EXPECT_THAT(made.status, IsOk()) << FailuresToText(made);
  const EngineResult gone = world.RunTerminate();
  EXPECT_THAT(gone.status, IsOk()) << FailuresToText(gone);
  EXPECT_THAT(world.Inventory(), IsEmpty());
  AwsServer::Get().Change({{"authentication", false}});
}

TEST(AwsPermissionTest, AMissingPermissionIsNamed) {
  AwsWorld world;
  nlohmann::json policy = Policy();
  for (auto& statement : policy.at("Statement")) {
    nlohmann::json& actions = statement.at("Action");
    actions.erase(
        std::remove(actions.begin(), actions.end(), "ec2:CreateNatGateway"),
        actions.end());
  }
  BecomeUser(world, policy);
  const EngineResult made = world.RunApply();
  ASSERT_FALSE(made.failures.empty());
  EXPECT_EQ(made.failures[0].error.kind, CloudErrorKind::kPermission);
  EXPECT_THAT(FailuresToText(made), HasSubstr("ec2:CreateNatGateway"));
  const EngineResult gone = world.RunTerminate();
  EXPECT_THAT(gone.status, IsOk()) << FailuresToText(gone);
  EXPECT_THAT(world.Inventory(), IsEmpty());
  AwsServer::Get().Change({{"authentication", false}});
}

TEST(AwsPermissionTest, WrongSecretsAreRefused) {
  AwsWorld world;
  BecomeUser(world, Policy());
  world.variables["AWS_SECRET_ACCESS_KEY"] = "wrong";
  EXPECT_EQ(CloudErrorKindOf(world.provider->Scope().status()),
            CloudErrorKind::kBadCredentials);
  AwsServer::Get().Change({{"authentication", false}});
}

}  // namespace
}  // namespace constellation::cloud::aws::testing
