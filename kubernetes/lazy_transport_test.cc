// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/lazy_transport.h"

#include <gtest/gtest.h>

#include <barrier>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "kubernetes/testing/absent_cluster.h"
#include "kubernetes/testing/fake_transport.h"

namespace constellation::kubernetes {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;

class LazyTransportTest : public ::testing::Test {
 protected:
  LazyTransportTest()
      : transport_([this]() -> absl::StatusOr<std::unique_ptr<HttpTransport>> {
          ++made_;
          if (!failure_.ok()) return failure_;
          auto made = std::make_unique<testing::FakeTransport>();
          for (int i = 0; i < 8; ++i) made->Answer(200, "an answer");
          return made;
        }) {}

  int made_ = 0;
  absl::Status failure_;
  LazyTransport transport_;
};

TEST_F(LazyTransportTest, IsMadeOnceByTheFirstRequest) {
  EXPECT_EQ(made_, 0);
  ASSERT_OK_AND_ASSIGN(const HttpResponse first,
                       transport_.Send({.target = "/x"}));
  EXPECT_EQ(first.body, "an answer");
  EXPECT_THAT(transport_.Send({.target = "/x"}), IsOk());
  EXPECT_EQ(made_, 1);
}

TEST_F(LazyTransportTest, IsMadeByAStream) {
  std::string body;
  EXPECT_THAT(transport_.Stream(
                  {.target = "/x"},
                  [&body](std::string_view piece) {
                    body += piece;
                    return true;
                  },
                  std::stop_token()),
              IsOk());
  EXPECT_EQ(body, "an answer");
  EXPECT_EQ(made_, 1);
}

TEST_F(LazyTransportTest, OpeningMakesItBeforeAnyRequest) {
  EXPECT_THAT(transport_.Open(), IsOk());
  EXPECT_THAT(transport_.Open(), IsOk());
  EXPECT_THAT(transport_.Send({.target = "/x"}), IsOk());
  EXPECT_EQ(made_, 1);
}

TEST_F(LazyTransportTest, AFailureIsSaidAndTheNextCallTriesAgain) {
  failure_ = NotFound("no authority");
  EXPECT_THAT(transport_.Open(),
              StatusIs(absl::StatusCode::kNotFound, "no authority"));
  EXPECT_THAT(transport_.Send({.target = "/x"}),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(transport_.Stream(
                  {.target = "/x"}, [](std::string_view) { return true; },
                  std::stop_token()),
              StatusIs(absl::StatusCode::kNotFound));
  failure_ = absl::OkStatus();
  EXPECT_THAT(transport_.Send({.target = "/x"}), IsOk());
  EXPECT_EQ(made_, 4);
}

TEST_F(LazyTransportTest, ManyWhoComeAtOnceShareOne) {
  constexpr int kThreads = 8;
  std::barrier begin(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([this, &begin] {
        begin.arrive_and_wait();
        EXPECT_THAT(transport_.Send({.target = "/x"}), IsOk());
      });
    }
  }
  EXPECT_EQ(made_, 1);
}

TEST(LazyHttpsTransportTest, ReadsTheKubeconfigWhenOpened) {
  const constellation::testing::TempDir folder;
  const auto transport = MakeLazyHttpsTransport(folder.Join("kubeconfig"));
  EXPECT_THAT(transport->Open(), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_THAT(testing::WriteKubeconfigOfNobody(folder.Join("kubeconfig")),
              IsOk());
  EXPECT_THAT(transport->Open(), IsOk());
}

}  // namespace
}  // namespace constellation::kubernetes
