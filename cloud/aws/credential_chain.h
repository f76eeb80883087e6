// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_CREDENTIAL_CHAIN_H_
#define CONSTELLATION_CLOUD_AWS_CREDENTIAL_CHAIN_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cloud/aws/client.h"
#include "cloud/aws/imds.h"
#include "cloud/aws/profiles.h"
#include "common/command.h"

namespace constellation::cloud::aws {

// What the chain may look at. Everything must outlive it.
struct CredentialOptions {
  const Environment& environment;
  HttpTransport& transport;  // below retries
  Clock& clock;
  CommandRunner& runner;     // of credential_process
  std::string region = {};   // of STS
  std::string profile = {};  // named by the user; empty: by the environment
};

// Keys from wherever AWS's own tools would take them, in their order (AWS SDKs
// and Tools Reference Guide, "credential provider chain"; botocore,
// credentials.py):
//  1. AWS_ACCESS_KEY_ID, unless a profile was named by the user;
//  2. the profile's role_arn with source_profile or credential_source;
//  3. a web identity, of the environment or the profile;
//  4. IAM Identity Center (the profile's sso_session or sso_start_url): the
//     token that `aws sso login` left; it is not renewed;
//  5. keys in the credentials file; 6. credential_process; 7. keys in the
//  config file; 8. the container's address; 9. the instance's role (IMDSv2).
// A source that is configured but fails ends the search with its own error.
// Temporary keys are renewed ten minutes before they expire, or earlier where
// the cloud refuses them. Nothing is written to disk. No MFA prompts: a profile
// with mfa_serial is refused. Thread-safe.
class CredentialChain final : public CredentialSource {
 public:
  explicit CredentialChain(const CredentialOptions& options)
      : options_(options),
        imds_(options.environment, options.transport, options.clock) {}

  absl::StatusOr<Credentials> Get() override;
  void Discard() override;
  // Which source the present keys are of ("environment"); empty before Get().
  std::string source() const;

 private:
  using Found = absl::StatusOr<std::optional<Credentials>>;

  absl::StatusOr<Credentials> Search() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Found FromEnvironment();
  Found FromRole(const Profiles& profiles, const std::string& profile,
                 int depth);
  Found FromWebIdentity(const Profiles& profiles, const std::string& profile);
  Found FromSso(const Profiles& profiles, const std::string& profile);
  Found FromProcess(const std::string& command);
  Found FromContainer();
  Found FromInstance();
  Found Source(const Profiles& profiles, const std::string& profile,
               const Profiles::Section& section, int depth);
  Found FromProfile(const Profiles& profiles, const std::string& profile,
                    int depth);
  absl::StatusOr<Credentials> CallSts(CredentialSource& source,
                                      std::string_view action,
                                      const nlohmann::json& parameters);
  absl::StatusOr<std::string> SsoToken(const std::string& profile,
                                       const std::string& cache_key) const;
  absl::StatusOr<Credentials> CallSso(const std::string& profile,
                                      const Profiles::Section& section,
                                      const std::string& region,
                                      const std::string& token);
  absl::StatusOr<std::string> HomeFile(std::string_view path) const;

  const CredentialOptions options_;
  InstanceMetadataService imds_;
  mutable absl::Mutex mutex_;
  std::optional<Credentials> keys_ ABSL_GUARDED_BY(mutex_);
  std::string source_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_CREDENTIAL_CHAIN_H_
