// SPDX-License-Identifier: Apache-2.0
#include "verificationservice/server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/end_signals.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "kubernetes/testing/absent_cluster.h"
#include "kubernetes/testing/child_process.h"

namespace constellation::verificationservice {
namespace {

using ::constellation::kubernetes::testing::FreePort;
using ::constellation::kubernetes::testing::ServeUntilTerminated;
using ::constellation::kubernetes::testing::WriteKubeconfigOfNobody;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;

// Before main(), so that no thread of this program dies of SIGTERM.
const EndSignals kSignals;

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    EXPECT_THAT(WriteKubeconfigOfNobody(folder_.Join("kubeconfig")), IsOk());
    options_.kubeconfig = folder_.Join("kubeconfig");
    options_.listen = fmt::format("127.0.0.1:{}", *FreePort());
    options_.node_name = "node-1";
  }

  constellation::testing::TempDir folder_;
  Options options_;
};

// Neither TPM nor API server is there: it serves all the same.
TEST_F(ServerTest, ServesUntilItIsToldToEnd) {
  EXPECT_THAT(ServeUntilTerminated([this] { return RunServer(options_); }),
              IsOk());
}

TEST_F(ServerTest, AnAddressThatIsNotOursIsAnError) {
  options_.listen = "192.0.2.1:1";
  EXPECT_THAT(RunServer(options_), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace constellation::verificationservice
