// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "attestation/eventlog/ccel_table.h"
#include "attestation/eventlog/event_log.h"
#include "attestation/testing/event_log_builder.h"
#include "attestation/testing/software_tpm.h"
#include "attestation/tpm/attestation_key.h"
#include "attestation/tpm/pcr_file.h"
#include "attestation/tpm/testing/quote_signer.h"
#include "attestation/tpm/tpm_structures.h"
#include "tests/fuzz/seeds.h"

namespace constellation::fuzz {
namespace {

using namespace attestation;  // NOLINT(build/namespaces): the parsers
using testing::EventLogBuilder;
using testing::QuoteSigner;
using testing::SignerKind;

constexpr std::string_view kStructures = "attestation_tpm_structures_fuzz";

// A quote of registers 4 and 9. Its digest fits no values, so the target may
// demand that nothing verifies.
Bytes Attest() {
  testing::QuoteParts parts;
  parts.extra_data = Bytes(32, 0x21);
  parts.selections = {{.hash_algorithm = kTpmAlgSha256, .pcrs = {4, 9}}};
  parts.pcr_digest = Bytes(32, 0x11);
  return testing::MarshalAttest(parts);
}

// The target cuts a quote's parts by lengths of one octet.
void AppendPart(Bytes& bytes, const Bytes& part) {
  bytes.push_back(static_cast<uint8_t>(part.size()));
  bytes.insert(bytes.end(), part.begin(), part.end());
}

void AddKeys(std::vector<Seed>& seeds) {
  struct Row {
    std::string_view name;
    SignerKind kind;
    uint16_t hash;
  };
  const Bytes attest = Attest();
  for (const Row& row : {Row{"rsassa", SignerKind::kRsassa, kTpmAlgSha256},
                         Row{"rsapss", SignerKind::kRsapss, kTpmAlgSha256},
                         Row{"p256", SignerKind::kP256, kTpmAlgSha256},
                         Row{"p384", SignerKind::kP384, kTpmAlgSha384}}) {
    const QuoteSigner signer(row.kind, row.hash);
    const std::string name(row.name);
    const Bytes area = signer.Tpmt();
    Add(seeds, kStructures, "public_" + name, area,
        ParsePublicAreaUnverified(area).status());
    const Bytes signature = signer.SignTpmt(attest);
    Add(seeds, kStructures, "signature_" + name, signature,
        ParseSignatureUnverified(signature).status());
    const Bytes spki = signer.Spki();
    Add(seeds, kStructures, "spki_" + name, spki,
        ParseAttestationKeyUnverified(spki).status());
    if (area.size() < 256 && signature.size() < 256) {
      Bytes quote;
      for (const Bytes& part :
           {attest, signature, area, Bytes{4, 9}, Bytes(32, 0x21)}) {
        AppendPart(quote, part);
      }
      Add(seeds, kStructures, "quote_" + name, quote,
          ParseAttestUnverified(attest).status());
    }
  }
}

// As tpm2_quote writes registers 0 and 9, SHA-256.
Bytes PcrFile() {
  constexpr size_t kLists = 4 + 16 * 8;
  Bytes file(kLists + 4 + 4 + 8 * 66, 0);
  file[0] = 1;
  file[4] = kTpmAlgSha256;
  file[6] = 3;
  file[7] = 0x01;
  file[8] = 0x02;
  file[kLists] = 1;
  file[kLists + 4] = 2;
  file[kLists + 8] = 32;
  file[kLists + 8 + 66] = 32;
  return file;
}

// The ACPI table's 56 octets, which sum up to zero.
Bytes CcelTable() {
  Bytes table(56, 0);
  std::ranges::copy(AsBytes("CCEL"), table.begin());
  table[4] = 56;
  table[36] = 2;
  table[41] = 0x80;
  table[51] = 0x7f;
  uint8_t sum = 0;
  for (const uint8_t octet : table) {
    sum = static_cast<uint8_t>(sum + octet);
  }
  table[9] = static_cast<uint8_t>(-sum);
  return table;
}

Bytes LogOf(EventLogBuilder builder) {
  constexpr uint32_t kEvPostCode = 1;
  constexpr uint32_t kEvEfiVariable = 0x80000001;
  builder.Add(0, kEvPostCode, "firmware")
      .Add(1, kEvEfiVariable, std::string(64, '\1'))
      .Add(4, kEvSeparator, std::string(4, '\0'))
      .Add(4, kEvAction, "Calling EFI Application from Boot Option")
      .Add(9, kEvIpl, "linux\1 quiet");
  return builder.bytes();
}

void AddLogs(std::vector<Seed>& seeds) {
  const std::pair<std::string_view, Bytes> logs[] = {
      {"sha1_sha256", LogOf(EventLogBuilder({kTpmAlgSha1, kTpmAlgSha256}))},
      {"sha384", LogOf(EventLogBuilder({kTpmAlgSha384}))},
      {"sm3", LogOf(EventLogBuilder({kTpmAlgSha256, kTpmAlgSm3}))},
      {"legacy", LogOf(EventLogBuilder::Legacy())}};
  for (const auto& [name, log] : logs) {
    Add(seeds, "attestation_event_log_fuzz", name, log,
        ParseEventLogUnverified(log).status());
  }
  Add(seeds, "attestation_td_report_struct_fuzz", "ccel", logs[1].second,
      ParseEventLogUnverified(logs[1].second).status());
  const Bytes table = CcelTable();
  Add(seeds, "attestation_event_log_fuzz", "ccel_table", table,
      ParseCcelTableUnverified(table).status());
}

}  // namespace

void AddTpmSeeds(std::vector<Seed>& seeds) {
  const Bytes attest = Attest();
  Add(seeds, kStructures, "attest", attest,
      ParseAttestUnverified(attest).status());
  const Bytes file = PcrFile();
  Add(seeds, kStructures, "pcr_file", file,
      ParsePcrFileUnverified(file).status());
  AddKeys(seeds);
  AddLogs(seeds);
}

}  // namespace constellation::fuzz
