// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_ISSUER_TESTING_FAKE_TSM_H_
#define CONSTELLATION_ATTESTATION_ISSUER_TESTING_FAKE_TSM_H_

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "attestation/issuer/tsm_report_provider.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation::testing {

// configfs-tsm as Linux 6.7 behaves, in memory: every write of inblob or
// privlevel counts in the entry's generation, and reports are made when outblob
// is read. Faults can be injected per operation. Thread-safe.
class FakeTsm final : public TsmFiles {
 public:
  using MakeReport = std::function<Bytes(const Bytes& inblob)>;

  FakeTsm(std::string folder, std::string provider, MakeReport make_report,
          Bytes auxblob = {})
      : folder_(std::move(folder)),
        provider_(std::move(provider)),
        make_report_(std::move(make_report)),
        auxblob_(std::move(auxblob)) {}

  // Runs before every operation, e.g. "write inblob"; anything but OK is what
  // the operation returns.
  std::function<absl::Status(const std::string& operation)> fault;
  // Runs after every operation with the entry's generation, for interference.
  std::function<void(const std::string& operation, int& generation)> after;

  // Entries that exist now, and how many ever did.
  size_t entries() const {
    const absl::MutexLock lock(&mutex_);
    return entries_.size();
  }
  int made() const {
    const absl::MutexLock lock(&mutex_);
    return made_;
  }
  std::vector<std::string> log() const {
    const absl::MutexLock lock(&mutex_);
    return log_;
  }

  absl::Status MakeEntry(const std::string& path) override {
    const absl::MutexLock lock(&mutex_);
    RETURN_IF_ERROR(Before("mkdir"));
    if (!path.starts_with(folder_ + "/")) {
      return NotFound(path);
    }
    if (!entries_.try_emplace(path).second) {
      return AlreadyExists(path);
    }
    ++made_;
    return absl::OkStatus();
  }

  absl::Status RemoveEntry(const std::string& path) override {
    const absl::MutexLock lock(&mutex_);
    RETURN_IF_ERROR(Before("rmdir"));
    return entries_.erase(path) == 1 ? absl::OkStatus() : NotFound(path);
  }

  absl::StatusOr<Bytes> Read(const std::string& path,
                             size_t /*max_size*/) override {
    const absl::MutexLock lock(&mutex_);
    const auto [entry, name] = Split(path);
    RETURN_IF_ERROR(Before("read " + name));
    const auto found = entries_.find(entry);
    if (found == entries_.end()) {
      return NotFound(path);
    }
    absl::StatusOr<Bytes> result = ReadAttribute(found->second, name);
    After("read " + name, found->second.generation);
    return result;
  }

  absl::Status Write(const std::string& path,
                     std::span<const uint8_t> bytes) override {
    const absl::MutexLock lock(&mutex_);
    const auto [entry, name] = Split(path);
    RETURN_IF_ERROR(Before("write " + name));
    const auto found = entries_.find(entry);
    if (found == entries_.end()) {
      return NotFound(path);
    }
    if (name == "inblob" && bytes.size() <= kReportDataSize) {
      found->second.inblob.assign(bytes.begin(), bytes.end());
    } else if (name != "privlevel") {
      return InvalidArgument(path);
    }
    ++found->second.generation;
    After("write " + name, found->second.generation);
    return absl::OkStatus();
  }

 private:
  struct Entry {
    int generation = 0;
    Bytes inblob;
  };

  static std::pair<std::string, std::string> Split(const std::string& path) {
    const size_t slash = path.rfind('/');
    return {path.substr(0, slash), path.substr(slash + 1)};
  }
  static Bytes Text(const std::string& text) {
    return {text.begin(), text.end()};
  }
  absl::Status Before(const std::string& operation)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    log_.push_back(operation);
    return fault ? fault(operation) : absl::OkStatus();
  }
  void After(const std::string& operation, int& generation) const {
    if (after) {
      after(operation, generation);
    }
  }
  absl::StatusOr<Bytes> ReadAttribute(const Entry& entry,
                                      const std::string& name) const {
    if (name == "provider") {
      return Text(provider_ + "\n");
    }
    if (name == "generation") {
      return Text(std::to_string(entry.generation) + "\n");
    }
    if (name == "outblob") {
      return entry.inblob.empty()
                 ? InvalidArgument("no inblob")
                 : absl::StatusOr<Bytes>(make_report_(entry.inblob));
    }
    if (name == "auxblob" && provider_ == "sev_guest") {
      return auxblob_;
    }
    return NotFound(name);
  }

  const std::string folder_;
  const std::string provider_;
  const MakeReport make_report_;
  const Bytes auxblob_;
  mutable absl::Mutex mutex_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> log_ ABSL_GUARDED_BY(mutex_);
  int made_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Octets of the form of a SNP report (1184) or of a TD quote of version 4, with
// `data` as report data. Nothing signed them.
inline Bytes FakeSnpReport(std::span<const uint8_t> data) {
  Bytes report(0x4a0, 0);
  report[0] = 3;
  std::copy(data.begin(), data.end(), report.begin() + 0x50);
  return report;
}
inline Bytes FakeTdQuote(std::span<const uint8_t> data) {
  Bytes quote(1500, 0);
  quote[0] = 4;
  quote[2] = 2;
  std::copy(data.begin(), data.end(), quote.begin() + 48 + 520);
  return quote;
}

}  // namespace constellation::attestation::testing

#endif  // CONSTELLATION_ATTESTATION_ISSUER_TESTING_FAKE_TSM_H_
