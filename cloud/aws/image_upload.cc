// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/image_upload.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>
#include <vector>

#include "cloud/aws/driver_support.h"
#include "cloud/aws/names.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/http/poll.h"
#include "cloud/json_fields.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "crypto/hash.h"

namespace constellation::cloud::aws {
namespace {

using Json = nlohmann::json;
using Kind = CloudErrorKind;

// The service knows no other size.
constexpr size_t kBlock = size_t{512} << 10U;  // EBS direct API, BlockSize
constexpr uint64_t kGiB = uint64_t{1} << 30U;
// Far more than our images have; a file that is larger was named by mistake.
constexpr uint64_t kMaxImage = 64 * kGiB;
// So many blocks at most are sent again after a kill.
constexpr size_t kSaveEvery = 32;  // blocks
constexpr size_t kMaxState = 4096;

// A disk image that is read block by block, from the start.
class ImageFile final {
 public:
  static absl::StatusOr<ImageFile> Open(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info {};
    if (!fd.valid() || ::fstat(fd.get(), &info) != 0) {
      return ErrnoStatus(errno, "open", path);
    }
    const auto size = static_cast<uint64_t>(info.st_size);
    if (!S_ISREG(info.st_mode) || size == 0 || size > kMaxImage) {
      return InvalidArgument(fmt::format(
          "{}: want a file of 1 to {} bytes, got {}", path, kMaxImage, size));
    }
    return ImageFile(std::move(fd), size);
  }

  uint64_t size() const { return size_; }
  size_t blocks() const { return (size_ + kBlock - 1) / kBlock; }

  // Of everything that was read.
  std::string Sha256() { return HexEncode(hasher_.Finish()); }

  // The last block of the file is shorter; the service wants full ones.
  // The next block, filled up with zeros.
  absl::StatusOr<std::string> Next() {
    const uint64_t left = size_ - offset_;
    const size_t want = std::min<uint64_t>(left, kBlock);
    std::string block(kBlock, '\0');
    RETURN_IF_ERROR(ReadExactly(
        fd_.get(), {reinterpret_cast<uint8_t*>(block.data()), want}));
    hasher_.Update(AsBytes(std::string_view(block).substr(0, want)));
    offset_ += want;
    return block;
  }

 private:
  ImageFile(UniqueFd fd, uint64_t size) : fd_(std::move(fd)), size_(size) {}

  UniqueFd fd_;
  uint64_t size_;
  uint64_t offset_ = 0;
  crypto::Sha256Hasher hasher_;
};

// What is kept between runs.
struct UploadState {
  std::string sha256 = {};
  std::string token = {};     // of StartSnapshot
  std::string snapshot = {};  // empty: not answered yet
  uint64_t next_block = 0;    // all before it have arrived
};

// A state of another image, or none, starts anew. One that does not parse is
// not guessed at: the user is asked to delete it.
absl::StatusOr<UploadState> LoadState(const ImageUpload& upload) {
  UploadState state{.sha256 = upload.sha256};
  const auto text = ReadFile(upload.state_file, kMaxState);
  if (absl::IsNotFound(text.status())) {
    return state;
  }
  RETURN_IF_ERROR(text.status());
  const auto json = ParseJsonObject(*text, "upload state", kMaxState);
  if (!json.ok()) {
    return Annotate(json.status(), upload.state_file + ": delete it");
  }
  JsonFields fields(*json, upload.state_file);
  const UploadState saved{
      .sha256 = fields.String("sha256"),
      .token = fields.String("token"),
      .snapshot = fields.String("snapshot"),
      .next_block = fields.Unsigned("nextBlock", 0, kMaxImage / kBlock)};
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/false));
  return saved.sha256 == upload.sha256 ? saved : state;
}

// Replaced as a whole, so that a kill leaves the old one or the new one.
absl::Status SaveState(const ImageUpload& upload, const UploadState& state) {
  return WriteFileAtomically(upload.state_file,
                             DumpJson({{"sha256", state.sha256},
                                       {"token", state.token},
                                       {"snapshot", state.snapshot},
                                       {"nextBlock", state.next_block}}));
}

