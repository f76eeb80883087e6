// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KEYSERVICE_SERVER_H_
#define CONSTELLATION_KEYSERVICE_SERVER_H_

#include <grpcpp/server.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "keyservice/key_service.h"

namespace constellation::keyservice {

// How the service is started; all of it is needed.
struct Options {
  std::string master_secret_dir;      // files "key" and "salt", 32 octets each
  std::string measurement_salt_file;  // 32 octets
  std::string socket;                 // created with its folder: 0600 in 0700
};

// Reads the master secret and salts. NOT_FOUND, INVALID_ARGUMENT name the file.
absl::StatusOr<std::unique_ptr<KeyService>> LoadKeyService(
    const Options& options);

// Listens on `options.socket`; a stale socket is replaced. The folder is made
// with mode 0700 first, so the socket is never reachable for others.
absl::StatusOr<std::unique_ptr<grpc::Server>> StartServer(
    const Options& options, KeyService& service);

}  // namespace constellation::keyservice

#endif  // CONSTELLATION_KEYSERVICE_SERVER_H_
