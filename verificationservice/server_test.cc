// SPDX-License-Identifier: Apache-2.0
#include "verificationservice/server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
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

namespace constellation::verificationservice {
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
    options_.node_name = "node-1";
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

}  // namespace
}  // namespace constellation::verificationservice
