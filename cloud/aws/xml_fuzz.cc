// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cloud/aws/aws_error.h"
#include "cloud/aws/xml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = constellation::cloud::aws::XmlDocument::Parse(text);
  if (document.ok()) {
    for (const auto& item : document->result().List("vpcSet")) {
      (void)item.Text("vpcId");
      (void)item.Number("a/b");
    }
  }
  (void)constellation::cloud::aws::DecodeError(
      {.status = 400, .body = std::string(text)}, "ec2:CreateVpc");
  return 0;
}
