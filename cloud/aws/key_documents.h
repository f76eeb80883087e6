// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_KEY_DOCUMENTS_H_
#define CONSTELLATION_CLOUD_AWS_KEY_DOCUMENTS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cloud/aws/profiles.h"
#include "cloud/aws/sigv4.h"
#include "cloud/aws/xml.h"
#include "cloud/engine/cloud_error.h"

// The forms in which AWS's keys are written down. All are pure and take hostile
// input. Failures are cloud errors (bad-credentials) that name `what` and the
// field, never a value.
namespace constellation::cloud::aws {

// A cloud error about credentials.
absl::Status MakeKeyError(
    std::string_view message,
    CloudErrorKind kind = CloudErrorKind::kBadCredentials);

// When keys or a login end: an RFC 3339 time, or one that ends in "UTC".
absl::StatusOr<absl::Time> ParseExpiry(std::string text);

// {"AccessKeyId","SecretAccessKey",`token_name`,"Expiration"} of at most 64
// KiB, as containers, IMDS ("Token") and credential_process ("SessionToken")
// write it. Token and end may be missing.
absl::StatusOr<Credentials> KeysFromJson(std::string_view text,
                                         std::string_view token_name,
                                         std::string_view what);

// GetRoleCredentials' answer of the SSO portal; its end is in milliseconds
// since 1970.
absl::StatusOr<Credentials> KeysFromSso(std::string_view text);

// What an action of STS returned; temporary keys are complete with a token and
// their end.
absl::StatusOr<Credentials> KeysFromSts(XmlElement result,
                                        std::string_view action);

// Long-lived or temporary keys of a profile. Both halves or nothing.
std::optional<Credentials> KeysFromSection(const Profiles::Section& section);

// As a shell would split a command: blanks, quotes, backslashes. Nothing is
// expanded: AWS's tools run credential_process in a shell, here none is
// started.
std::vector<std::string> SplitCommand(std::string_view command);

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_KEY_DOCUMENTS_H_
