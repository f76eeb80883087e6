// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/image_upload.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "cloud/engine/cloud_error.h"
#include "cloud/gcp/gcp_error.h"
#include "cloud/gcp/image_archive.h"
#include "cloud/json_fields.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;
using Kind = CloudErrorKind;

// A multiple of 256 KiB, as resumable uploads demand.
constexpr uint64_t kChunk = uint64_t{16} << 20U;
constexpr size_t kMaxState = size_t{64} * 1024;
// A connection that needs longer for a part is not one to upload with.
constexpr absl::Duration kChunkTimeout = absl::Minutes(10);
// Failures in a row without progress.
constexpr int kMaxStalls = 5;
// What the guest system can do. The confidential features must be here, in the
// image: machines take theirs from it.
constexpr std::array<std::string_view, 6> kFeatures = {
    "UEFI_COMPATIBLE", "GVNIC",           "VIRTIO_SCSI_MULTIQUEUE",
    "SEV_CAPABLE",     "SEV_SNP_CAPABLE", "TDX_CAPABLE"};

// Progress between runs.
struct UploadState {
  std::string session = {};  // address of the upload; a secret
  PackedImage packed = {};
};

// One upload.
// Used once, by one thread; everything given to it must outlive it.
class Uploader final {
 public:
  Uploader(Compute& compute, const ImageUpload& upload,
           const ProviderProgress& progress)
      : compute_(compute),
        client_(compute.client()),
        upload_(upload),
        progress_(progress),
        project_(std::get<GcpSettings>(upload.settings).project),
        region_(std::get<GcpSettings>(upload.settings).region),
        archive_(upload.state_file + ".tar.gz"),
        image_(fmt::format("projects/{}/global/images/{}", project_,
                           upload.name)) {}

  // Each step finds out whether it was done before, so an interrupted run goes
  // on.
  absl::StatusOr<std::string> Run() {
    if (!IsResourceName(upload_.name) || upload_.sha256.size() != 64) {
      return InvalidArgument(
          "image: want a name of [a-z0-9-] and a SHA-256 in hex");
    }
    ASSIGN_OR_RETURN(const bool there, IsThere());
    if (!there) {
      RETURN_IF_ERROR(EnsureBucket());
      RETURN_IF_ERROR(Prepare());
      RETURN_IF_ERROR(SendAll());
      RETURN_IF_ERROR(MakeImage());
    }
    RETURN_IF_ERROR(AwaitReady());
    CleanUp();
    return image_;
  }

 private:
  // Everybody's buckets share one name space.
  std::string Bucket() const {
    const std::string hash = HexEncode(crypto::Sha256(AsBytes(project_)));
    return fmt::format("constellation-images-{}", hash.substr(0, 16));
  }
  // The name of the object holds the digest: two versions of an image do not
  // overwrite each other.
  std::string Object() const {
    return fmt::format("{}-{}.tar.gz", upload_.name,
                       upload_.sha256.substr(0, 16));
  }
  // What the image's description says; compared as a whole.
  std::string Mark() const {
    return fmt::format("constellation-image {} sha256={}", upload_.version,
                       upload_.sha256);
  }
  void Report(std::string_view what, double fraction) {
    if (progress_) {
      progress_(what, fraction);
    }
  }

  // An image of that name with another mark is somebody else's, or another
  // version: it is never replaced.
  absl::StatusOr<bool> IsThere() {
    const absl::StatusOr<json> image = compute_.Get(image_, {});
    if (absl::IsNotFound(image.status())) {
      return false;
    }
    if (!image.ok()) {
      return image.status();
    }
    if (TextOf(*image, "description") != Mark()) {
      return MakeCloudError(
          {.kind = Kind::kNameTaken,
           .message = "there is an image of this name with other contents",
           .subject = image_});
    }
    return true;
  }

  // Private: no object of it can be made public, whatever its own rights say.
  absl::Status EnsureBucket() {
    const absl::Status found =
        client_.Call({.service = "storage", .path = "b/" + Bucket()}).status();
    if (!absl::IsNotFound(found)) {
      return found;
    }
    const json body = {{"name", Bucket()},
                       {"location", region_},
                       {"iamConfiguration",
                        {{"publicAccessPrevention", "enforced"},
                         {"uniformBucketLevelAccess", {{"enabled", true}}}}}};
    return client_
        .Call({.service = "storage",
               .method = "POST",
               .path = "b",
               .query = {{"project", project_}},
               .body = DumpJson(body)})
        .status();
  }

