// SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/workspace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "cli/workspace/state.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

State FullState() {
  State state;
  state.infrastructure.uid = "0a1b2c3d";
  state.infrastructure.name = "mini";
  state.infrastructure.cluster_endpoint = "127.0.0.1";
  state.infrastructure.in_cluster_endpoint = "10.42.0.11";
  state.infrastructure.init_secret = std::string(64, 'a');
  state.infrastructure.ip_cidr_node = "10.42.0.0/24";
  state.infrastructure.api_server_cert_sans = {"127.0.0.1", "localhost"};
  state.infrastructure.qemu.image = "/images/a b.raw";
  state.infrastructure.qemu.measurements = {
      {4, {std::string(64, '4'), false}},
      {9, {std::string(64, '9'), false}},
      {11, {std::string(64, 'b'), false}}};
  state.infrastructure.qemu.nodes = {{"mini-control-plane-0",
                                      "control-plane",
                                      std::string(64, 'e'),
                                      "000b" + std::string(64, 'f'),
                                      {1, 2, 3, 4}},
                                     {"mini-worker-0", "worker", "", "", {}}};
  state.cluster_values.cluster_id = std::string(64, 'c');
  state.cluster_values.measurement_salt = std::string(64, 'd');
  return state;
}

TEST(StateTest, RenderedStateReadsBack) {
  const State state = FullState();
  ASSERT_OK_AND_ASSIGN(const State again, ParseState(RenderState(state), "s"));
  EXPECT_EQ(RenderState(again), RenderState(state));
  EXPECT_EQ(again.infrastructure.qemu.nodes, state.infrastructure.qemu.nodes);
  EXPECT_EQ(again.infrastructure.qemu.measurements,
            state.infrastructure.qemu.measurements);
  EXPECT_TRUE(again.IsInitialized());
  EXPECT_NE(again.FindNode("mini-worker-0"), nullptr);
  EXPECT_EQ(again.FindNode("other"), nullptr);
}

TEST(StateTest, EmptyStateReadsBack) {
  ASSERT_OK_AND_ASSIGN(const State state, ParseState(RenderState({}), "s"));
  EXPECT_FALSE(state.HasInfrastructure());
  EXPECT_FALSE(state.IsInitialized());
}

struct BadState {
  const char* name;
  const char* from;
  const char* to;
  const char* message;
};

class BadStateTest : public ::testing::TestWithParam<BadState> {};

TEST_P(BadStateTest, IsRefusedWithReason) {
  const BadState& c = GetParam();
  std::string text = RenderState(FullState());
  const size_t at = text.find(c.from);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, std::string_view(c.from).size(), c.to);
  EXPECT_THAT(ParseState(text, "state.yaml"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("state.yaml"), HasSubstr(c.message))));
}

INSTANTIATE_TEST_SUITE_P(
    Lines, BadStateTest,
    ::testing::Values(
        BadState{"Version", "version: v1", "version: v2",
                 "version must be v1, not \"v2\""},
        BadState{"NoVersion", "version: v1\n", "", "version is missing"},
        BadState{
            "UnknownKey", "clusterID:", "clusterId:",
            "unknown key clusterValues.clusterId; did you mean clusterID?"},
        BadState{"UidIsMap", "uid: \"0a1b2c3d\"", "uid: {}",
                 "infrastructure.uid must be text, not a map"},
        BadState{"BadUid", "uid: \"0a1b2c3d\"", "uid: \"A B\"",
                 "infrastructure.uid must be"},
        BadState{"Endpoint", "clusterEndpoint: \"127.0.0.1\"",
                 "clusterEndpoint: \"a b\"", "clusterEndpoint must be a host"},
        BadState{"PortText", "init: 1\n", "init: one\n",
                 "ports.init must be a whole number, not \"one\""},
        BadState{"PortRange", "init: 1\n", "init: 70000\n",
                 "from 0 to 65535, not 70000"},
        BadState{
            "NodesIsMap", "    nodes:\n      - name: mini-control-plane-0",
            "    nodes: {}\n    nodez:\n      - name: mini-control-plane-0",
            "infrastructure.qemu.nodes must be a list"},
        BadState{"TwiceTheSame", "name: mini-worker-0",
                 "name: mini-control-plane-0",
                 "node mini-control-plane-0 is there twice"},
        BadState{"Role", "role: worker", "role: boss", "must be one of"},
        BadState{"AkName", "000bff", "000bfg", "akName must be 68 hex digits"},
        BadState{"NoSalt",
                 "measurementSalt: "
                 "\"ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
                 "ddddd\"",
                 "measurementSalt: \"\"",
                 "is missing but there is a clusterID"},
        BadState{"NoUid", "uid: \"0a1b2c3d\"", "uid: \"\"",
                 "uid is missing but there are nodes"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(StateTest, NeverRepeatsSecretInMessages) {
  State state = FullState();
  state.infrastructure.init_secret = std::string(63, 'a');
  const absl::Status status = ParseState(RenderState(state), "s").status();
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("initSecret"), Not(HasSubstr("aaaa")))));
}

