// SPDX-License-Identifier: Apache-2.0
// Who may do what: tokens from Entra's endpoint, what `iam create` makes, what
// nodes learn with it; and images on their way in.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cloud/azure/azure_iam.h"
#include "cloud/azure/azure_metadata.h"
#include "cloud/azure/vhd.h"
#include "cloud/azure/wireserver.h"
#include "common/command.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/hash.h"
#include "tests/integration/azure/azure_world.h"

namespace constellation::cloud::azure::testing {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::SizeIs;

class IdentityTest : public ::testing::Test {
 protected:
  ~IdentityTest() override {
    EXPECT_EQ(world_.stub.Dump()["violations"], json::array());
  }

  // The first call with whatever credentials the environment has now.
  absl::Status Call() {
    const absl::Status started = world_.Start();
    return started.ok()
               ? world_.provider->Instances(world_.request.identity).status()
               : started;
  }

  // What the metadata service tells a VM that the cli made.
  json InstanceDocument(std::string_view group, int number) {
    const json dump = world_.stub.Dump();
    for (const json& set : dump["resources"]) {
      if (set["id"].get<std::string>().ends_with(group)) {
        json tags = json::array();
        for (const auto& [name, value] : set["tags"].items()) {
          tags.push_back({{"name", name}, {"value", value}});
        }
        const json prefix = set["properties"]["virtualMachineProfile"]
                               ["osProfile"]["computerNamePrefix"];
        return {
            {"compute",
             {{"subscriptionId", kSubscription},
              {"resourceGroupName", "rg"},
              {"zone", set["zones"][0]},
              {"resourceId", fmt::format("{}/virtualMachines/{}",
                                         set["id"].get<std::string>(), number)},
              {"osProfile",
               {{"computerName",
                 fmt::format("{}{:06}", prefix.get<std::string>(), number)}}},
              {"tagsList", tags}}},
            {"network",
             {{"interface",
               {{{"ipv4",
                  {{"ipAddress", {{{"privateIpAddress", "192.168.178.10"}}}},
                   {"subnet", {{{"prefix", "24"}}}}}}}}}}}};
      }
    }
    ADD_FAILURE() << "no " << group;
    return {};
  }

  AzureWorld world_;
};

TEST_F(IdentityTest, EntraJudgesSecrets) {
  EXPECT_THAT(Call(), IsOk());
  world_.variables["AZURE_CLIENT_SECRET"] = "wrong";
  EXPECT_THAT(Call(), StatusIs(absl::StatusCode::kUnauthenticated,
                               HasSubstr("AADSTS7000215")));
  world_.variables["AZURE_CLIENT_ID"] = "unknown";
  EXPECT_THAT(Call(), StatusIs(absl::StatusCode::kUnauthenticated,
                               HasSubstr("AADSTS700016")));
  std::get<AzureSettings>(world_.request.settings).tenant =
      "00000000-0000-4000-8000-0000000000ff";
  EXPECT_THAT(Call(), StatusIs(absl::StatusCode::kUnauthenticated,
                               HasSubstr("AADSTS90002")));
}

TEST_F(IdentityTest, EntraVerifiesCertificates) {
  const TempDir dir;
  ProcessRunner runner;
  for (const char* name : {"a", "b"}) {
    ASSERT_THAT(
        RunChecked(runner, {"openssl", "req", "-x509", "-newkey", "rsa:2048",
                            "-nodes", "-days", "2", "-subj", "/CN=cli",
                            "-keyout", dir.Join(name) + std::string(".key"),
                            "-out", dir.Join(name) + std::string(".crt")}),
        IsOk());
  }
  const auto read = [&](const std::string& name) {
    return ReadFile(dir.Join(name)).value();
  };
  const std::string file = dir.Join("both.pem");
  ASSERT_THAT(WriteFileAtomically(file, read("a.crt") + read("a.key")), IsOk());
  world_.variables.erase("AZURE_CLIENT_SECRET");
  world_.variables["AZURE_CLIENT_CERTIFICATE_PATH"] = file;
  world_.stub.Control({{"certificate", read("a.crt")}});
  EXPECT_THAT(Call(), IsOk());
  world_.variables["AZURE_CLIENT_SEND_CERTIFICATE_CHAIN"] = "true";
  EXPECT_THAT(Call(), IsOk());
  world_.stub.Control({{"certificate", read("b.crt")}});
  EXPECT_THAT(Call(), StatusIs(absl::StatusCode::kUnauthenticated,
                               HasSubstr("AADSTS700027")));
  ASSERT_THAT(WriteFileAtomically(file, read("b.crt") + read("a.key")), IsOk());
  EXPECT_THAT(Call(), StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("not that of its private key")));
}

