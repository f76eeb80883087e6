// SPDX-License-Identifier: Apache-2.0
#include "attestation/azure/testing/hcl_builder.h"

#include <fmt/format.h>

#include <algorithm>

namespace constellation::testing {
namespace {

void U32(Bytes& out, size_t value) {
  for (int i = 0; i < 4; ++i) {
    out.push_back(
        static_cast<uint8_t>(value >> (8U * static_cast<unsigned>(i))));
  }
}

}  // namespace

Bytes HclBuilder::Build() const {
  const Bytes data = report_data.empty() ? attestation::HclReportData(
                                               hash, AsBytes(runtime_data))
                                         : report_data;
  Bytes out{'H', 'C', 'L', 'A'};
  U32(out, version);
  U32(out, 32 + 1184 + 20 + runtime_data.size());
  U32(out, 2);
  out.resize(32 + 1184);
  const bool snp = type == attestation::HclReportType::kSnp;
  std::ranges::copy(data, out.begin() + 32 + (snp ? 0x50 : 128));
  U32(out, 20 + runtime_data.size());
  U32(out, 1);
  U32(out, static_cast<uint32_t>(type));
  U32(out, static_cast<uint32_t>(hash));
  U32(out, runtime_data.size());
  out.insert(out.end(), runtime_data.begin(), runtime_data.end());
  out.resize(std::max(out.size(), size));
  return out;
}

std::string Base64Url(const Bytes& octets) {
  std::string text = Base64Encode(octets);
  text.erase(text.find_last_not_of('=') + 1);
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

std::string RuntimeJson(const Bytes& modulus, std::string_view claims,
                        std::string_view operation) {
  return fmt::format(
      R"({{"keys":[{{"kid":"HCLAkPub","key_ops":["{}"],"kty":"RSA",)"
      R"("e":"AQAB","n":"{}"}}]{}{}}})",
      operation, Base64Url(modulus), claims.empty() ? "" : ",", claims);
}

}  // namespace constellation::testing