class WorkspaceTest : public ::testing::Test {
 protected:
  Workspace Open() const { return *Workspace::Open(folder_.path()); }
  TempDir folder_;
};

TEST_F(WorkspaceTest, MissingFolder) {
  EXPECT_THAT(
      Workspace::Open(folder_.Join("none")),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("does not exist")));
}

TEST_F(WorkspaceTest, FileIsNoFolder) {
  ASSERT_THAT(WriteFileAtomically(folder_.Join("f"), "x"), IsOk());
  EXPECT_THAT(Workspace::Open(folder_.Join("f")),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("is not a folder")));
}

TEST_F(WorkspaceTest, MissingFilesSayWhatToDo) {
  EXPECT_THAT(Open().LoadConfig(),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("constellation config generate")));
  EXPECT_THAT(Open().LoadState(), StatusIs(absl::StatusCode::kNotFound,
                                           HasSubstr("constellation apply")));
  EXPECT_THAT(Open().LoadMasterSecret(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("backup")));
  EXPECT_THAT(Open().LoadStateOrEmpty(), IsOk());
}

// Some keep the state on an encrypted disk and link to it. Were it taken for
// "no cluster yet", `apply` would make a second one.
TEST_F(WorkspaceTest, LinkToNowhereIsNoEmptyState) {
  ASSERT_EQ(
      symlink(folder_.Join("unmounted").c_str(), Open().state_path().c_str()),
      0);
  EXPECT_THAT(Open().LoadStateOrEmpty(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("is its disk mounted?")));
  ASSERT_THAT(
      WriteFileAtomically(folder_.Join("unmounted"), RenderState(FullState())),
      IsOk());
  ASSERT_OK_AND_ASSIGN(const State state, Open().LoadStateOrEmpty());
  EXPECT_TRUE(state.IsInitialized());
}

// Neither is what cannot be looked at: here the folder becomes a file.
TEST_F(WorkspaceTest, StateThatCannotBeLookedAtIsNotEmpty) {
  const std::string folder = folder_.Join("workspace");
  ASSERT_THAT(MakeDirectories(folder), IsOk());
  ASSERT_OK_AND_ASSIGN(const Workspace workspace, Workspace::Open(folder));
  ASSERT_EQ(rmdir(folder.c_str()), 0);
  ASSERT_THAT(WriteFileAtomically(folder, ""), IsOk());
  EXPECT_FALSE(workspace.LoadStateOrEmpty().ok());
}

TEST_F(WorkspaceTest, ConfigThatIsAFolder) {
  ASSERT_EQ(mkdir(Open().config_path().c_str(), 0700), 0);
  EXPECT_FALSE(Open().LoadConfig().ok());
}

