// SPDX-License-Identifier: Apache-2.0
#include "joinservice/server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <thread>

#include "absl/time/clock.h"
#include "common/end_signals.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/tls_identity.h"
#include "kubernetes/kubeconfig.h"
#include "kubernetes/testing/child_process.h"

namespace constellation::joinservice {
namespace {

using ::constellation::kubernetes::testing::FreePort;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;

// Before main(), so that no thread of this program dies of SIGTERM.
const EndSignals kSignals;

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    kubernetes::KubeconfigParameters parameters;
    parameters.cluster_name = parameters.user_name = parameters.context_name =
        "c";
    parameters.server = "https://127.0.0.1:1";  // nobody listens there
    parameters.ca_pem = crypto::CreateTlsIdentity()->certificate_pem;
    parameters.token = SecretBytes(AsBytes(std::string_view("t")));
    EXPECT_THAT(WriteFileAtomically(folder_.Join("kubeconfig"),
                                    *kubernetes::BuildKubeconfig(parameters)),
                IsOk());
    options_.kubeconfig = folder_.Join("kubeconfig");
    options_.listen = fmt::format("127.0.0.1:{}", *FreePort());
    options_.collateral.folder = folder_.Join("collateral");
    options_.key_service_socket = folder_.Join("socket");
  }

  constellation::testing::TempDir folder_;
  Options options_;
};

// Neither TPM nor API server is there: it serves all the same.
TEST_F(ServerTest, ServesUntilItIsToldToEnd) {
  absl::Status status = absl::UnknownError("still serving");
  std::thread thread([&] { status = RunServer(options_); });
  absl::SleepFor(absl::Milliseconds(500));
  EXPECT_EQ(kill(getpid(), SIGTERM), 0);
  thread.join();
  EXPECT_THAT(status, IsOk());
}

TEST_F(ServerTest, AnAddressThatIsNotOursIsAnError) {
  options_.listen = "192.0.2.1:1";
  EXPECT_THAT(RunServer(options_), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(ServerTest, WithoutAWayToTheApiServerItEndsAtOnce) {
  options_.kubeconfig = folder_.Join("absent");
  EXPECT_THAT(RunServer(options_), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_THAT(WriteFileAtomically(folder_.Join("bad"), "kind: Pod\n"), IsOk());
  options_.kubeconfig = folder_.Join("bad");
  EXPECT_THAT(RunServer(options_),
              StatusIs(absl::StatusCode::kInvalidArgument));
  options_.kubeconfig.clear();
  unsetenv("KUBERNETES_SERVICE_HOST");
  EXPECT_THAT(RunServer(options_),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace constellation::joinservice
