// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "cloud/json_fields.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud {
namespace {

using nlohmann::json;

constexpr std::string_view kFormat = "constellation-cloud-journal";
constexpr uint64_t kVersion = 1;
// Octets of a line; a record is some hundred.
constexpr size_t kMaxLine = 64 * 1024;
constexpr size_t kMaxDependencies = 1000;
constexpr uint64_t kMaxTime = uint64_t{1} << 62U;  // ms since 1970

constexpr std::array<std::pair<std::string_view, JournalState>, 4> kStates = {{
    {"creating", JournalState::kCreating},
    {"created", JournalState::kCreated},
    {"ready", JournalState::kReady},
    {"deleting", JournalState::kDeleting},
}};

// The word of a state in the file.
std::string_view StateName(JournalState state) {
  for (const auto& [name, value] : kStates) {
    if (value == state) {
      return name;
    }
  }
  return "";
}

// Identity stands in the first line, so that no run mixes two clusters.
json HeaderOf(const ClusterIdentity& cluster) {
  return {{"format", kFormat},      {"version", kVersion},
          {"uid", cluster.uid},     {"name", cluster.name},
          {"cloud", cluster.cloud}, {"scope", cluster.scope}};
}

// Name and version first: the rest of a newer format may mean something else.
// The cluster's name is not compared; it may be changed.
absl::Status CheckHeader(std::string_view line,
                         const ClusterIdentity& cluster) {
  ASSIGN_OR_RETURN(const json header,
                   ParseJsonObject(line, "journal header", kMaxLine));
  JsonFields fields(header, "journal header");
  const std::string format = fields.String("format");
  const uint64_t version = fields.Unsigned("version", 0, UINT32_MAX);
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  if (format != kFormat || version != kVersion) {
    return FailedPrecondition(fmt::format(
        "want a {} of version {}, got \"{}\" of version {}: was it written by "
        "a newer program?",
        kFormat, kVersion, format, version));
  }
  for (const auto& [key, want] :
       {std::pair<std::string_view, const std::string&>{"uid", cluster.uid},
        {"cloud", cluster.cloud},
        {"scope", cluster.scope}}) {
    const std::string got = fields.String(key);
    if (got != want) {
      return FailedPrecondition(fmt::format(
          "the journal is of another cluster: {} is \"{}\" there, \"{}\" here. "
          "Use the account and region it was made with, or terminate it first",
          key, got, want));
    }
  }
  return fields.Finish(/*allow_unknown=*/true);
}

// One line of the file; times are milliseconds since 1970.
json RecordOf(const JournalEntry& entry) {
  return {{"op", StateName(entry.state)},
          {"time", absl::ToUnixMillis(entry.recorded)},
          {"name", entry.name},
          {"kind", entry.kind},
          {"token", entry.token},
          {"id", entry.id},
          {"dependsOn", entry.depends_on}};
}

// Fields::Array() has bounded their number.
absl::Status ReadDependencies(const json& names, JournalEntry& entry) {
  for (const json& name : names) {
    if (!name.is_string()) {
      return DataLoss("dependsOn: want names");
    }
    entry.depends_on.push_back(name.get<std::string>());
  }
  return absl::OkStatus();
}

std::string Line(const json& record) {
  return DumpJson(record) + "\n";
}

}  // namespace

// Written back in short form, so the file does not grow from run to run.
absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(
    JournalStorage& storage, Clock& clock, const ClusterIdentity& cluster,
    const ConsistencyWindow& window) {
  auto journal = std::make_unique<Journal>(Private(), storage, clock, window);
  const absl::StatusOr<std::string> text = storage.Read();
  if (text.ok()) {
    RETURN_IF_ERROR(journal->Load(*text, cluster));
  } else if (!absl::IsNotFound(text.status())) {
    return text.status();
  }
  const absl::MutexLock lock(&journal->mutex_);
  RETURN_IF_ERROR(storage.Replace(journal->Compact(cluster)));
  return journal;
}

// A last line without its break was being written when the run died: the call
// that it announces was never made. Any other damage is DATA_LOSS, as what is
// missing could be a thing that costs money.
absl::Status Journal::Load(const std::string& text,
                           const ClusterIdentity& cluster) {
  const absl::MutexLock lock(&mutex_);
  std::string_view rest = text;
  for (size_t number = 0;; ++number) {
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) {
      break;  // a last line without its break was not synced
    }
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (number == 0) {
      RETURN_IF_ERROR(CheckHeader(line, cluster));
      continue;
    }
    const auto record = ParseJsonObject(line, "record", kMaxLine);
    absl::Status status = record.ok() ? Take(*record) : record.status();
    if (!status.ok()) {
      return DataLoss(fmt::format("cloud journal, line {}: {}", number + 1,
                                  Message(status)));
    }
  }
  return absl::OkStatus();
}