TEST_F(WorkspaceTest, UnreadableFile) {
  if (geteuid() == 0) {
    GTEST_SKIP() << "root reads everything";
  }
  ASSERT_THAT(WriteFileAtomically(Open().config_path(), "x"), IsOk());
  ASSERT_EQ(chmod(Open().config_path().c_str(), 0), 0);
  EXPECT_THAT(Open().LoadConfig(),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(WorkspaceTest, OversizedFileIsRefused) {
  ASSERT_THAT(WriteFileAtomically(Open().config_path(),
                                  std::string(size_t{2} << 20U, '#')),
              IsOk());
  EXPECT_THAT(Open().LoadConfig(),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(WorkspaceTest, FilesArePrivate) {
  ASSERT_THAT(Open().SaveState(FullState()), IsOk());
  struct stat status {};
  ASSERT_EQ(stat(Open().state_path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

// Runs `action` as an unprivileged user, because root may write anywhere.
int AsNobody(const std::function<bool()>& action) {
  constexpr uid_t kNobody = 65534;
  const pid_t pid = fork();
  if (pid == 0) {
    if (geteuid() == 0 && setresuid(kNobody, kNobody, kNobody) != 0) {
      _exit(2);
    }
    _exit(action() ? 0 : 1);
  }
  int state = 0;
  waitpid(pid, &state, 0);
  return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

TEST_F(WorkspaceTest, UnwritableFolderIsRefusedBeforeAnything) {
  const Workspace workspace = Open();
  ASSERT_EQ(chmod(folder_.path().c_str(), 0555), 0);
  EXPECT_EQ(AsNobody([&] {
              const absl::Status status =
                  WorkspaceLock::Take(workspace).status();
              return absl::IsPermissionDenied(status) &&
                     Message(status).find("cannot be written") !=
                         std::string_view::npos;
            }),
            0);
  ASSERT_EQ(chmod(folder_.path().c_str(), 0700), 0);
}

TEST_F(WorkspaceTest, SecondLockIsRefused) {
  const Workspace workspace = Open();
  {
    const absl::StatusOr<WorkspaceLock> first = WorkspaceLock::Take(workspace);
    ASSERT_THAT(first, IsOk());
    EXPECT_THAT(WorkspaceLock::Take(workspace),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("another constellation command")));
  }
  EXPECT_THAT(WorkspaceLock::Take(workspace), IsOk());
}

TEST_F(WorkspaceTest, LockDiesWithItsProcess) {
  const Workspace workspace = Open();
  const pid_t pid = fork();
  if (pid == 0) {
    const auto lock = WorkspaceLock::Take(workspace);
    _exit(lock.ok() ? 0 : 1);  // no destructor runs
  }
  int state = 0;
  ASSERT_EQ(waitpid(pid, &state, 0), pid);
  EXPECT_EQ(WEXITSTATUS(state), 0);
  EXPECT_THAT(WorkspaceLock::Take(workspace), IsOk());
}

TEST_F(WorkspaceTest, MasterSecretIsMadeOnce) {
  bool created = false;
  ASSERT_OK_AND_ASSIGN(const MasterSecret first,
                       Open().LoadOrCreateMasterSecret(&created));
  EXPECT_TRUE(created);
  ASSERT_OK_AND_ASSIGN(const MasterSecret second,
                       Open().LoadOrCreateMasterSecret(&created));
  EXPECT_FALSE(created);
  EXPECT_TRUE(first.key.EqualsConstantTime(second.key));
  EXPECT_EQ(first.salt, second.salt);
}

TEST(MasterSecretTest, RefusesEverythingElse) {
  const std::string key = Base64Encode(Bytes(32, 1));
  const std::string short_key = Base64Encode(Bytes(31, 1));
  const auto json = [](const std::string& k, const std::string& s) {
    return R"({"key":")" + k + R"(","salt":")" + s + R"("})";
  };
  EXPECT_THAT(ParseMasterSecret(json(key, key), "m"), IsOk());
  for (const std::string& bad :
       {std::string(), std::string("{"), std::string("[]"), std::string("{}"),
        json(short_key, key), json(key, short_key), json("!!", key),
        json("", key), R"({"key":5,"salt":")" + key + R"("})",
        R"({"key":")" + key + R"("})",
        R"({"key":")" + key + R"(","salt":")" + key + R"(","more":1})"}) {
    const absl::Status status = ParseMasterSecret(bad, "m.json").status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("m.json")))
        << bad;
    EXPECT_THAT(std::string(Message(status)), Not(HasSubstr(key)));
  }
}

}  // namespace
}  // namespace constellation::cli
