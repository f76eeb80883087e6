// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_COLLATERAL_TESTING_TEST_VENDOR_H_
#define CONSTELLATION_ATTESTATION_COLLATERAL_TESTING_TEST_VENDOR_H_

#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "attestation/collateral/testing/http_server.h"
#include "attestation/collateral/vendor_items.h"

namespace constellation::attestation::testing {

// AMD's and Intel's services on loopback, with what SnpSigner (Milan) and
// IntelSigner sign by default: the collateral of ComposedNode. For tests only;
// thread-safe.
class TestVendor final {
 public:
  TestVendor();

  // Where it listens.
  CollateralEndpoints endpoints() const;
  // Answers everything with this HTTP status; 200: as usual.
  void set_status(int status);
  // How many requests have come.
  size_t requests() const { return server_.requests().size(); }
  // How many of them had `part` in their first line.
  size_t RequestsFor(const std::string& part) const;

 private:
  ScriptedAnswer Answer(const std::string& target) const;
  void PublishAmd();
  void PublishIntel();
  void Publish(const CollateralItem& item, std::string body,
               std::string headers = "");

  mutable absl::Mutex mutex_;
  int status_ ABSL_GUARDED_BY(mutex_) = 200;
  // Target ("/path?query") -> answer.
  std::map<std::string, ScriptedAnswer> answers_ ABSL_GUARDED_BY(mutex_);
  TestHttpServer server_;
};

}  // namespace constellation::attestation::testing

#endif  // CONSTELLATION_ATTESTATION_COLLATERAL_TESTING_TEST_VENDOR_H_