// One record, as a change of entries_. Later records replace earlier ones.
absl::Status Journal::Take(const json& record) {
  JsonFields fields(record, "record");
  const std::string op = fields.String("op");
  JournalEntry entry;
  entry.name = fields.String("name");
  const absl::Time written = absl::FromUnixMillis(
      static_cast<int64_t>(fields.Unsigned("time", 0, kMaxTime)));
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  if (op == "gone" || op == "not-created") {
    entries_.erase(entry.name);
    return absl::OkStatus();
  }
  const auto* const state =
      std::ranges::find(kStates, op, [](const auto& row) { return row.first; });
  if (state == kStates.end()) {
    return DataLoss(fmt::format("unknown op \"{}\"", op));
  }
  entry.state = state->second;
  entry.kind = fields.String("kind");
  entry.token = fields.String("token");
  entry.id = fields.String("id");
  const json* dependencies = fields.Array("dependsOn", kMaxDependencies);
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/true));
  RETURN_IF_ERROR(ReadDependencies(*dependencies, entry));
  // Whoever wrote it may have died in the middle of the call, at any time since
  // then; a clock that ran backwards must not shorten the wait.
  entry.recorded = written;
  entry.visible_by =
      std::min(clock_.Now(), written + window_.longest_call) + window_.settle;
  entries_[entry.name] = std::move(entry);
  return absl::OkStatus();
}

// One line for each entry, whatever happened to it before.
std::string Journal::Compact(const ClusterIdentity& cluster) const {
  std::string text = Line(HeaderOf(cluster));
  for (const auto& [name, entry] : entries_) {
    text += Line(RecordOf(entry));
  }
  return text;
}

// After one failure all later writes fail with the same error: if the disk is
// full nothing may be made that would not be written down.
absl::Status Journal::Write(const json& record) {
  if (broken_.ok()) {
    broken_ = Annotate(storage_.Append(Line(record)), "cloud journal");
  }
  return broken_;
}

// The entry stays as it is until the line is on disk. Repeats start the window
// anew.
absl::Status Journal::Creating(const Resource& resource,
                               std::string_view token) {
  const absl::MutexLock lock(&mutex_);
  const absl::Time now = clock_.Now();
  JournalEntry entry{.name = resource.name,
                     .kind = resource.kind,
                     .token = std::string(token),
                     .depends_on = resource.depends_on,
                     .recorded = now,
                     .visible_by = now + window_.settle};
  RETURN_IF_ERROR(Write(RecordOf(entry)));
  entries_[entry.name] = std::move(entry);
  return absl::OkStatus();
}

// The thing exists: its id is known from now on, and it may be hidden for a
// while.
absl::Status Journal::Created(const Resource& resource, std::string_view id) {
  const absl::MutexLock lock(&mutex_);
  const absl::Time now = clock_.Now();
  const auto known = entries_.find(resource.name);
  JournalEntry entry = known != entries_.end() ? known->second : JournalEntry();
  entry.name = resource.name;
  entry.kind = resource.kind;
  entry.id = std::string(id);
  entry.depends_on = resource.depends_on;
  entry.state = JournalState::kCreated;
  entry.recorded = now;
  entry.visible_by = now + window_.settle;
  RETURN_IF_ERROR(Write(RecordOf(entry)));
  entries_[entry.name] = std::move(entry);
  return absl::OkStatus();
}

// INTERNAL if the journal has no such entry: our mistake.
absl::Status Journal::Ready(std::string_view name) {
  const absl::MutexLock lock(&mutex_);
  const auto known = entries_.find(name);
  if (known == entries_.end()) {
    return Internal(fmt::format("cloud journal: no entry \"{}\"", name));
  }
  JournalEntry entry = known->second;
  entry.state = JournalState::kReady;
  entry.recorded = clock_.Now();
  RETURN_IF_ERROR(Write(RecordOf(entry)));
  known->second = std::move(entry);
  return absl::OkStatus();
}

// Keeps a known id if none is given: it may be all there is to find it by.
absl::Status Journal::Deleting(const Resource& resource, std::string_view id) {
  const absl::MutexLock lock(&mutex_);
  const auto known = entries_.find(resource.name);
  JournalEntry entry = known != entries_.end() ? known->second : JournalEntry();
  entry.name = resource.name;
  entry.kind = resource.kind;
  entry.id = id.empty() ? entry.id : std::string(id);
  entry.depends_on = resource.depends_on;
  entry.state = JournalState::kDeleting;
  entry.recorded = clock_.Now();
  RETURN_IF_ERROR(Write(RecordOf(entry)));
  entries_[entry.name] = std::move(entry);
  return absl::OkStatus();
}

absl::Status Journal::NotCreated(std::string_view name) {
  const absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(Write({{"op", "not-created"},
                         {"time", absl::ToUnixMillis(clock_.Now())},
                         {"name", name}}));
  entries_.erase(std::string(name));
  return absl::OkStatus();
}

absl::Status Journal::Gone(std::string_view name) {
  const absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(Write({{"op", "gone"},
                         {"time", absl::ToUnixMillis(clock_.Now())},
                         {"name", name}}));
  entries_.erase(std::string(name));
  return absl::OkStatus();
}

// Further calls fail: a journal that is gone must not take lines.
absl::Status Journal::Finish() {
  const absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(broken_);
  if (!entries_.empty()) {
    return FailedPrecondition(
        fmt::format("cloud journal: {} entries are left, first \"{}\"",
                    entries_.size(), entries_.begin()->first));
  }
  broken_ = FailedPrecondition("cloud journal: finished");
  return storage_.Remove();
}

std::optional<JournalEntry> Journal::Find(std::string_view name) const {
  const absl::MutexLock lock(&mutex_);
  const auto known = entries_.find(name);
  return known == entries_.end() ? std::nullopt : std::optional(known->second);
}

std::vector<JournalEntry> Journal::Entries() const {
  const absl::MutexLock lock(&mutex_);
  std::vector<JournalEntry> entries;
  entries.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) {
    entries.push_back(entry);
  }
  return entries;
}

}  // namespace constellation::cloud