  // Everything has to fit, and the archive has to be there; else the upload
  // starts anew. Never an error: the state is ours and can be made again.
  void Load() {
    const auto text = ReadFile(upload_.state_file, kMaxState);
    const auto state =
        text.ok() ? ParseJsonObject(*text, "state of the upload", kMaxState)
                  : absl::StatusOr<json>(text.status());
    if (!state.ok()) {
      return;  // none, or of no use: start anew
    }
    JsonFields fields(*state, "state of the upload");
    const std::string name = fields.String("name");
    UploadState loaded{.session = fields.String("session"),
                       .packed = {.size = fields.Unsigned("size", 1, INT64_MAX),
                                  .crc32c = static_cast<uint32_t>(
                                      fields.Unsigned("crc32c", 0, UINT32_MAX)),
                                  .sha256 = fields.String("sha256")}};
    if (fields.Finish(/*allow_unknown=*/false).ok() && name == upload_.name &&
        loaded.packed.sha256 == upload_.sha256 && FileExists(archive_)) {
      state_ = std::move(loaded);
    }
  }

  absl::Status Save() {
    return WriteFileAtomically(upload_.state_file,
                               DumpJson({{"name", upload_.name},
                                         {"session", state_->session},
                                         {"size", state_->packed.size},
                                         {"crc32c", state_->packed.crc32c},
                                         {"sha256", state_->packed.sha256}}));
  }

  // An archive on disk and a session that takes it.
  absl::Status Prepare() {
    Load();
    if (!state_) {
      ASSIGN_OR_RETURN(const PackedImage packed,
                       PackImage(upload_.path, archive_, [this](double part) {
                         Report("packing", part);
                       }));
      if (packed.sha256 != upload_.sha256) {
        return InvalidArgument(fmt::format("{}: want SHA-256 {}, got {}",
                                           upload_.path, upload_.sha256,
                                           packed.sha256));
      }
      state_ = UploadState{.packed = packed};
      RETURN_IF_ERROR(OpenSession());
    }
    return absl::OkStatus();
  }

  // Cloud Storage's resumable upload: the answer's Location is the address that
  // takes the parts, and whoever has it may write. It is kept in the state
  // file, which only the user may read.
  absl::Status OpenSession() {
    ASSIGN_OR_RETURN(const std::string root, client_.Root("storage"));
    ASSIGN_OR_RETURN(
        const HttpResponse answer,
        client_.Send(
            {.method = "POST",
             .url = fmt::format(
                 "{}/upload/storage/v1/b/{}/o?uploadType=resumable&name={}",
                 root, Bucket(), EscapeQuery(Object())),
             .headers = {{"Content-Type", "application/json"},
                         {"X-Upload-Content-Type", "application/gzip"},
                         {"X-Upload-Content-Length",
                          fmt::format("{}", state_->packed.size)}},
             .body = DumpJson({{"contentType", "application/gzip"}}),
             .repeatable = true}));
    if (answer.status != 200) {
      return MakeCloudError(GcpErrorOf(answer, /*read_only=*/false));
    }
    state_->session = std::string(answer.Header("location").value_or(""));
    // It gets our token: never to another host.
    if (HostOfUrl(state_->session) != HostOfUrl(root)) {
      return MakeCloudError(
          {.kind = Kind::kUnknown,
           .message = "the upload's address is on another host"});
    }
    return Save();
  }

  // How many octets have arrived; the size once all have. Status 404 and 410:
  // the session is over.
  absl::StatusOr<uint64_t> Arrived(const HttpResponse& answer) {
    if (answer.status == 200 || answer.status == 201) {
      return Verify(answer);
    }
    if (answer.status != 308) {
      return MakeCloudError(GcpErrorOf(answer, /*read_only=*/false));
    }
    const std::string range(answer.Header("range").value_or(""));
    const size_t dash = range.rfind('-');  // "bytes=0-1234"
    if (range.empty() || dash == std::string::npos) {
      return uint64_t{0};
    }
    const uint64_t last = std::strtoull(range.c_str() + dash + 1, nullptr, 10);
    return std::min(last + 1, state_->packed.size);
  }

  // The service's own checksum of all that arrived. If it differs the state is
  // deleted, so the next run packs and sends again.
  absl::StatusOr<uint64_t> Verify(const HttpResponse& answer) {
    ASSIGN_OR_RETURN(const json object,
                     ParseJsonObject(answer.body, "object", kMaxState));
    const uint32_t crc = state_->packed.crc32c;
    const Bytes octets = {
        static_cast<uint8_t>(crc >> 24U), static_cast<uint8_t>(crc >> 16U),
        static_cast<uint8_t>(crc >> 8U), static_cast<uint8_t>(crc)};
    if (TextOf(object, "crc32c") != Base64Encode(octets) ||
        TextOf(object, "size") != fmt::format("{}", state_->packed.size)) {
      (void)unlink(upload_.state_file.c_str());
      return DataLoss(
          "what arrived is not what was sent: run the same "
          "command again, which starts anew");
    }
    return state_->packed.size;
  }

  // One part, or with size 0 the question how much has arrived. A part is not
  // repeated below: after a failure the service is asked first.
  absl::StatusOr<HttpResponse> Put(uint64_t first, uint64_t size) {
    const uint64_t total = state_->packed.size;
    HttpRequest request{
        .method = "PUT",
        .url = state_->session,
        .headers = {{"Content-Range",
                     size == 0 ? fmt::format("bytes */{}", total)
                               : fmt::format("bytes {}-{}/{}", first,
                                             first + size - 1, total)}},
        .timeout = kChunkTimeout,
        .repeatable = size == 0};
    if (size > 0) {
      request.file = FileBody{.path = archive_, .offset = first, .size = size};
    }
    return client_.Send(request);
  }

