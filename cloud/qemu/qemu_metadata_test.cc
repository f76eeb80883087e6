// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/qemu_metadata.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/time/clock.h"
#include "cloud/qemu/http_server.h"
#include "cloud/qemu/metadata_service.h"
#include "cloud/qemu/testing/scripted_server.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;
using testing::ReceiveUntil;
using testing::ScriptedServer;
using testing::SendText;

class QemuMetadataTest : public ::testing::Test {
 protected:
  QemuMetadataTest()
      : client_({.url = "http://metadata",
                 .unix_socket = dir_.Join("s"),
                 .timeout = absl::Seconds(5)}) {
    view_.cluster.name = "demo";
    view_.cluster.uid = "0a1b2c3d";
    view_.cluster.init_secret_sha256 = std::string(64, 'a');
    view_.cluster.nodes = {
        {.name = "cp-1", .role = NodeRole::kControlPlane, .index = 1},
        {.name = "worker-1", .index = 2}};
    view_.time_scale = 10;
  }
  // Serves what the supervisor would serve to `node`.
  void ServeAs(const std::string& node) {
    auto server = HttpServer::Create(
        dir_.Join("s"), {}, [this, node](const HttpRequest& request) {
          return ServeMetadata(
              view_, node, request,
              [this](std::string_view s) { statuses_.emplace_back(s); });
        });
    ASSERT_TRUE(server.ok());
    server_ = *std::move(server);
  }
  // The outcome of Self() if the service answers `raw`, byte for byte.
  absl::Status SelfFrom(std::string_view raw) {
    const ScriptedServer server(dir_.Join("s"), [&](int fd) {
      ReceiveUntil(fd, "\r\n\r\n");
      SendText(fd, raw);
    });
    return client_.Self().status();
  }

  TempDir dir_;
  QemuMetadataClient client_;
  MetadataView view_;
  std::vector<std::string> statuses_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(QemuMetadataTest, ReadsEveryItem) {
  view_.enrolled_tpms = R"([{"nodeName":"cp-1"}])";
  ServeAs("cp-1");
  ASSERT_OK_AND_ASSIGN(const InstanceMetadata self, client_.Self());
  EXPECT_EQ(self.name, "cp-1");
  EXPECT_EQ(self.role, NodeRole::kControlPlane);
  EXPECT_EQ(self.cluster_ip, "10.42.0.11");
  EXPECT_EQ(self.provider_id, "qemu:///0a1b2c3d/cp-1");
  EXPECT_EQ(self.init_secret_sha256, std::string(64, 'a'));
  EXPECT_EQ(self.time_scale, 10U);
  ASSERT_OK_AND_ASSIGN(const auto peers, client_.Peers());
  ASSERT_EQ(peers.size(), 2U);
  EXPECT_EQ(peers[1].name, "worker-1");
  EXPECT_EQ(peers[0].init_secret_sha256, "") << "nobody's business";
  EXPECT_THAT(client_.Endpoint(), IsOkAndHolds("10.42.0.11:6443"));
  EXPECT_THAT(client_.EnrolledTpms(), IsOkAndHolds(view_.enrolled_tpms));
}

TEST_F(QemuMetadataTest, ReportsStatus) {
  ServeAs("worker-1");
  const std::string status =
      R"({"component":"bootstrapper","state":"running"})";
  EXPECT_THAT(client_.ReportStatus(status), IsOk());
  EXPECT_EQ(statuses_, std::vector<std::string>{status});
  EXPECT_THAT(client_.ReportStatus("not json"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(statuses_.size(), 1U);
}

TEST_F(QemuMetadataTest, MissingItemsAreNotFound) {
  view_.cluster.nodes.erase(view_.cluster.nodes.begin());
  ServeAs("worker-1");
  EXPECT_THAT(client_.Endpoint(), StatusIs(absl::StatusCode::kNotFound));
  server_.reset();
  ServeAs("stranger");
  EXPECT_THAT(client_.Self(), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(QemuMetadataTest, AbsentServiceIsUnavailable) {
  EXPECT_THAT(client_.Self(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(QemuMetadataTest, IgnoresProxySettings) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  ServeAs("cp-1");
  EXPECT_THAT(client_.Self(), IsOk());
  unsetenv("http_proxy");
}

std::string Answer(std::string_view body) {
  return fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}",
                     body.size(), body);
}

TEST_F(QemuMetadataTest, HostileAnswersAreErrors) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  constexpr auto kUnavailable = absl::StatusCode::kUnavailable;
  EXPECT_THAT(SelfFrom(Answer("{}")), StatusIs(kInvalid, HasSubstr("name")));
  EXPECT_THAT(SelfFrom(Answer("")), StatusIs(kInvalid, HasSubstr("not JSON")));
  EXPECT_THAT(SelfFrom(Answer(std::string(900000, '['))), StatusIs(kInvalid));
  EXPECT_THAT(SelfFrom(Answer(std::string((1U << 20U) + 1, ' '))),
              StatusIs(kInvalid, HasSubstr("longer than")));
  EXPECT_THAT(SelfFrom("SSH-2.0-OpenSSH\r\n"), ::testing::Not(IsOk()));
  EXPECT_THAT(SelfFrom(""), StatusIs(kUnavailable));
  EXPECT_THAT(SelfFrom("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
              StatusIs(kUnavailable));
  EXPECT_THAT(SelfFrom("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"),
              StatusIs(kUnavailable));
  EXPECT_THAT(SelfFrom("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
                       "Content-Length: 0\r\n\r\n"),
              StatusIs(kInvalid, HasSubstr("302")))
      << "must not follow";
}

TEST_F(QemuMetadataTest, EndlessBodyIsCutOff) {
  const ScriptedServer server(dir_.Join("s"), [&](int fd) {
    ReceiveUntil(fd, "\r\n\r\n");
    SendText(fd, "HTTP/1.1 200 OK\r\n\r\n");
    const std::string chunk(65536, ' ');
    for (int i = 0; i < 100000 && SendText(fd, chunk); ++i) {
    }
  });
  EXPECT_THAT(client_.Self(), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("longer than")));
}

TEST_F(QemuMetadataTest, SlowServiceRunsIntoTheTimeLimit) {
  QemuMetadataClient hasty({.url = "http://metadata",
                            .unix_socket = dir_.Join("s"),
                            .timeout = absl::Milliseconds(300)});
  const ScriptedServer server(dir_.Join("s"), [&](int fd) {
    ReceiveUntil(fd, "\r\n\r\n");
    SendText(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    for (int i = 0; i < 20 && SendText(fd, " "); ++i) {
      absl::SleepFor(absl::Milliseconds(50));
    }
  });
  EXPECT_THAT(hasty.Self(), StatusIs(absl::StatusCode::kDeadlineExceeded));
}

}  // namespace
}  // namespace constellation::cloud::qemu
