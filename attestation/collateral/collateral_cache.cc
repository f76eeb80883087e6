// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/collateral_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <utility>

#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "crypto/hash.h"

namespace constellation::attestation {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int kIndexVersion = 1;
constexpr size_t kMaxIndexFileSize = 4096;
constexpr size_t kMaxObjectSize = size_t{16} << 20U;
constexpr size_t kDigestTextSize = 64;
constexpr size_t kMaxNumberSize = 64;
constexpr char kIndexSuffix[] = ".json";

// Objects are named by their SHA-256, so a damaged one is noticed whenever it
// is read.
std::string DigestOf(std::span<const uint8_t> content) {
  return HexEncode(crypto::Sha256(content));
}

bool IsDigest(std::string_view text) {
  return text.size() == kDigestTextSize &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// As CollateralBundle::Add().
absl::Status CheckKey(std::string_view key) {
  const bool printable =
      std::ranges::all_of(key, [](char c) { return c > ' ' && c <= '~'; });
  if (key.empty() || key.size() > kMaxKeySize || !printable) {
    return InvalidArgument(
        fmt::format("collateral key: want 1 to {} printable characters, got {}",
                    kMaxKeySize, key.size()));
  }
  return absl::OkStatus();
}

// One writer at a time, in all processes, until this goes away.
absl::StatusOr<UniqueFd> LockFolder(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                   kPrivateFileMode));
  if (!fd.valid()) {
    return ErrnoStatus(errno, "open", path);
  }
  while (flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) {
      return ErrnoStatus(errno, "lock", path);
    }
  }
  return fd;
}

// Infinite times are left out.
void PutTime(Json& object, const char* name, absl::Time time) {
  if (time != absl::InfinitePast() && time != absl::InfiniteFuture()) {
    object[name] = absl::ToUnixSeconds(time);
  }
}

// A time that is missing or of another type counts as `otherwise`: the entry is
// only as good as its own check anyway.
absl::Time TimeIn(const Json& object, const char* name, absl::Time otherwise) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer()
             ? absl::FromUnixSeconds(found->get<int64_t>())
             : otherwise;
}

std::string TextIn(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : std::string();
}

}  // namespace

// One file of index/. `digest` is empty if the content was evicted.
struct CollateralCache::Entry {
  std::string key;
  std::string digest;
  std::string chain_digest;  // of the issuer chain, or empty
  uint64_t size = 0;         // octets of content and chain
  absl::Time fetched_at;
  CollateralFacts facts;
};

absl::StatusOr<std::unique_ptr<CollateralCache>> CollateralCache::Open(
    CollateralCacheOptions options) {
  for (const char* folder : {"", "/objects", "/index"}) {
    RETURN_IF_ERROR(MakeDirectories(options.directory + folder));
  }
  return std::unique_ptr<CollateralCache>(
      new CollateralCache(std::move(options)));
}

CollateralCache::CollateralCache(CollateralCacheOptions options)
    : options_(std::move(options)) {}

std::string CollateralCache::IndexPath(std::string_view key) const {
  return fmt::format("{}/index/{}{}", options_.directory,
                     DigestOf(AsBytes(key)), kIndexSuffix);
}

std::string CollateralCache::ObjectPath(const std::string& digest) const {
  return fmt::format("{}/objects/{}", options_.directory, digest);
}