// One upload, from the look for what is there to the registered image. Used
// once, by one thread; everything given to it must outlive it.
class Uploader final {
 public:
  Uploader(AwsClient& client, const ImageUpload& upload,
           const ProviderProgress& progress)
      : client_(client), upload_(upload), progress_(progress) {}

  // Each step can be repeated: the state file says how far an earlier run came,
  // and the snapshot itself whether that is still true.
  absl::StatusOr<std::string> Run() {
    ASSIGN_OR_RETURN(const std::string present, FindImage());
    if (!present.empty()) {
      Report("the image is there already", 1);
      return present;
    }
    ASSIGN_OR_RETURN(ImageFile file, ImageFile::Open(upload_.path));
    ASSIGN_OR_RETURN(state_, LoadState(upload_));
    RETURN_IF_ERROR(StartSnapshot(file));
    if (!complete_) {
      RETURN_IF_ERROR(SendBlocks(file));
      RETURN_IF_ERROR(CompleteSnapshot());
    }
    RETURN_IF_ERROR(AwaitSnapshot());
    ASSIGN_OR_RETURN(std::string image, RegisterImage());
    RETURN_IF_ERROR(AwaitImage(image));
    ::unlink(upload_.state_file.c_str());
    Report("registered " + image, 1);
    return image;
  }

 private:
  void Report(std::string_view what, double fraction) {
    if (progress_) {
      progress_(what, fraction);
    }
  }

  // What makes the image found again, here and by people.
  Json Tags() const {
    return TagList(
        {{std::string(kImageHashTag), upload_.sha256},
         {"Name", upload_.name},
         {"constellation-version", upload_.version},
         {"constellation-attestation", upload_.attestation_variant}});
  }

  // An image with our digest in its tag. Only the account's own are asked for:
  // a foreign image could carry any tag.
  absl::StatusOr<std::string> FindImage() {
    ASSIGN_OR_RETURN(
        const XmlDocument answer,
        client_.Call(kEc2, "DescribeImages",
                     {{"Owner", Json::array({"self"})},
                      {"Filter",
                       Json::array({Filter(fmt::format("tag:{}", kImageHashTag),
                                           {upload_.sha256})})}}));
    for (const XmlElement& image : answer.result().List("imagesSet")) {
      const std::string state = image.Text("imageState");
      if (state == "available" || state == "pending") {
        const std::string id = image.Text("imageId");
        RETURN_IF_ERROR(AwaitImage(id));
        return id;
      }
    }
    return "";
  }

  // The state of the snapshot; "" if there is none.
  absl::StatusOr<std::string> SnapshotState() {
    const auto answer =
        client_.Call(kEc2, "DescribeSnapshots",
                     {{"SnapshotId", Json::array({state_.snapshot})}});
    if (IsKind(answer.status(), Kind::kNotFound)) {
      return "";
    }
    RETURN_IF_ERROR(answer.status());
    const auto snapshots = answer->result().List("snapshotSet");
    return snapshots.empty() ? "" : snapshots.front().Text("status");
  }

  // Goes on with the snapshot of an earlier run if it still takes blocks. The
  // token is on disk before the request, so that a lost answer makes no second
  // snapshot. The service ends a snapshot that gets no block for the 60 minutes
  // asked for.
  absl::Status StartSnapshot(const ImageFile& file) {
    if (!state_.snapshot.empty()) {
      ASSIGN_OR_RETURN(const std::string status, SnapshotState());
      complete_ = status == "completed";
      if (complete_ || status == "pending") {
        return absl::OkStatus();
      }
      state_ = {.sha256 = upload_.sha256};  // gone or failed: start anew
    }
    if (state_.token.empty()) {
      std::random_device random;
      state_.token =
          fmt::format("constellation-{:08x}{:08x}", random(), random());
      RETURN_IF_ERROR(SaveState(upload_, state_));
    }
    const Json body = {{"VolumeSize", (file.size() + kGiB - 1) / kGiB},
                       {"Description", upload_.name},
                       {"ClientToken", state_.token},
                       {"Timeout", 60},
                       {"Tags", Tags()}};
    ASSIGN_OR_RETURN(
        const HttpResponse response,
        client_.Rest("ebs", "ebs:StartSnapshot",
                     {.method = "POST",
                      .path = "/snapshots",
                      .headers = {{"Content-Type", "application/json"}},
                      .body = DumpJson(body),
                      .repeatable = true}));
    ASSIGN_OR_RETURN(const Json json,
                     ParseJsonObject(response.body, "snapshot", kMaxState));
    JsonFields fields(json, "snapshot");
    state_.snapshot = fields.String("SnapshotId");
    const uint64_t block = fields.UnsignedOr("BlockSize", kBlock, 1, kGiB);
    RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
    if (block != kBlock || !state_.snapshot.starts_with("snap-")) {
      return InvalidArgument(fmt::format(
          "snapshot: want blocks of {} bytes, got {}", kBlock, block));
    }
    return SaveState(upload_, state_);
  }