TEST_F(IdentityTest, FederatedAndManagedIdentities) {
  const TempDir dir;
  ASSERT_THAT(WriteFileAtomically(dir.Join("t"), "federated-token\n"), IsOk());
  world_.variables.erase("AZURE_CLIENT_SECRET");
  world_.variables["AZURE_FEDERATED_TOKEN_FILE"] = dir.Join("t");
  EXPECT_THAT(Call(), IsOk());
  world_.variables.erase("AZURE_FEDERATED_TOKEN_FILE");
  EXPECT_THAT(Call(), IsOk());  // the machine's
  world_.stub.Control({{"identities", false}});
  EXPECT_THAT(Call(), StatusIs(absl::StatusCode::kUnauthenticated,
                               HasSubstr("ManagedIdentityCredential")));
}

TEST_F(IdentityTest, IamIsMadeAndDestroyed) {
  world_.stub.Control({{"reset", true}});
  ASSERT_THAT(world_.Start(), IsOk());
  const auto iam = MakeAzureIamProvider(world_.Options());
  ASSERT_OK_AND_ASSIGN(const auto desired,
                       iam->Desired(world_.request.identity, {}));
  // The directory learns of the new identity a little later.
  world_.stub.Control({{"faults",
                        {{{"kind", "refuse"},
                          {"match", "PUT .*roleAssignments"},
                          {"times", 3},
                          {"status", 400},
                          {"code", "PrincipalNotFound"}}}}});
  EngineResult result = world_.Apply(desired, iam->Drivers());
  ASSERT_THAT(result.status, IsOk()) << FailuresToText(result);
  EXPECT_THAT(world_.stub.Owned("0a1b2c3d"), SizeIs(4));
  ASSERT_OK_AND_ASSIGN(const auto values, iam->ConfigValues(result.outputs));
  EXPECT_THAT(values, Contains(Key("provider.azure.userAssignedIdentity")));
  ASSERT_OK_AND_ASSIGN(const auto keys, iam->KeyFiles(result.outputs));
  EXPECT_THAT(keys, IsEmpty());

  result = world_.Apply(desired, iam->Drivers());
  EXPECT_THAT(result.status, IsOk());
  EXPECT_TRUE(world_.plan.Empty()) << PlanToText(world_.plan);
  (void)world_.storage.Remove();
  ASSERT_THAT(world_.Start(), IsOk());
  result = world_.Terminate(iam->Drivers());
  EXPECT_THAT(result.status, IsOk()) << FailuresToText(result);
  EXPECT_THAT(world_.stub.Owned("0a1b2c3d"), IsEmpty());
}

TEST_F(IdentityTest, AGroupWithSomethingInItIsKept) {
  world_.stub.Control({{"reset", true}});
  ASSERT_THAT(world_.Start(), IsOk());
  const auto iam = MakeAzureIamProvider(world_.Options());
  ASSERT_OK_AND_ASSIGN(const auto desired,
                       iam->Desired(world_.request.identity, {}));
  ASSERT_THAT(world_.Apply(desired, iam->Drivers()).status, IsOk());
  const std::string disk = fmt::format(
      "/subscriptions/{}/resourceGroups/rg/providers/Microsoft.Compute/disks/"
      "mine",
      kSubscription);
  world_.stub.Control(
      {{"resources",
        {{{"id", disk}, {"location", "x"}, {"properties", json::object()}}}}});
  const auto check = [&] { return iam->CheckDestroy(world_.request.identity); };
  EXPECT_THAT(check(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                HasSubstr("disks/mine")));
  const EngineResult result = world_.Terminate(iam->Drivers());
  EXPECT_FALSE(result.status.ok());
  EXPECT_THAT(FailuresToText(result), HasSubstr("disks/mine"));
  EXPECT_THAT(world_.stub.Dump()["resources"].dump(), HasSubstr("disks/mine"));
  int groups = 0;
  const json things = world_.stub.Dump()["resources"];
  for (json group : things) {
    if (group["type"] == "resourcegroups") {
      ++groups;
      group["properties"]["provisioningState"] = "Deleting";
      world_.stub.Control({{"resources", {group}}});
      EXPECT_THAT(check(), IsOk()) << "on its way out with all that is in it";
      group["properties"]["provisioningState"] = "Succeeded";
      world_.stub.Control({{"resources", {group}}});
    }
  }
  EXPECT_EQ(groups, 1);
  EXPECT_THAT(check(), StatusIs(absl::StatusCode::kFailedPrecondition));
  world_.stub.Control({{"remove", disk}});
  EXPECT_THAT(check(), IsOk());
  const absl::Time before = world_.clock.Now();
  world_.stub.Control({{"reset", true}});
  EXPECT_THAT(check(), IsOk()) << "no group";
  EXPECT_EQ(world_.clock.Now(), before) << "it never waits";
}

