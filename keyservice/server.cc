// SPDX-License-Identifier: Apache-2.0
#include "keyservice/server.h"

#include <fmt/format.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::keyservice {
namespace {

// A join log entry of 64 KiB with room for the message around it.
constexpr int kMaxRequestBytes = 128 << 10;

// Exactly `size` octets: a longer file is refused by ReadFile(), a shorter one
// here. The copy in the string is wiped.
absl::StatusOr<SecretBytes> ReadSecret(const std::string& path, size_t size) {
  ASSIGN_OR_RETURN(std::string contents, ReadFile(path, size));
  SecretBytes secret(AsBytes(contents));
  Wipe({reinterpret_cast<uint8_t*>(contents.data()), contents.size()});
  if (secret.size() != size) {
    return InvalidArgument(
        fmt::format("{}: want {} octets, got {}", path, size, secret.size()));
  }
  return secret;
}

}  // namespace

// The files are a mounted Secret; the salts are public but read alike.
absl::StatusOr<std::unique_ptr<KeyService>> LoadKeyService(
    const Options& options) {
  ASSIGN_OR_RETURN(
      SecretBytes key,
      ReadSecret(options.master_secret_dir + "/key", crypto::kMasterKeySize));
  ASSIGN_OR_RETURN(
      const SecretBytes salt,
      ReadSecret(options.master_secret_dir + "/salt", crypto::kMasterSaltSize));
  ASSIGN_OR_RETURN(
      const SecretBytes measurement_salt,
      ReadSecret(options.measurement_salt_file, crypto::kMeasurementSaltSize));
  ASSIGN_OR_RETURN(
      crypto::KeyHierarchy keys,
      crypto::KeyHierarchy::Create(
          std::move(key), Bytes(salt.Expose().begin(), salt.Expose().end())));
  return std::make_unique<KeyService>(std::move(keys),
                                      Bytes(measurement_salt.Expose().begin(),
                                            measurement_salt.Expose().end()));
}

// The folder's mode comes first: between bind() and chmod() the socket itself
// may be open to others. One queue and one poller are plenty for a local socket
// and keep memory small.
absl::StatusOr<std::unique_ptr<grpc::Server>> StartServer(
    const Options& options, KeyService& service) {
  const std::string folder =
      std::filesystem::path(options.socket).parent_path().string();
  RETURN_IF_ERROR(MakeDirectories(folder));
  if (chmod(folder.c_str(), kPrivateDirectoryMode) != 0) {
    return ErrnoStatus(errno, "set the mode of", folder);
  }
  if (unlink(options.socket.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, "remove", options.socket);
  }
  grpc::ServerBuilder builder;
  // Not TLS: a Unix socket that only root can reach.
  builder.AddListeningPort("unix:" + options.socket,
                           grpc::experimental::LocalServerCredentials(UDS));
  builder.RegisterService(&service);
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS,
                              1);
  builder.SetSyncServerOption(
      grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 1);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    return Unavailable(fmt::format("{}: cannot listen there", options.socket));
  }
  if (chmod(options.socket.c_str(), kPrivateFileMode) != 0) {
    return ErrnoStatus(errno, "set the mode of", options.socket);
  }
  return server;
}

}  // namespace constellation::keyservice