// The file's name must be the digest of the key in it: a file that was renamed
// must not become another key's history.
absl::StatusOr<CollateralCache::Entry> CollateralCache::ReadEntry(
    const std::string& path) const {
  const absl::Status damaged =
      DataLoss(fmt::format("{}: damaged index entry", path));
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxIndexFileSize);
  if (!text.ok()) {
    return absl::IsInvalidArgument(text.status()) ? damaged : text.status();
  }
  const Json json = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.value("version", Json()) != kIndexVersion) {
    return damaged;
  }
  Entry entry;
  entry.key = TextIn(json, "key");
  entry.digest = TextIn(json, "sha256");
  entry.chain_digest = TextIn(json, "issuerChainSha256");
  const std::string number = TextIn(json, "number");
  absl::StatusOr<Bytes> decoded = HexDecode(number);
  if (!CheckKey(entry.key).ok() || IndexPath(entry.key) != path ||
      (!entry.digest.empty() && !IsDigest(entry.digest)) ||
      (!entry.chain_digest.empty() && !IsDigest(entry.chain_digest)) ||
      !decoded.ok() || decoded->size() > kMaxNumberSize) {
    return damaged;
  }
  const auto size = json.find("size");
  entry.size = size != json.end() && size->is_number_unsigned()
                   ? size->get<uint64_t>()
                   : kMaxObjectSize;
  entry.fetched_at = TimeIn(json, "fetchedAt", absl::UnixEpoch());
  entry.facts.number = *std::move(decoded);
  entry.facts.issued = TimeIn(json, "issued", absl::InfinitePast());
  entry.facts.not_before = TimeIn(json, "notBefore", absl::InfinitePast());
  entry.facts.not_after = TimeIn(json, "notAfter", absl::InfiniteFuture());
  return entry;
}

// Atomically, because other processes read without the lock.
absl::Status CollateralCache::WriteEntry(const Entry& entry) const {
  Json json = {{"version", kIndexVersion},
               {"key", entry.key},
               {"size", entry.size},
               {"number", HexEncode(entry.facts.number)}};
  if (!entry.digest.empty()) {
    json["sha256"] = entry.digest;
  }
  if (!entry.chain_digest.empty()) {
    json["issuerChainSha256"] = entry.chain_digest;
  }
  PutTime(json, "fetchedAt", entry.fetched_at);
  PutTime(json, "issued", entry.facts.issued);
  PutTime(json, "notBefore", entry.facts.not_before);
  PutTime(json, "notAfter", entry.facts.not_after);
  return WriteFileAtomically(IndexPath(entry.key), json.dump() + "\n");
}

// DATA_LOSS for content that is not what its name says.
absl::StatusOr<Bytes> CollateralCache::ReadObject(
    const std::string& digest) const {
  const std::string path = ObjectPath(digest);
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxObjectSize));
  const std::span<const uint8_t> bytes = AsBytes(text);
  if (DigestOf(bytes) != digest) {
    return DataLoss(fmt::format("{}: want content of this SHA-256, got {}",
                                path, DigestOf(bytes)));
  }
  return Bytes(bytes.begin(), bytes.end());
}

// An object that is there and whole is not written again; a damaged one is
// replaced.
absl::Status CollateralCache::WriteObject(
    const std::string& digest, std::span<const uint8_t> content) const {
  if (ReadObject(digest).ok()) {
    return absl::OkStatus();
  }
  return WriteFileAtomically(ObjectPath(digest), AsText(content));
}

// NOT_FOUND also for evicted content, whose entry stays as the memory of its
// numbers.
absl::StatusOr<CachedCollateral> CollateralCache::Get(
    std::string_view key) const {
  RETURN_IF_ERROR(CheckKey(key));
  ASSIGN_OR_RETURN(const Entry entry, ReadEntry(IndexPath(key)));
  if (entry.digest.empty()) {
    return NotFound(fmt::format("collateral {}: evicted", key));
  }
  CachedCollateral out;
  out.facts = entry.facts;
  out.collateral.source = CollateralSource::kCache;
  out.collateral.fetched_at = entry.fetched_at;
  ASSIGN_OR_RETURN(out.collateral.content, ReadObject(entry.digest));
  if (!entry.chain_digest.empty()) {
    ASSIGN_OR_RETURN(const Bytes chain, ReadObject(entry.chain_digest));
    out.collateral.issuer_chain = AsText(chain);
  }
  return out;
}

// Also of evicted content: forgetting it would open the way for a rollback.
std::optional<CollateralFacts> CollateralCache::Seen(
    std::string_view key) const {
  absl::StatusOr<Entry> entry = ReadEntry(IndexPath(key));
  if (!entry.ok()) {
    return std::nullopt;
  }
  return std::move(entry->facts);
}

