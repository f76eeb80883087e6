// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/watch.h"

#include <fmt/format.h>

#include "common/testing/status_matchers.h"
#include "kubernetes/testing/fake_transport.h"

namespace constellation::kubernetes {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kList[] =
    R"({"metadata":{"resourceVersion":"10"},"items":[{"metadata":{"name":"a"}}]})";

std::string Event(std::string_view type, std::string_view name, int version) {
  return fmt::format(
      R"({{"type":"{}","object":{{"metadata":{{"name":"{}","resourceVersion":"{}"}}}}}})"
      "\n",
      type, name, version);
}

// Writes down what it is told; stops the watch after `limit` calls.
class Recorder final : public WatchHandler {
 public:
  explicit Recorder(size_t limit) : limit_(limit) {}
  void OnList(const ObjectList& list) override {
    Note(fmt::format("list of {} at {}", list.items.size(),
                     list.resource_version));
  }
  void OnChange(const Json& object) override {
    Note("change " + FindString(object, {"metadata", "name"}).value_or("?"));
  }
  void OnDelete(const Json& object) override {
    Note("delete " + FindString(object, {"metadata", "name"}).value_or("?"));
  }
  std::stop_token stop() { return source_.get_token(); }
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  void Note(std::string note) {
    notes_.push_back(std::move(note));
    if (notes_.size() == limit_) source_.request_stop();
  }

  const size_t limit_;
  std::stop_source source_;
  std::vector<std::string> notes_;
};

class WatchTest : public ::testing::Test {
 protected:
  WatchTest() {
    auto transport = std::make_unique<testing::FakeTransport>();
    transport_ = transport.get();
    client_ = std::make_unique<Client>(std::move(transport));
  }
  absl::Status Run(Recorder& recorder) {
    return Watch(*client_, "/x", {}, clock_, recorder.stop(), recorder);
  }
  std::string Target(size_t index) {
    return transport_->requests().at(index).target;
  }

  FakeClock clock_{absl::UnixEpoch()};
  testing::FakeTransport* transport_;
  std::unique_ptr<Client> client_;
};

TEST_F(WatchTest, ListsThenFollows) {
  transport_->Answer(200, kList);
  transport_->Answer(200, Event("ADDED", "b", 11) + Event("MODIFIED", "a", 12) +
                              Event("DELETED", "b", 13));
  Recorder recorder(4);
  EXPECT_THAT(Run(recorder), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(recorder.notes(), ElementsAre("list of 1 at 10", "change b",
                                            "change a", "delete b"));
  EXPECT_THAT(Target(1), HasSubstr("resourceVersion=10&"));
  EXPECT_THAT(Target(1), HasSubstr("allowWatchBookmarks=true"));
}

TEST_F(WatchTest, ContinuesAfterTheLastEventAndAfterBookmarks) {
  transport_->Answer(200, kList);
  transport_->Answer(200, Event("ADDED", "b", 11));
  transport_->Answer(200, Event("BOOKMARK", "", 20));
  transport_->Fail(absl::UnavailableError("connection reset"));
  transport_->Answer(200, Event("ADDED", "c", 21));
  Recorder recorder(3);
  EXPECT_THAT(Run(recorder), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(recorder.notes(),
              ElementsAre("list of 1 at 10", "change b", "change c"));
  EXPECT_THAT(Target(2), HasSubstr("resourceVersion=11&"));
  EXPECT_THAT(Target(3), HasSubstr("resourceVersion=20&"));
  EXPECT_THAT(Target(4), HasSubstr("resourceVersion=20&"));
}

TEST_F(WatchTest, HalfAnEventIsNotAnEvent) {
  transport_->Answer(200, kList);
  transport_->Answer(200, Event("ADDED", "b", 11).substr(0, 40));
  transport_->Answer(200, Event("ADDED", "b", 11));
  Recorder recorder(2);
  EXPECT_THAT(Run(recorder), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(recorder.notes(), ElementsAre("list of 1 at 10", "change b"));
  EXPECT_THAT(Target(2), HasSubstr("resourceVersion=10&"));
}

TEST_F(WatchTest, ListsAnewAfterGoneAsEvent) {
  transport_->Answer(200, kList);
  transport_->Answer(
      200,
      R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}})"
      "\n");
  transport_->Answer(200,
                     R"({"metadata":{"resourceVersion":"90"},"items":[]})");
  Recorder recorder(2);
  EXPECT_THAT(Run(recorder), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(recorder.notes(),
              ElementsAre("list of 1 at 10", "list of 0 at 90"));
}

TEST_F(WatchTest, ListsAnewAfterGoneAsAnswer) {
  transport_->Answer(200, kList);
  transport_->Answer(410, R"({"kind":"Status","reason":"Gone"})");
  transport_->Answer(200, kList);
  Recorder recorder(2);
  EXPECT_THAT(Run(recorder), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(recorder.notes(),
              ElementsAre("list of 1 at 10", "list of 1 at 10"));
}

TEST_F(WatchTest, WaitsLongerEachTimeNothingComes) {
  for (int i = 0; i < 7; ++i) transport_->Answer(503, "");
  transport_->Answer(200, kList);
  Recorder recorder(1);
  const absl::Time begin = clock_.Now();
  EXPECT_THAT(Run(recorder), StatusIs(absl::StatusCode::kCancelled));
  // 1 + 2 + 4 + 8 + 16 + 30 + 30
  EXPECT_EQ(clock_.Now() - begin, absl::Seconds(91));
}

TEST_F(WatchTest, DoesNotSpinOnAServerThatHangsUp) {
  transport_->Answer(200, kList);
  for (int i = 0; i < 3; ++i) transport_->Answer(200, "");
  transport_->Answer(200, Event("ADDED", "b", 11));
  Recorder recorder(2);
  const absl::Time begin = clock_.Now();
  EXPECT_THAT(Run(recorder), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_GE(clock_.Now() - begin, absl::Seconds(7));
}

TEST_F(WatchTest, ReturnsErrorsThatWillNotPass) {
  transport_->Answer(403, R"({"kind":"Status","message":"no"})");
  Recorder recorder(1);
  EXPECT_THAT(Run(recorder), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(WatchTest, RefusesEventsThatAreNone) {
  for (const char* line : {"junk\n", "{}\n",
                           R"({"type":"ADDED","object":{}})"
                           "\n"}) {
    transport_->Answer(200, kList);
    transport_->Answer(200, line);
    Recorder recorder(2);
    EXPECT_THAT(Run(recorder), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST_F(WatchTest, RefusesEndlessLines) {
  transport_->Answer(200, kList);
  transport_->Answer(200, std::string(size_t{9} << 20U, 'x'));
  Recorder recorder(2);
  EXPECT_THAT(Run(recorder), StatusIs(absl::StatusCode::kInvalidArgument,
                                      HasSubstr("event of more than")));
}

}  // namespace
}  // namespace constellation::kubernetes
