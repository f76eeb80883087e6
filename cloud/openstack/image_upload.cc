// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/image_upload.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <vector>

#include "cloud/engine/cloud_error.h"
#include "cloud/http/poll.h"
#include "cloud/openstack/compute_drivers.h"
#include "cloud/openstack/json_access.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "crypto/hash.h"

namespace constellation::cloud::openstack {
namespace {

using nlohmann::json;

constexpr uint64_t kGigabyte = uint64_t{1} << 30U;
constexpr char kShaProperty[] = "constellation_sha256";
constexpr char kTag[] = "constellation-image";

// A file in memory, read only.
// A file that is cut short while it is mapped ends the process (SIGBUS): the
// image is the operator's own, so that is his to avoid.
class MappedFile final {
 public:
  static absl::StatusOr<MappedFile> Open(const std::string& path) {
    UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat about {};
    if (file.get() < 0 || fstat(file.get(), &about) != 0) {
      return ErrnoStatus(errno, "open", path);
    }
    if (!S_ISREG(about.st_mode) || about.st_size <= 0) {
      return InvalidArgument(path + ": want a file that is not empty");
    }
    const auto size = static_cast<size_t>(about.st_size);
    void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (data == MAP_FAILED) {
      return ErrnoStatus(errno, "map", path);
    }
    return MappedFile(static_cast<const uint8_t*>(data), size);
  }
  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  MappedFile& operator=(MappedFile&&) = delete;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() {
    if (data_ != nullptr) {
      munmap(const_cast<uint8_t*>(data_), size_);
    }
  }

  std::span<const uint8_t> bytes() const { return {data_, size_}; }

 private:
  MappedFile(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  const uint8_t* data_;
  size_t size_;
};

// One upload, used once. Keeps no state on disk: glance knows how far it got.
class Uploader final {
 public:
  Uploader(Client& client, Clock& clock, const ImageUpload& upload,
           const ProviderProgress& progress)
      : client_(client), clock_(clock), upload_(upload), progress_(progress) {}

  // SHA-512 is what glance computes, SHA-256 what the image is called by.
  absl::StatusOr<std::string> Run() {
    ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(upload_.path));
    size_ = file.bytes().size();
    Report("computing the checksum", -1);
    sha512_ = HexEncode(crypto::Sha512(file.bytes()));
    sha256_ = HexEncode(crypto::Sha256(file.bytes()));
    if (!upload_.sha256.empty() && upload_.sha256 != sha256_) {
      return DataLoss(fmt::format("{}: SHA-256: want {}, got {}", upload_.path,
                                  upload_.sha256, sha256_));
    }
    ASSIGN_OR_RETURN(std::string id, FindOrAnnounce());
    ASSIGN_OR_RETURN(json image, client_.Get(kImages, id));
    if (TextOf(image, "status") == "queued") {
      RETURN_IF_ERROR(Fill(id));
    }
    ASSIGN_OR_RETURN(image, AwaitActive(id));
    RETURN_IF_ERROR(Verify(image));
    Report("uploaded", 1);
    return id;
  }

 private:
  void Report(std::string_view what, double fraction) const {
    if (progress_) {
      progress_(what, fraction);
    }
  }

  // An image of ours with these contents, filled or to be filled.
  absl::StatusOr<std::string> FindOrAnnounce() {
    ASSIGN_OR_RETURN(const std::vector<json> images,
                     client_.List(kImages, fmt::format("tag={}&{}={}", kTag,
                                                       kShaProperty, sha256_)));
    std::string queued;
    for (const json& image : images) {
      if (TextOf(image, kShaProperty) != sha256_) {
        continue;
      }
      const std::string status = TextOf(image, "status");
      const std::string id = TextOf(image, "id");
      if (status == "active") {
        return id;
      }
      if (status == "queued") {
        queued = id;
      } else if (status == "saving" || status == "killed") {
        RETURN_IF_ERROR(Remove(id));  // its sender is gone
      }
    }
    if (!queued.empty()) {
      return queued;
    }
    ASSIGN_OR_RETURN(
        const json made,
        client_.Send({.service = kImage,
                      .method = "POST",
                      .path = "/images",
                      .body = ImageBody(
                          {.path = upload_.path,
                           .sha256 = sha256_,
                           .name = upload_.name,
                           .version = upload_.version,
                           .attestation_variant = upload_.attestation_variant},
                          size_)}));
    if (TextOf(made, "id").empty()) {
      return MakeCloudError({.kind = CloudErrorKind::kUnclear,
                             .message = "glance's answer has no id"});
    }
    return TextOf(made, "id");
  }