  // Sends what earlier runs have not sent. Blocks of zeros are left out: a
  // snapshot that has never been written reads as zeros. All of the file is
  // hashed all the same, and a file that was changed meanwhile is refused
  // before the snapshot is completed.
  absl::Status SendBlocks(ImageFile& file) {
    const size_t blocks = file.blocks();
    for (size_t i = 0; i < blocks; ++i) {
      ASSIGN_OR_RETURN(const std::string block, file.Next());
      if (block.find_first_not_of('\0') == std::string::npos) {
        continue;
      }
      const crypto::Sha256Digest digest = crypto::Sha256(AsBytes(block));
      digests_.insert(digests_.end(), digest.begin(), digest.end());
      ++sent_blocks_;
      if (i < state_.next_block) {
        continue;  // of an earlier run
      }
      RETURN_IF_ERROR(PutBlock(i, block, Base64Encode(digest)));
      state_.next_block = i + 1;
      if (sent_blocks_ % kSaveEvery == 0) {
        RETURN_IF_ERROR(SaveState(upload_, state_));
        Report("uploading",
               static_cast<double>(i) / static_cast<double>(blocks));
      }
    }
    if (const std::string digest = file.Sha256(); digest != upload_.sha256) {
      DropSnapshot();
      return InvalidArgument(fmt::format("{}: want SHA-256 {}, got {}",
                                         upload_.path, upload_.sha256, digest));
    }
    return SaveState(upload_, state_);
  }

  // The service compares each block with its checksum. The body is not part of
  // the signature: it would have to be hashed twice.
  absl::Status PutBlock(size_t index, const std::string& block,
                        const std::string& checksum) {
    return client_
        .Rest("ebs", "ebs:PutSnapshotBlock",
              {.method = "PUT",
               .path = fmt::format("/snapshots/{}/blocks/{}", state_.snapshot,
                                   index),
               .headers = {{"x-amz-Data-Length", std::to_string(kBlock)},
                           {"x-amz-Checksum", checksum},
                           {"x-amz-Checksum-Algorithm", "SHA256"},
                           {"Content-Type", "application/octet-stream"}},
               .body = block,
               .unsigned_payload = true,
               .repeatable = true})
        .status();
  }

  // The service compares the checksum with what has arrived.
  // "LINEAR": the SHA-256 of all blocks' digests, in order.
  absl::Status CompleteSnapshot() {
    Report("verifying", -1);
    const absl::Status status =
        client_
            .Rest("ebs", "ebs:CompleteSnapshot",
                  {.method = "POST",
                   .path = "/snapshots/completion/" + state_.snapshot,
                   .headers = {{"x-amz-ChangedBlocksCount",
                                std::to_string(sent_blocks_)},
                               {"x-amz-Checksum",
                                Base64Encode(crypto::Sha256(digests_))},
                               {"x-amz-Checksum-Algorithm", "SHA256"},
                               {"x-amz-Checksum-Aggregation-Method", "LINEAR"}},
                   .repeatable = true})
            .status();
    if (!IsKind(status, Kind::kInvalid)) {
      return status;
    }
    // A repeat after a lost answer is refused, too: what is its state?
    ASSIGN_OR_RETURN(const std::string state, SnapshotState());
    if (state == "completed") {
      return absl::OkStatus();
    }
    DropSnapshot();
    return DataLoss(fmt::format(
        "what arrived is not what was sent: run the same command again, which "
        "starts anew ({})",
        Message(status)));
  }