  // Asks where it stopped, sends from there, and asks again after each failure.
  // A session that was forgotten (a week) is replaced.
  absl::Status SendAll() {
    int stalls = 0;
    bool asked = false;  // where it stopped
    bool verified = false;
    uint64_t done = 0;
    // That all has arrived is believed only with the checksum: a 308 that names
    // the last octet, or one behind it, is asked about again.
    while (!verified) {
      const uint64_t part =
          asked ? std::min(kChunk, state_->packed.size - done) : 0;
      const absl::StatusOr<HttpResponse> answer = Put(done, part);
      if (answer.ok() && (answer->status == 404 || answer->status == 410)) {
        RETURN_IF_ERROR(OpenSession());  // the session was forgotten
        done = 0;
        if (++stalls > kMaxStalls) {
          return MakeCloudError(GcpErrorOf(*answer, /*read_only=*/false));
        }
        continue;
      }
      const absl::StatusOr<uint64_t> arrived =
          answer.ok() ? Arrived(*answer)
                      : absl::StatusOr<uint64_t>(answer.status());
      if (!arrived.ok()) {
        if (!MayPassByItself(CloudErrorKindOf(arrived.status())) ||
            ++stalls > kMaxStalls) {
          return arrived.status();
        }
        asked = false;
        continue;
      }
      verified = answer->status != 308;
      stalls = verified || *arrived > done || !asked ? stalls : stalls + 1;
      if (stalls > kMaxStalls) {
        return Unavailable("the upload does not get on");
      }
      asked = true;
      done = *arrived;
      Report("uploading", static_cast<double>(done) /
                              static_cast<double>(state_->packed.size));
    }
    return absl::OkStatus();
  }

  // From the object to an image. The same request twice makes one image.
  absl::Status MakeImage() {
    json features = json::array();
    for (const std::string_view feature : kFeatures) {
      features.push_back({{"type", feature}});
    }
    const json body = {
        {"name", upload_.name},
        {"description", Mark()},
        {"family", "constellation"},
        {"architecture", "X86_64"},
        {"rawDisk",
         {{"source", fmt::format("https://storage.googleapis.com/{}/{}",
                                 Bucket(), Object())},
          {"containerType", "TAR"}}},
        {"guestOsFeatures", std::move(features)}};
    Report("making the image", -1);
    return compute_.Start(
        {.method = "POST",
         .path = fmt::format("projects/{}/global/images", project_),
         .body = DumpJson(body),
         .request_id = RequestId(fmt::format("{}/{}", image_, upload_.sha256))},
        image_, Compute::Change::kMake);
  }

  // READY, FAILED, or half an hour.
  absl::Status AwaitReady() {
    constexpr int kMaxWaits = 30;  // of a minute each
    absl::Status last;
    for (int i = 0; i < kMaxWaits; ++i) {
      last = compute_.Await(image_, Compute::Change::kMake, {});
      if (!last.ok() && CloudErrorKindOf(last) == Kind::kUnclear) {
        continue;
      }
      RETURN_IF_ERROR(last);
      ASSIGN_OR_RETURN(const json image, compute_.Get(image_, {}));
      const std::string status = TextOf(image, "status");
      if (status == "READY") {
        return absl::OkStatus();
      }
      if (status == "FAILED") {
        return MakeCloudError({.kind = Kind::kLateFailure,
                               .message = "the cloud could not use the image",
                               .subject = image_});
      }
      compute_.Pause(absl::Seconds(10));
      last = MakeCloudError({.kind = Kind::kTimedOut,
                             .message = "the image is " + status,
                             .subject = image_});
    }
    return last;
  }

  // The image holds a copy. What cannot be deleted costs little, and the next
  // upload of the same image deletes it.
  void CleanUp() {
    (void)client_.Call(
        {.service = "storage",
         .method = "DELETE",
         .path = fmt::format("b/{}/o/{}", Bucket(), EscapeQuery(Object()))});
    (void)unlink(archive_.c_str());
    (void)unlink(upload_.state_file.c_str());
  }

  Compute& compute_;
  GcpClient& client_;
  const ImageUpload& upload_;
  const ProviderProgress& progress_;
  const std::string project_;
  const std::string region_;
  const std::string archive_;
  const std::string image_;
  std::optional<UploadState> state_;
};

}  // namespace

absl::StatusOr<std::string> UploadGcpImage(Compute& compute,
                                           const ImageUpload& upload,
                                           const ProviderProgress& progress) {
  if (!std::holds_alternative<GcpSettings>(upload.settings)) {
    return InvalidArgument("provider.gcp: missing");
  }
  return Uploader(compute, upload, progress).Run();
}

}  // namespace constellation::cloud::gcp
