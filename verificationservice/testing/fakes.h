// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_VERIFICATIONSERVICE_TESTING_FAKES_H_
#define CONSTELLATION_VERIFICATIONSERVICE_TESTING_FAKES_H_

#include <functional>
#include <string>
#include <vector>

#include "verificationservice/evidence_fetcher.h"
#include "verificationservice/node_directory.h"

namespace constellation::verificationservice::testing {

class FakeNodeDirectory final : public NodeDirectory {
 public:
  absl::StatusOr<std::vector<ListedNode>> nodes = std::vector<ListedNode>();
  absl::StatusOr<std::vector<ListedNode>> List() override { return nodes; }
};

// Answers as `answer` says; remembers whom it asked.
class FakeEvidenceFetcher final : public EvidenceFetcher {
 public:
  std::function<absl::StatusOr<v1::NodeEvidence>(const std::string& ip)> answer;
  std::vector<std::string> asked;
  std::string nonce;

  std::vector<absl::StatusOr<v1::NodeEvidence>> FetchAll(
      const std::vector<std::string>& ips,
      const std::string& the_nonce) override {
    asked = ips;
    nonce = the_nonce;
    std::vector<absl::StatusOr<v1::NodeEvidence>> answers;
    for (const std::string& ip : ips) answers.push_back(answer(ip));
    return answers;
  }
};

}  // namespace constellation::verificationservice::testing

#endif  // CONSTELLATION_VERIFICATIONSERVICE_TESTING_FAKES_H_
