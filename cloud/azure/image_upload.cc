// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/image_upload.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>
#include <vector>

#include "cloud/azure/arm_kinds.h"
#include "cloud/azure/arm_names.h"
#include "cloud/azure/json_text.h"
#include "cloud/azure/vhd.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/http/retrying_transport.h"
#include "cloud/json_fields.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "crypto/hash.h"

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;

constexpr size_t kChunk = size_t{4} << 20U;  // Put Page's limit
constexpr uint64_t kMaxImage = uint64_t{1} << 40U;
constexpr int64_t kAccessSeconds = 86'400;
constexpr absl::Duration kStepTimeout = absl::Minutes(60);
constexpr absl::Duration kConflictPause = absl::Seconds(5);
constexpr std::string_view kBlobVersion = "2021-08-06";
constexpr size_t kMaxState = 4096;

const AzureSettings& SettingsOf(const ImageUpload& upload) {
  return std::get<AzureSettings>(upload.settings);
}

// "1.2.3" of "v1.2.3"; empty if it is no such version. Azure takes 32 bits.
// Nine digits a part fit into 32 bits.
std::string PlainVersion(std::string_view version) {
  if (version.starts_with('v')) {
    version.remove_prefix(1);
  }
  std::string_view rest = version;
  for (int part = 0; part < 3; ++part) {
    const size_t dot = rest.find('.');
    if (!Consists(rest.substr(0, dot), "0123456789", 9) ||
        (dot == std::string_view::npos) != (part == 2)) {
      return "";
    }
    rest = part == 2 ? "" : rest.substr(dot + 1);
  }
  return std::string(version);
}

bool IsConfidential(const ImageUpload& upload) {
  return upload.attestation_variant != "azure-trustedlaunch";
}

json Base(const ImageUpload& upload) {
  return {{"location", SettingsOf(upload).location},
          {"tags", {{std::string(kImageShaTag), upload.sha256}}}};
}

// A new disk is all zeros, so those pages need not be sent.
bool IsZero(std::string_view data) {
  return data.find_first_not_of('\0') == std::string_view::npos;
}

// One upload.
class Upload final {
 public:
  Upload(ArmClient& client, HttpTransport& blobs, const ImageUpload& upload,
         const ProviderProgress& progress, ImageNames names)
      : client_(client),
        blobs_(blobs, client.clock(), SystemRandom(), {}),
        upload_(upload),
        progress_(progress),
        names_(std::move(names)) {}

  absl::StatusOr<std::string> Run() {
    ASSIGN_OR_RETURN(const bool there, IsThere());
    if (there) {  // perhaps by a run that died before it cleaned up
      ASSIGN_OR_RETURN(const json disk, Look(names_.disk, kDiskApi));
      if (!disk.is_null() && HasOurHash(disk)) {
        RETURN_IF_ERROR(DeleteDisk());
      }
      return names_.version;
    }
    RETURN_IF_ERROR(OpenImage());
    RETURN_IF_ERROR(Send());
    RETURN_IF_ERROR(Verify());
    RETURN_IF_ERROR(Register());
    RETURN_IF_ERROR(DeleteDisk());
    return names_.version;
  }

 private:
  void Report(std::string_view what, double fraction) const {
    if (progress_) {
      progress_(what, fraction);
    }
  }

  absl::Status DeleteDisk() {
    Report("deleting the upload's disk", -1);
    RETURN_IF_ERROR(Do("DELETE", names_.disk, kDiskApi, std::nullopt).status());
    (void)unlink(upload_.state_file.c_str());
    return absl::OkStatus();
  }