  // For a snapshot that holds something else than the image, so that the next
  // run does not go on with it. If it cannot be deleted the service ends it by
  // itself after the 60 minutes.
  void DropSnapshot() {
    (void)client_.Call(kEc2, "DeleteSnapshot",
                       {{"SnapshotId", state_.snapshot}}, {},
                       /*repeatable=*/true);
    ::unlink(upload_.state_file.c_str());
  }

  absl::Status AwaitSnapshot() {
    return Poll({.timeout = absl::Minutes(60)}, client_.clock(), {},
                "snapshot " + state_.snapshot,
                [&]() -> absl::StatusOr<PollStep> {
                  ASSIGN_OR_RETURN(const std::string status, SnapshotState());
                  if (status == "error") {
                    return MakeCloudError({.kind = Kind::kLateFailure,
                                           .message = "the snapshot failed",
                                           .subject = state_.snapshot});
                  }
                  return PollStep{.done = status == "completed"};
                });
  }

  // Boot mode, TPM and IMDS version are fixed here, in the image: a launch
  // template cannot weaken them. The name is unique, so a repeat is refused and
  // finds what was made.
  absl::StatusOr<std::string> RegisterImage() {
    Report("registering", -1);
    const Json parameters = {
        {"Name", upload_.name},
        {"Description", "Constellation " + upload_.version},
        {"Architecture", "x86_64"},
        {"VirtualizationType", "hvm"},
        {"EnaSupport", true},
        {"BootMode", "uefi"},
        {"TpmSupport", "v2.0"},
        {"ImdsSupport", "v2.0"},
        {"RootDeviceName", "/dev/xvda"},
        {"BlockDeviceMapping",
         Json::array({{{"DeviceName", "/dev/xvda"},
                       {"Ebs",
                        {{"SnapshotId", state_.snapshot},
                         {"VolumeType", "gp3"},
                         {"DeleteOnTermination", true}}}}})},
        {"TagSpecification",
         Json::array({{{"ResourceType", "image"}, {"Tag", Tags()}}})}};
    const auto answer = client_.Call(kEc2, "RegisterImage", parameters, {},
                                     /*repeatable=*/true);
    if (IsKind(answer.status(), Kind::kNameTaken)) {
      ASSIGN_OR_RETURN(std::string present, FindImage());
      return present.empty() ? absl::StatusOr<std::string>(answer.status())
                             : present;
    }
    RETURN_IF_ERROR(answer.status());
    return answer->result().Text("imageId");
  }

  // Until it can be used. For some seconds after RegisterImage the id is not
  // known (InvalidAMIID, kInvalid), which is borne.
  absl::Status AwaitImage(const std::string& id) {
    return Poll(
        {.timeout = absl::Minutes(20)}, client_.clock(), {}, "image " + id,
        [&]() -> absl::StatusOr<PollStep> {
          const auto answer = client_.Call(kEc2, "DescribeImages",
                                           {{"ImageId", Json::array({id})}});
          if (IsKind(answer.status(), Kind::kInvalid)) {
            return PollStep{};  // not shown yet
          }
          RETURN_IF_ERROR(answer.status());
          for (const XmlElement& image : answer->result().List("imagesSet")) {
            const std::string state = image.Text("imageState");
            if (state == "failed" || state == "error" || state == "invalid") {
              return MakeCloudError(
                  {.kind = Kind::kLateFailure,
                   .message = image.Text("stateReason/message"),
                   .subject = id});
            }
            return PollStep{.done = state == "available"};
          }
          return PollStep{};
        });
  }

  AwsClient& client_;
  const ImageUpload& upload_;
  const ProviderProgress& progress_;
  UploadState state_;
  bool complete_ = false;
  std::vector<uint8_t> digests_;  // 32 bytes a block that was sent
  size_t sent_blocks_ = 0;
};

}  // namespace

absl::StatusOr<std::string> UploadToEbs(AwsClient& client,
                                        const ImageUpload& upload,
                                        const ProviderProgress& progress) {
  if (upload.sha256.size() != 64 || upload.name.size() < 3 ||
      upload.name.size() > 128) {
    return InvalidArgument(
        "image: want a SHA-256 in hex and a name of 3-128 characters");
  }
  return Uploader(client, upload, progress).Run();
}

}  // namespace constellation::cloud::aws