absl::Status CollateralCache::Put(std::string_view key,
                                  const Collateral& collateral,
                                  const CollateralFacts& facts) {
  RETURN_IF_ERROR(CheckKey(key));
  const uint64_t size =
      collateral.content.size() + collateral.issuer_chain.size();
  if (size > options_.max_bytes || size > kMaxObjectSize ||
      facts.number.size() > kMaxNumberSize) {
    return absl::ResourceExhaustedError(
        fmt::format("collateral {}: {} octets do not fit into the cache", key,
                    size)
            .c_str());
  }
  ASSIGN_OR_RETURN(const UniqueFd lock,
                   LockFolder(options_.directory + "/lock"));
  // Again under the lock: another process may have been faster.
  if (const std::optional<CollateralFacts> seen = Seen(key)) {
    RETURN_IF_ERROR(CheckNoRollback(facts, *seen, key));
  }
  Entry entry{.key = std::string(key),
              .digest = DigestOf(collateral.content),
              .chain_digest = {},
              .size = size,
              .fetched_at = collateral.fetched_at,
              .facts = facts};
  RETURN_IF_ERROR(WriteObject(entry.digest, collateral.content));
  if (!collateral.issuer_chain.empty()) {
    const std::span<const uint8_t> chain = AsBytes(collateral.issuer_chain);
    entry.chain_digest = DigestOf(chain);
    RETURN_IF_ERROR(WriteObject(entry.chain_digest, chain));
  }
  RETURN_IF_ERROR(WriteEntry(entry));
  Evict(key);
  return absl::OkStatus();
}

// Damaged entries are left out, and removed by the next Evict().
std::vector<CollateralCache::Entry> CollateralCache::AllEntries() const {
  std::vector<Entry> entries;
  std::error_code error;
  for (fs::directory_iterator it(options_.directory + "/index", error), end;
       !error && it != end; it.increment(error)) {
    if (it->path().extension() == kIndexSuffix) {
      if (absl::StatusOr<Entry> entry = ReadEntry(it->path().string());
          entry.ok()) {
        entries.push_back(*std::move(entry));
      }
    }
  }
  return entries;
}

std::vector<std::string> CollateralCache::Keys() const {
  std::vector<std::string> keys;
  for (Entry& entry : AllEntries()) {
    if (!entry.digest.empty()) {
      keys.push_back(std::move(entry.key));
    }
  }
  std::ranges::sort(keys);
  return keys;
}

// Called with the lock held, so every file that no entry names is left over:
// evicted content, or the temporary file of a writer that was killed. Failures
// to remove are tried again by the next writer.
void CollateralCache::Evict(std::string_view kept_key) const {
  std::vector<Entry> entries = AllEntries();
  std::ranges::sort(entries, {}, &Entry::fetched_at);
  uint64_t total = 0;
  for (const Entry& entry : entries) {
    total += entry.digest.empty() ? 0 : entry.size;
  }
  size_t count = entries.size();
  std::set<std::string> used;
  std::error_code error;
  for (Entry& entry : entries) {
    const bool kept = entry.key == kept_key;
    if (!kept && count > options_.max_entries) {
      fs::remove(IndexPath(entry.key), error);
      --count;
      total -= entry.digest.empty() ? 0 : entry.size;
      continue;
    }
    if (!kept && !entry.digest.empty() && total > options_.max_bytes) {
      total -= entry.size;
      entry.digest.clear();
      entry.chain_digest.clear();
      (void)WriteEntry(entry);  // else Get() finds no object: the same
    }
    used.insert(fs::path(IndexPath(entry.key)).filename().string());
    used.insert(entry.digest);
    used.insert(entry.chain_digest);
  }
  for (const char* folder : {"/objects", "/index"}) {
    std::vector<fs::path> unused;
    for (fs::directory_iterator it(options_.directory + folder, error), end;
         !error && it != end; it.increment(error)) {
      if (!used.contains(it->path().filename().string())) {
        unused.push_back(it->path());
      }
    }
    for (const fs::path& path : unused) {
      fs::remove(path, error);
    }
  }
}

}  // namespace constellation::attestation