  // A call and the end of what it starts. While something else, perhaps of an
  // interrupted run, goes on with the same thing, it is asked again.
  absl::StatusOr<json> Do(const std::string& method, const std::string& path,
                          std::string_view api_version,
                          const std::optional<json>& body) {
    const absl::Time give_up = client_.clock().Now() + kStepTimeout;
    while (true) {
      const absl::StatusOr<ArmAnswer> answer =
          client_.Send({.method = method,
                        .path = path,
                        .api_version = std::string(api_version),
                        .body = body});
      if (!answer.ok()) {
        if (CloudErrorKindOf(answer.status()) != CloudErrorKind::kConflict ||
            client_.clock().Now() > give_up) {
          return answer.status();
        }
        client_.clock().Sleep(kConflictPause);
        continue;
      }
      ASSIGN_OR_RETURN(const auto operation, client_.OperationOf(*answer));
      return operation ? client_.Await(*operation, kStepTimeout, {})
                       : absl::StatusOr<json>(answer->body);
    }
  }

  // The thing at `id`, or null.
  absl::StatusOr<json> Look(const std::string& id,
                            std::string_view api_version) {
    const auto answer =
        client_.Send({.path = id, .api_version = std::string(api_version)});
    if (!answer.ok() &&
        CloudErrorKindOf(answer.status()) == CloudErrorKind::kNotFound) {
      return json();
    }
    RETURN_IF_ERROR(answer.status());
    return answer->body;
  }

  bool HasOurHash(const json& thing) const {
    return TextAt(thing, fmt::format("/tags/{}", kImageShaTag)) ==
           upload_.sha256;
  }

  // A version that is being made or has failed is asked for again: PUT with the
  // same body continues or repairs it.
  absl::StatusOr<bool> IsThere() {
    ASSIGN_OR_RETURN(const json version, Look(names_.version, kGalleryApi));
    if (version.is_null()) {
      return false;
    }
    if (!HasOurHash(version)) {
      return AlreadyExists(fmt::format(
          "{} exists with other contents: choose another version, or delete it",
          names_.version));
    }
    return TextAt(version, "/properties/provisioningState") == "Succeeded";
  }

