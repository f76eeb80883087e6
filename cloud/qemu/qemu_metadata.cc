// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/qemu_metadata.h"

#include <fmt/format.h>

#include <utility>

#include "cloud/qemu/http_client.h"
#include "cloud/qemu/metadata_json.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::qemu {
namespace {

absl::Status CheckAnswer(const HttpAnswer& answer, std::string_view path) {
  const std::string message =
      fmt::format("metadata {}: HTTP status {}", path, answer.status);
  if (answer.status == 200) {
    return absl::OkStatus();
  }
  if (answer.status == 404) {
    return NotFound(message);
  }
  return answer.status >= 500 || answer.status == 429
             ? Unavailable(message)
             : InvalidArgument(message);
}

}  // namespace

QemuMetadataClient::QemuMetadataClient() : QemuMetadataClient(Options()) {}
QemuMetadataClient::QemuMetadataClient(Options options)
    : options_(std::move(options)) {}
QemuMetadataClient::~QemuMetadataClient() = default;

absl::StatusOr<std::string> QemuMetadataClient::Get(std::string_view path) {
  ASSIGN_OR_RETURN(HttpAnswer answer,
                   CallHttp({.url = fmt::format("{}{}", options_.url, path),
                             .unix_socket = options_.unix_socket,
                             .timeout = options_.timeout,
                             .max_answer = kMaxMetadataAnswer}));
  RETURN_IF_ERROR(CheckAnswer(answer, path));
  return std::move(answer.body);
}

absl::StatusOr<InstanceMetadata> QemuMetadataClient::Self() {
  ASSIGN_OR_RETURN(const std::string body, Get("/v1/self"));
  return ParseInstance(body);
}

absl::StatusOr<std::vector<InstanceMetadata>> QemuMetadataClient::Peers() {
  ASSIGN_OR_RETURN(const std::string body, Get("/v1/peers"));
  return ParseInstances(body);
}

absl::StatusOr<std::string> QemuMetadataClient::Endpoint() {
  ASSIGN_OR_RETURN(const std::string body, Get("/v1/endpoint"));
  return ParseEndpoint(body);
}

absl::StatusOr<std::string> QemuMetadataClient::EnrolledTpms() {
  ASSIGN_OR_RETURN(const std::string body, Get("/v1/enrolled-tpms"));
  return ParseEnrolledTpms(body);
}

absl::Status QemuMetadataClient::ReportStatus(std::string_view json) {
  RETURN_IF_ERROR(CheckBootStatus(json));
  constexpr std::string_view kPath = "/v1/status";
  ASSIGN_OR_RETURN(const HttpAnswer answer,
                   CallHttp({.url = fmt::format("{}{}", options_.url, kPath),
                             .unix_socket = options_.unix_socket,
                             .post_body = std::string(json),
                             .timeout = options_.timeout,
                             .max_answer = kMaxBootStatus}));
  return CheckAnswer(answer, kPath);
}

}  // namespace constellation::cloud::qemu