  // An upload that fails leaves an image in "saving" or "queued"; the next run
  // deletes or fills it.
  absl::Status Fill(const std::string& id) {
    Report("uploading", 0);
    // Not repeated by itself: after a part of the data the image is no longer
    // queued.
    const absl::Status status =
        client_
            .Send({.service = kImage,
                   .method = "PUT",
                   .path = fmt::format("/images/{}/file", Escaped(id)),
                   .repeatable = false,
                   .file = FileBody{.path = upload_.path, .size = size_},
                   .content_type = "application/octet-stream",
                   .timeout = absl::Hours(12)})
            .status();
    return status.ok() ? status : Annotate(status, "uploading the image");
  }

  // Some back ends of glance copy the data after the answer.
  absl::StatusOr<json> AwaitActive(const std::string& id) {
    json image;
    RETURN_IF_ERROR(
        Poll({}, clock_, {}, "image", [&]() -> absl::StatusOr<PollStep> {
          ASSIGN_OR_RETURN(image, client_.Get(kImages, id));
          const std::string status = TextOf(image, "status");
          if (status == "killed" || status == "deleted") {
            return MakeCloudError({.kind = CloudErrorKind::kLateFailure,
                                   .message = "glance dropped the image"});
          }
          return PollStep{.done = status == "active"};
        }));
    return image;
  }

  // Glance's word about what it stored. MD5 ("checksum") proves nothing any
  // more, so an image without a better hash is refused.
  absl::Status Verify(const json& image) {
    const std::string algorithm = TextOf(image, "os_hash_algo");
    const std::string hash = TextOf(image, "os_hash_value");
    if (algorithm != "sha512" && algorithm != "sha256") {
      return FailedPrecondition(
          fmt::format("image {}: glance says nothing that proves what arrived "
                      "(os_hash_algo \"{:.20}\")",
                      TextOf(image, "id"), algorithm));
    }
    const std::string& wanted = algorithm == "sha512" ? sha512_ : sha256_;
    if (hash == wanted) {
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(Remove(TextOf(image, "id")));
    return DataLoss(fmt::format(
        "image: {}: want {}, got \"{:.128}\": it was deleted, upload it again",
        algorithm, wanted, hash));
  }

  absl::Status Remove(const std::string& id) {
    return client_
        .Send({.service = kImage,
               .method = "DELETE",
               .path = fmt::format("/images/{}", Escaped(id))})
        .status();
  }

  Client& client_;
  Clock& clock_;
  const ImageUpload& upload_;
  const ProviderProgress& progress_;
  uint64_t size_ = 0;
  std::string sha256_;
  std::string sha512_;
};

}  // namespace

// The bus and the machine type are those that the node's image has drivers for.
json ImageBody(const ImageUpload& upload, uint64_t size) {
  json body = {{"name", upload.name},
               {"disk_format", "raw"},
               {"container_format", "bare"},
               {"visibility", "private"},
               {"protected", false},
               {"min_disk", (size + kGigabyte - 1) / kGigabyte},
               {"tags", {kTag}},
               {"os_type", "linux"},
               {"hw_firmware_type", "uefi"},
               {"hw_machine_type", "q35"},
               {"hw_disk_bus", "virtio"},
               {"hw_vif_model", "virtio"},
               {"constellation_version", upload.version},
               {kShaProperty, upload.sha256}};
  const std::string& variant = upload.attestation_variant;
  if (variant.ends_with("vtpm")) {
    body["hw_tpm_model"] = "tpm-crb";
    body["hw_tpm_version"] = "2.0";
  }
  const bool snp = variant.find("sev-snp") != std::string::npos;
  if (snp || variant.find("tdx") != std::string::npos) {
    body["hw_mem_encryption"] = "true";
    body["hw_mem_encryption_model"] = snp ? "amd-sev-snp" : "intel-tdx";
  }
  return body;
}

absl::StatusOr<std::string> UploadImage(Client& client, Clock& clock,
                                        const ImageUpload& upload,
                                        const ProviderProgress& progress) {
  return Uploader(client, clock, upload, progress).Run();
}

}  // namespace constellation::cloud::openstack