  // Read once in full before anything is made. The file stays open: what is
  // uploaded later is the same file, even if the path is replaced meanwhile.
  absl::Status OpenImage() {
    file_ = UniqueFd(open(upload_.path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info {};
    if (file_.get() < 0 || fstat(file_.get(), &info) != 0) {
      return ErrnoStatus(errno, "open", upload_.path);
    }
    size_ = static_cast<uint64_t>(info.st_size);
    if (size_ == 0 || size_ > kMaxImage) {
      return InvalidArgument(fmt::format("{}: want 1 octet to 1 TiB, got {}",
                                         upload_.path, size_));
    }
    disk_size_ = VhdDiskSize(size_);
    // What is uploaded must be what was named: the tag says so for ever.
    crypto::Sha256Hasher hasher;
    for (uint64_t at = 0; at < size_; at += kChunk) {
      ASSIGN_OR_RETURN(const std::string data, Chunk(at));
      hasher.Update(AsBytes(std::string_view(data).substr(
          0, std::min<uint64_t>(data.size(), size_ - at))));
    }
    const std::string found = HexEncode(hasher.Finish());
    if (found != upload_.sha256) {
      return InvalidArgument(fmt::format("{}: want SHA-256 {}, got {}",
                                         upload_.path, upload_.sha256, found));
    }
    return absl::OkStatus();
  }

  // The disk's octets from `at` on, at most kChunk, zeros behind the image.
  absl::StatusOr<std::string> Chunk(uint64_t at) const {
    std::string data(std::min<uint64_t>(kChunk, disk_size_ - at), '\0');
    const uint64_t in_file = at < size_ ? size_ - at : 0;
    size_t done = 0;
    while (done < std::min<uint64_t>(data.size(), in_file)) {
      const ssize_t got = pread(file_.get(), data.data() + done,
                                std::min<uint64_t>(data.size(), in_file) - done,
                                static_cast<off_t>(at + done));
      if (got < 0 && errno != EINTR) {
        return ErrnoStatus(errno, "read", upload_.path);
      }
      if (got == 0) {
        return DataLoss(
            fmt::format("{} became shorter meanwhile", upload_.path));
      }
      done += static_cast<size_t>(std::max<ssize_t>(got, 0));
    }
    return data;
  }

  // A disk of ours is told by the hash in its tag, not by its name. Once its
  // upload has ended ("Unattached"; "ActiveSAS" while it is read) Azure lets
  // nobody write to it any more: then it is complete, or made anew.
  absl::Status PrepareDisk() {
    ASSIGN_OR_RETURN(const json disk, Look(names_.disk, kDiskApi));
    resume_ = 0;
    if (!disk.is_null() && !HasOurHash(disk)) {
      return AlreadyExists(
          fmt::format("{} is in the way: delete it", names_.disk));
    }
    if (!disk.is_null()) {
      const std::string state = TextAt(disk, "/properties/diskState");
      const bool read = state == "ActiveSAS";
      sent_ = read || state == "Unattached";
      resume_ = ReadState();
      if (!sent_ || resume_ == disk_size_) {
        return absl::OkStatus();
      }
      // Its upload has ended, but not with what we can vouch for.
      if (read) {
        RETURN_IF_ERROR(EndAccess());
      }
      RETURN_IF_ERROR(
          Do("DELETE", names_.disk, kDiskApi, std::nullopt).status());
      sent_ = false;
      resume_ = 0;
    }
    Report("making a disk", -1);
    return Do("PUT", names_.disk, kDiskApi, UploadDiskBody(upload_, disk_size_))
        .status();
  }

  // A signed address of the disk's data.
  // Valid for a day. ARM has answered with the address in three places over the
  // years.
  absl::Status Access(std::string_view access) {
    ASSIGN_OR_RETURN(
        const json result,
        Do("POST", names_.disk + "/beginGetAccess", kDiskApi,
           json{{"access", access}, {"durationInSeconds", kAccessSeconds}}));
    for (const char* place :
         {"/properties/output/accessSAS", "/accessSAS", "/output/accessSAS"}) {
      if (std::string url = TextAt(result, place); !url.empty()) {
        address_ = std::move(url);
        return absl::OkStatus();
      }
    }
    return Unavailable("Azure gave no address for the disk's data");
  }

  absl::Status EndAccess() {
    return Do("POST", names_.disk + "/endGetAccess", kDiskApi, std::nullopt)
        .status();
  }

  // The address is signed by Azure and is the whole permission (a SAS): no
  // token is added, and it must stay out of messages.
  HttpRequest BlobRequest(uint64_t at, size_t size) const {
    return {.url = address_,
            .headers = {{"x-ms-version", std::string(kBlobVersion)},
                        {"x-ms-range",
                         fmt::format("bytes={}-{}", at, at + size - 1)}},
            .timeout = absl::Minutes(5),
            .max_answer_size = kChunk + 4096};
  }

  // Put Page: the same page may be written again, so the transport may repeat
  // it.
  absl::Status Put(uint64_t at, std::string data) {
    HttpRequest request = BlobRequest(at, data.size());
    request.method = "PUT";
    request.url += "&comp=page";
    request.headers.emplace_back("x-ms-page-write", "update");
    request.headers.emplace_back("Content-Type", "application/octet-stream");
    request.body = std::move(data);
    ASSIGN_OR_RETURN(const HttpResponse answer, blobs_.Send(request));
    if (answer.status == 201) {
      return absl::OkStatus();
    }
    return MakeCloudError(
        {.kind = CloudErrorKind::kUnavailable,
         .message = fmt::format("writing to the disk: HTTP status {}: {}",
                                answer.status, answer.body.substr(0, 200))});
  }

  // Progress is written after each page that Azure has confirmed; the footer
  // comes last, so a disk without it is not a VHD yet.
  absl::Status Send() {
    RETURN_IF_ERROR(PrepareDisk());
    if (sent_) {
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(Access("Write"));
    for (uint64_t at = resume_; at < disk_size_; at += kChunk) {
      ASSIGN_OR_RETURN(std::string data, Chunk(at));
      if (!IsZero(data)) {
        RETURN_IF_ERROR(Put(at, std::move(data)));
        RETURN_IF_ERROR(WriteState(at + kChunk));
      }
      Report("uploading",
             static_cast<double>(at) / static_cast<double>(disk_size_));
    }
    RETURN_IF_ERROR(Put(disk_size_, Footer()));
    RETURN_IF_ERROR(WriteState(disk_size_));
    return EndAccess();
  }

  std::string Footer() const {
    return VhdFooter(disk_size_, upload_.sha256.substr(0, 16));
  }

  // Reads back what was written. What was not is zero: the disk was new.
  absl::Status Verify() {
    RETURN_IF_ERROR(Access("Read"));
    for (uint64_t at = 0; at < disk_size_; at += kChunk) {
      ASSIGN_OR_RETURN(const std::string data, Chunk(at));
      if (!IsZero(data)) {
        RETURN_IF_ERROR(Compare(at, data));
      }
      Report("verifying",
             static_cast<double>(at) / static_cast<double>(disk_size_));
    }
    return EndAccess();
  }

  // Neither transport nor storage is trusted to keep what we sent: the image's
  // hash in the tag is our promise.
  absl::Status Compare(uint64_t at, std::string_view want) {
    ASSIGN_OR_RETURN(const HttpResponse answer,
                     blobs_.Send(BlobRequest(at, want.size())));
    if (answer.status != 206 && answer.status != 200) {
      return MakeCloudError(
          {.kind = CloudErrorKind::kUnavailable,
           .message =
               fmt::format("reading the disk: HTTP status {}", answer.status)});
    }
    if (answer.body != want) {
      (void)unlink(upload_.state_file.c_str());  // begin anew next time
      return DataLoss(fmt::format(
          "what arrived in Azure differs from {} at octet {}: run it again",
          upload_.path, at));
    }
    return absl::OkStatus();
  }

  absl::Status Register() {
    Report("registering the image", -1);
    RETURN_IF_ERROR(
        Do("PUT", names_.gallery, kGalleryApi, GalleryBody(upload_)).status());
    RETURN_IF_ERROR(
        Do("PUT", names_.definition, kGalleryApi, ImageDefinitionBody(upload_))
            .status());
    return Do("PUT", names_.version, kGalleryApi,
              ImageVersionBody(upload_, names_.disk))
        .status();
  }

  // Where to go on; 0 for a state that is not of this upload, or damaged.
  uint64_t ReadState() const {
    const auto text = ReadFile(upload_.state_file, kMaxState);
    if (!text.ok()) {
      return 0;
    }
    const auto state = ParseJsonObject(*text, "state", kMaxState);
    if (!state.ok() || TextAt(*state, "/sha256") != upload_.sha256 ||
        TextAt(*state, "/disk") != names_.disk) {
      return 0;
    }
    const json done = state->value("done", json());
    const uint64_t at = done.is_number_unsigned() ? done.get<uint64_t>() : 0;
    return at == disk_size_ || (at % kChunk == 0 && at < disk_size_) ? at : 0;
  }

  absl::Status WriteState(uint64_t done) const {
    if (upload_.state_file.empty()) {
      return absl::OkStatus();
    }
    return WriteFileAtomically(
        upload_.state_file, DumpJson({{"sha256", upload_.sha256},
                                      {"disk", names_.disk},
                                      {"done", std::min(done, disk_size_)}}));
  }

  ArmClient& client_;
  RetryingTransport blobs_;
  const ImageUpload& upload_;
  const ProviderProgress& progress_;
  const ImageNames names_;
  UniqueFd file_;
  uint64_t size_ = 0;       // of the image
  uint64_t disk_size_ = 0;  // without the footer
  uint64_t resume_ = 0;
  bool sent_ = false;    // all of it, by an earlier run
  std::string address_;  // signed: not for messages
};

}  // namespace

// Gallery names may not have hyphens (Azure's rule), hence the underscores.
absl::StatusOr<ImageNames> NamesOfImage(const ImageUpload& upload) {
  constexpr std::string_view kName =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
  const auto* const settings = std::get_if<AzureSettings>(&upload.settings);
  const std::string version = PlainVersion(upload.version);
  const std::string& variant = upload.attestation_variant;
  if (settings == nullptr || !IsUuid(settings->subscription) ||
      !Consists(settings->location, kName, 40) ||
      !IsArmId("/" + settings->resource_group)) {
    return InvalidArgument(
        "provider.azure: want subscription, location and resourceGroup");
  }
  if (!Consists(upload.name, kName, 40) || version.empty()) {
    return InvalidArgument(fmt::format(
        "image: want a name of 1-40 characters of [A-Za-z0-9-] and a version "
        "like v1.2.3, got \"{}\" and \"{}\"",
        upload.name, upload.version));
  }
  if (variant != "azure-sev-snp" && variant != "azure-tdx" &&
      variant != "azure-trustedlaunch") {
    return InvalidArgument(
        fmt::format("attestation: {} is not Azure's", variant));
  }
  if (upload.sha256.size() != 64 ||
      !Consists(upload.sha256, "0123456789abcdef", 64)) {
    return InvalidArgument("image: want its SHA-256 in hex");
  }
  const ArmScope scope{.subscription = settings->subscription,
                       .resource_group = settings->resource_group};
  std::string gallery = Lower(upload.name);
  std::ranges::replace(gallery, '-', '_');
  ImageNames names{
      .gallery = ResourceId(scope, "Microsoft.Compute/galleries", gallery),
      .disk = ResourceId(scope, "Microsoft.Compute/disks",
                         fmt::format("{}-upload-{}", upload.name,
                                     upload.sha256.substr(0, 16)))};
  names.definition = fmt::format("{}/images/{}", names.gallery, variant);
  names.version = fmt::format("{}/versions/{}", names.definition, version);
  return names;
}

// "uploadSizeBytes" includes the footer, as Azure demands.
json UploadDiskBody(const ImageUpload& upload, uint64_t disk_size) {
  json body = Base(upload);
  body["properties"] = {{"osType", "Linux"},
                        {"hyperVGeneration", "V2"},
                        {"creationData",
                         {{"createOption", "Upload"},
                          {"uploadSizeBytes", disk_size + kVhdFooterSize}}}};
  return body;
}

json GalleryBody(const ImageUpload& upload) {
  json body = {{"location", SettingsOf(upload).location}};
  body["properties"] = {{"description", "Constellation node images"}};
  return body;
}

// The security type cannot be changed later; each variant has its own
// definition.
json ImageDefinitionBody(const ImageUpload& upload) {
  json feature = {{"name", "SecurityType"},
                  {"value", IsConfidential(upload) ? "ConfidentialVmSupported"
                                                   : "TrustedLaunchSupported"}};
  return {{"location", SettingsOf(upload).location},
          {"properties",
           {{"osType", "Linux"},
            {"osState", "Generalized"},
            {"hyperVGeneration", "V2"},
            {"architecture", "x64"},
            {"identifier",
             {{"publisher", "constellation"},
              {"offer", upload.name},
              {"sku", upload.attestation_variant}}},
            {"features", json::array({feature})}}}};
}

json ImageVersionBody(const ImageUpload& upload, const std::string& disk) {
  const json region = {{"name", SettingsOf(upload).location},
                       {"regionalReplicaCount", 1}};
  json body = Base(upload);
  body["properties"] = {
      {"storageProfile",
       {{"osDiskImage",
         {{"hostCaching", "ReadOnly"}, {"source", {{"id", disk}}}}}}},
      {"publishingProfile",
       {{"replicaCount", 1}, {"targetRegions", json::array({region})}}}};
  return body;
}

absl::StatusOr<std::string> UploadAzureImage(ArmClient& client,
                                             HttpTransport& blobs,
                                             const ImageUpload& upload,
                                             const ProviderProgress& progress) {
  ASSIGN_OR_RETURN(ImageNames names, NamesOfImage(upload));
  return Upload(client, blobs, upload, progress, std::move(names)).Run();
}

}  // namespace constellation::cloud::azure
