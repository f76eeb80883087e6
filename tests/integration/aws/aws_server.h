// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_TESTS_INTEGRATION_AWS_AWS_SERVER_H_
#define CONSTELLATION_TESTS_INTEGRATION_AWS_AWS_SERVER_H_

#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace constellation::cloud::aws::testing {

// strict_aws.py on a free port of this machine. One per program: it takes some
// seconds to start. Ends with the program.
class AwsServer final {
 public:
  // The program's server; fails the test and returns it unstarted if it does
  // not come up.
  static AwsServer& Get();
  AwsServer(const AwsServer&) = delete;
  AwsServer& operator=(const AwsServer&) = delete;
  ~AwsServer();

  std::string Url(const std::string& path = "") const;
  // Forgets everything; sets what strict_aws.py calls its settings.
  void Reset(const nlohmann::json& settings = nlohmann::json::object());
  void Change(const nlohmann::json& settings);
  nlohmann::json Report();
  std::vector<std::string> Inventory(const std::string& uid);

 private:
  AwsServer() = default;
  void Start();
  nlohmann::json Control(const std::string& method, const std::string& path,
                         const std::string& body);

  pid_t pid_ = -1;
  int port_ = 0;
};

}  // namespace constellation::cloud::aws::testing

#endif  // CONSTELLATION_TESTS_INTEGRATION_AWS_AWS_SERVER_H_