TEST_F(IdentityTest, NodesFindEachOtherWithTheirRole) {
  EngineResult result = world_.RunApply(world_.request);
  ASSERT_THAT(result.status, IsOk()) << FailuresToText(result);
  world_.stub.Control({{"actions", NodePermissions()},
                       {"instance", InstanceDocument("worker-default", 1)}});
  CurlTransport transport{CurlOptions{}};
  AzureMetadataClient client({.transport = transport,
                              .clock = world_.clock,
                              .imds = world_.stub.url(),
                              .arm = world_.stub.url()});
  ASSERT_OK_AND_ASSIGN(const InstanceMetadata self, client.Self());
  EXPECT_EQ(self.role, NodeRole::kWorker);
  EXPECT_EQ(self.name, "demo-0a1b2c3d-worker-default-000001");
  EXPECT_EQ(self.init_secret_sha256, std::string(64, 'a'));
  ASSERT_OK_AND_ASSIGN(const auto peers, client.Peers());
  EXPECT_THAT(peers, SizeIs(5));
  bool found = false;
  for (const InstanceMetadata& peer : peers) {
    found |= peer.name == self.name && peer.provider_id == self.provider_id;
    EXPECT_EQ(peer.init_secret_sha256, "");
  }
  EXPECT_TRUE(found) << "this node is one of them";
  ASSERT_OK_AND_ASSIGN(const std::string endpoint, client.Endpoint());
  const auto outputs =
      world_.provider->Infrastructure(world_.request, result.outputs);
  ASSERT_THAT(outputs, IsOk());
  EXPECT_EQ(endpoint, outputs->in_cluster_endpoint + ":6443");
  world_.stub.Control({{"metadata_faults", {429, 500}}});
  AzureMetadataClient again({.transport = transport,
                             .clock = world_.clock,
                             .imds = world_.stub.url(),
                             .arm = world_.stub.url()});
  EXPECT_THAT(again.Self(), IsOk());
  world_.stub.Control({{"instance", "{\"compute\": 7}"}});
  AzureMetadataClient lied({.transport = transport,
                            .clock = world_.clock,
                            .imds = world_.stub.url(),
                            .arm = world_.stub.url()});
  EXPECT_THAT(lied.Self(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(world_.stub.Dump()["denied"], IsEmpty());
}

TEST_F(IdentityTest, NodesReportReady) {
  CurlTransport transport{CurlOptions{}};
  world_.stub.Control({{"metadata_faults", {503}}});
  EXPECT_THAT(ReportReady(transport, world_.clock, world_.stub.url()), IsOk());
  const json health = world_.stub.Dump()["health"];
  ASSERT_THAT(health, SizeIs(1));
  EXPECT_THAT(health[0].get<std::string>(),
              HasSubstr("<InstanceId>demo_0</InstanceId><Health><State>Ready"));
}

class UploadTest : public IdentityTest {
 protected:
  UploadTest() {
    // Data, a hole that spans whole requests, data; no multiple of anything.
    image_ = std::string(size_t{5} << 20U, 'x') +
             std::string(size_t{9} << 20U, '\0') +
             std::string((size_t{3} << 20U) + 77, 'y');
    upload_.path = dir_.Join("image.raw");
    upload_.state_file = dir_.Join("state.json");
    EXPECT_THAT(WriteFileAtomically(upload_.path, image_), IsOk());
    upload_.sha256 = HexEncode(crypto::Sha256(AsBytes(image_)));
  }

  absl::StatusOr<std::string> Run() {
    EXPECT_THAT(world_.Start(), IsOk());
    return world_.provider->UploadImage(
        upload_, [this](std::string_view what, double) {
          if (steps_.empty() || steps_.back() != what) {
            steps_.emplace_back(what);
          }
          if (what == "verifying") {
            const json blobs = world_.stub.Dump()["blobs"];
            seen_ = blobs.empty() ? "" : blobs.begin()->get<std::string>();
          }
        });
  }

  std::string WantedHash() const {
    const uint64_t size = VhdDiskSize(image_.size());
    std::string vhd = image_;
    vhd.resize(size, '\0');
    vhd += VhdFooter(size, upload_.sha256.substr(0, 16));
    return HexEncode(crypto::Sha256(AsBytes(vhd)));
  }

  TempDir dir_;
  std::string image_;
  ImageUpload upload_{.name = "constellation",
                      .version = "v2.30.0",
                      .attestation_variant = "azure-sev-snp",
                      .settings = SmallRequest().settings};
  std::vector<std::string> steps_;
  std::string seen_;
};

TEST_F(UploadTest, EveryOctetArrives) {
  ASSERT_OK_AND_ASSIGN(const std::string id, Run());
  EXPECT_THAT(id, HasSubstr("/versions/2.30.0"));
  EXPECT_EQ(seen_, WantedHash());
  EXPECT_THAT(steps_, Contains("registering the image"));
  EXPECT_THAT(world_.stub.Dump()["blobs"], IsEmpty()) << "the disk is gone";
  EXPECT_FALSE(FileExists(upload_.state_file));
  steps_.clear();
  ASSERT_OK_AND_ASSIGN(const std::string again, Run());
  EXPECT_EQ(again, id);
  EXPECT_THAT(steps_, IsEmpty()) << "it is there";
  world_.request.image = id;  // and can be used
  EXPECT_THAT(world_.RunApply(world_.request).status, IsOk());
  image_[0] = 'z';
  ASSERT_THAT(WriteFileAtomically(upload_.path, image_), IsOk());
  EXPECT_THAT(Run(), IsOk()) << "the tag's hash is what counts";
  upload_.sha256 = HexEncode(crypto::Sha256(AsBytes(image_)));
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(UploadTest, GoesOnWhereItStopped) {
  int runs = 0;
  for (int step = 4; step < 400; step += 7) {
    SCOPED_TRACE(step);
    world_.kill.Arm(step);
    const auto id = Run();
    const bool died = world_.kill.dead();
    world_.kill.Arm(0);
    ++runs;
    if (!died) {
      EXPECT_THAT(id, IsOk());
      break;
    }
    EXPECT_FALSE(id.ok());
  }
  EXPECT_GT(runs, 3);
  EXPECT_THAT(Run(), IsOk());
  EXPECT_EQ(seen_, WantedHash());
  EXPECT_THAT(world_.stub.Dump()["blobs"], IsEmpty()) << "no disk is left";
}

// Azurite is Microsoft's; the stand-in's page blobs are ours.
TEST_F(UploadTest, AzuriteAgrees) {
  ProcessRunner runner;
  ASSERT_OK_AND_ASSIGN(const CommandResult installed,
                       runner.Run({SourcePath("get_azurite")}, {}));
  if (installed.exit_code == 77) {
    GTEST_SKIP() << installed.err;
  }
  ASSERT_EQ(installed.exit_code, 0) << installed.err;
  const uint64_t size = VhdDiskSize(image_.size()) + kVhdFooterSize;
  const ScriptProcess azurite(
      {"/usr/bin/python3", SourcePath("azurite_blob.py"),
       installed.out.substr(0, installed.out.find('\n')), std::to_string(size)},
      "url");
  world_.stub.Control({{"blob_service", azurite.value()}});
  ASSERT_THAT(Run(), IsOk());
  CurlTransport transport{CurlOptions{}};
  ASSERT_OK_AND_ASSIGN(
      const HttpResponse blob,
      transport.Send({.url = azurite.value(),
                      .headers = {{"x-ms-version", "2021-08-06"}},
                      .max_answer_size = size_t{64} << 20U}));
  EXPECT_EQ(blob.status, 200);
  EXPECT_EQ(HexEncode(crypto::Sha256(AsBytes(blob.body))), WantedHash());
}

TEST_F(UploadTest, RefusesAFileThatIsNotWhatItIsCalled) {
  upload_.sha256 = std::string(64, 'b');
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument,
                              HasSubstr("want SHA-256")));
  upload_.path = dir_.Join("none");
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(UploadTest, NoticesThatSomethingElseArrived) {
  world_.stub.Control({{"corrupt", true}});
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(FileExists(upload_.state_file));
  world_.stub.Control({{"corrupt", false}});
  EXPECT_THAT(Run(), IsOk()) << "with a new disk: the old one takes no more";
  EXPECT_EQ(seen_, WantedHash());
}

}  // namespace
}  // namespace constellation::cloud::azure::testing
