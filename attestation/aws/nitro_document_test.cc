// SPDX-License-Identifier: Apache-2.0
#include "attestation/aws/nitro_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

#include "attestation/aws/testing/nitro_builder.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::CborWriter;
using ::constellation::testing::IsOk;
using ::constellation::testing::NitroBuilder;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(CoseSign1Test, ReadsItsParts) {
  for (const bool tagged : {false, true}) {
    NitroBuilder builder;
    builder.tagged = tagged;
    const Bytes bytes = builder.Build();
    ASSERT_OK_AND_ASSIGN(const CoseSign1Unverified cose,
                         ParseCoseSign1Unverified(bytes));
    EXPECT_EQ(cose.algorithm, -35);
    EXPECT_EQ(HexEncode(cose.protected_header), "a1013822");
    EXPECT_EQ(cose.signature.size(), 96U);
    EXPECT_THAT(ParseNitroDocumentUnverified(cose.payload), IsOk());
  }
}

TEST(CoseSign1Test, SigStructureIsTheRfcs) {
  const Bytes header{0xa1, 0x01, 0x26};
  for (const size_t size : {0U, 23U, 24U, 255U, 256U, 65535U, 65536U}) {
    const Bytes payload(size, 0x55);
    const CoseSign1Unverified cose{.protected_header = header,
                                   .algorithm = -7,
                                   .payload = payload,
                                   .signature = {}};
    EXPECT_EQ(CoseSigStructure(cose), CborWriter()
                                          .Array(4)
                                          .Text("Signature1")
                                          .Octets(header)
                                          .Octets({})
                                          .Octets(payload)
                                          .Take());
  }
}

TEST(CoseSign1Test, RefusesOtherShapes) {
  const Bytes header{0xa1, 0x01, 0x38, 0x22};
  const auto parse = [](CborWriter& writer) {
    return ParseCoseSign1Unverified(writer.Take()).status();
  };
  CborWriter writer;
  EXPECT_THAT(parse(writer.Array(3).Octets(header).Map(0).Octets({})),
              StatusIs(kInvalid, HasSubstr("array of bytes, map")));
  EXPECT_THAT(parse(writer.Array(4).Text("x").Map(0).Octets({}).Octets({})),
              StatusIs(kInvalid, HasSubstr("array of bytes, map")));
  EXPECT_THAT(
      parse(writer.Array(4).Octets(header).Array(0).Octets({}).Octets({})),
      StatusIs(kInvalid, HasSubstr("array of bytes, map")));
  EXPECT_THAT(parse(writer.Array(4)
                        .Octets(header)
                        .Map(1)
                        .Unsigned(4)
                        .Unsigned(1)
                        .Octets({})
                        .Octets({})),
              StatusIs(kInvalid, HasSubstr("empty unprotected header")));
  EXPECT_THAT(
      parse(writer.Array(5).Octets(header).Map(0).Octets({}).Octets({}).Octets(
          {})),
      StatusIs(kInvalid, HasSubstr("array of bytes, map")));
  // Text is not octets, whatever it holds.
  const std::string text(AsText(header));
  EXPECT_THAT(parse(writer.Array(4).Text(text).Map(0).Octets({}).Octets({})),
              StatusIs(kInvalid, HasSubstr("array of bytes, map")));
  EXPECT_THAT(parse(writer.Array(4).Octets(header).Map(0).Text("p").Octets({})),
              StatusIs(kInvalid, HasSubstr("array of bytes, map")));
  EXPECT_THAT(parse(writer.Array(4).Octets(header).Map(0).Octets({}).Text("s")),
              StatusIs(kInvalid, HasSubstr("array of bytes, map")));
  for (const char* hex : {"", "a0", "a10126a0", "a1011822", "a1023822",
                          "a20138220401", "81", "a1013a00010000"}) {
    EXPECT_THAT(parse(writer.Array(4)
                          .Octets(*HexDecode(hex))
                          .Map(0)
                          .Octets({})
                          .Octets({})),
                StatusIs(kInvalid))
        << hex;
  }
}

absl::StatusOr<NitroDocumentUnverified> Parse(const NitroBuilder& builder) {
  static Bytes& payload = *new Bytes();  // outlives the document
  payload = builder.Payload();
  return ParseNitroDocumentUnverified(payload);
}

TEST(NitroDocumentTest, ReadsEveryFieldInBothForms) {
  for (const bool indefinite : {false, true}) {
    NitroBuilder builder;
    builder.indefinite = indefinite;
    builder.public_key = Bytes(65, 4);
    builder.user_data = Bytes{};
    builder.nonce = Bytes(1024, 1);
    ASSERT_OK_AND_ASSIGN(const NitroDocumentUnverified document,
                         Parse(builder));
    EXPECT_EQ(document.kind, NitroKind::kEnclave);
    EXPECT_EQ(document.module_id, "i-0123-enc4567");
    EXPECT_EQ(document.timestamp, builder.timestamp);
    EXPECT_EQ(document.pcrs.size(), 16U);
    EXPECT_TRUE(std::ranges::equal(document.pcr(2), Bytes(48, 3)));
    EXPECT_TRUE(document.pcr(16).empty());
    EXPECT_EQ(document.ca_bundle.size(), 4U);
    EXPECT_FALSE(document.certificate.empty());
    EXPECT_EQ(document.public_key->size(), 65U);
    EXPECT_EQ(document.user_data->size(), 0U);
    EXPECT_EQ(document.nonce->size(), 1024U);
  }
}

TEST(NitroDocumentTest, NitroTpmHasANameOfItsOwn) {
  NitroBuilder builder;
  builder.pcrs_name = "nitrotpm_pcrs";
  ASSERT_OK_AND_ASSIGN(const NitroDocumentUnverified document, Parse(builder));
  EXPECT_EQ(document.kind, NitroKind::kNitroTpm);
  EXPECT_FALSE(document.nonce.has_value());
}

struct Spoilt {
  const char* name;
  std::function<void(NitroBuilder&)> spoil;
  const char* message;
};

class SpoiltNitroDocumentTest : public ::testing::TestWithParam<Spoilt> {};

TEST_P(SpoiltNitroDocumentTest, IsRefused) {
  NitroBuilder builder;
  GetParam().spoil(builder);
  EXPECT_THAT(Parse(builder),
              StatusIs(kInvalid, HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, SpoiltNitroDocumentTest,
    ::testing::Values(
        Spoilt{"module", [](NitroBuilder& b) { b.module_id = ""; },
               "module_id: want 1 to 256"},
        Spoilt{"moduleText", [](NitroBuilder& b) { b.module_id = "a\n"; },
               "printable"},
        Spoilt{"moduleLong",
               [](NitroBuilder& b) { b.module_id = std::string(257, 'a'); },
               "module_id"},
        Spoilt{"digest", [](NitroBuilder& b) { b.digest = "SHA256"; },
               "digest: want \"SHA384\""},
        Spoilt{"time", [](NitroBuilder& b) { b.timestamp = absl::UnixEpoch(); },
               "timestamp: want milliseconds"},
        Spoilt{"pcrsName", [](NitroBuilder& b) { b.pcrs_name = "pcr"; },
               "field names: want known ones"},
        Spoilt{"noPcrs", [](NitroBuilder& b) { b.pcrs.clear(); },
               "pcrs: want 1 to 32, got 0"},
        Spoilt{"pcrIndex", [](NitroBuilder& b) { b.pcrs[32] = Bytes(48); },
               "pcrs: want indices of 0 to 31"},
        Spoilt{"manyPcrs",
               [](NitroBuilder& b) {
                 for (uint32_t i = 0; i < 33; ++i) {
                   b.pcrs[i] = Bytes(48);
                 }
               },
               "pcrs: want 1 to 32, got 33"},
        Spoilt{"pcrSize", [](NitroBuilder& b) { b.pcrs[1].pop_back(); },
               "pcrs: want 48 to 48 bytes, got 47"},
        Spoilt{"key", [](NitroBuilder& b) { b.public_key = Bytes(1025); },
               "public_key: want 0 to 1024 bytes, got 1025"},
        Spoilt{"nonce", [](NitroBuilder& b) { b.nonce = Bytes(1025); },
               "nonce: want"},
        Spoilt{"userData", [](NitroBuilder& b) { b.user_data = Bytes(1025); },
               "user_data: want"}),
    [](const auto& test) { return std::string(test.param.name); });

// A whole document, with other values of some fields; without one if `write`
// is empty.
using Write = std::function<void(CborWriter&)>;
absl::Status ParseWith(const std::string& name, const Write& write) {
  std::map<std::string, Write> fields = {
      {"module_id", [](CborWriter& w) { w.Text("i-1"); }},
      {"digest", [](CborWriter& w) { w.Text("SHA384"); }},
      {"timestamp", [](CborWriter& w) { w.Unsigned(1); }},
      {"pcrs", [](CborWriter& w) { w.Map(1).Unsigned(0).Octets(Bytes(48)); }},
      {"certificate", [](CborWriter& w) { w.Octets({1}); }},
      {"cabundle", [](CborWriter& w) { w.Array(1).Octets({1}); }}};
  fields[name] = write;
  if (!write) {
    fields.erase(name);
  }
  CborWriter writer;
  writer.Map(fields.size());
  for (const auto& [field, value] : fields) {
    value(writer.Text(field));
  }
  return ParseNitroDocumentUnverified(writer.Take()).status();
}

TEST(NitroDocumentTest, OptionalFieldsMayBeAbsent) {
  EXPECT_THAT(ParseWith("nonce", nullptr), IsOk());
  EXPECT_THAT(ParseWith("nonce", [](CborWriter& w) { w.Text("n"); }),
              StatusIs(kInvalid, HasSubstr("nonce: want bytes, got text")));
}

TEST(NitroDocumentTest, RegistersAreOneMapOfIndices) {
  EXPECT_THAT(ParseWith("pcrs", nullptr),
              StatusIs(kInvalid, HasSubstr("pcrs: want one map")));
  EXPECT_THAT(
      ParseWith("nitrotpm_pcrs",
                [](CborWriter& w) { w.Map(1).Unsigned(0).Octets(Bytes(48)); }),
      StatusIs(kInvalid, HasSubstr("pcrs: want one map")));
  EXPECT_THAT(ParseWith("pcrs",
                        [](CborWriter& w) {
                          w.Array(2).Unsigned(0).Octets(Bytes(48));
                        }),
              StatusIs(kInvalid, HasSubstr("pcrs: want one map")));
  EXPECT_THAT(
      ParseWith("pcrs",
                [](CborWriter& w) { w.Map(1).Text("0").Octets(Bytes(48)); }),
      StatusIs(kInvalid, HasSubstr("indices of 0 to 31")));
  EXPECT_THAT(ParseWith("pcrs",
                        [](CborWriter& w) {
                          w.Map(1).Unsigned(0).Text(std::string(48, 'a'));
                        }),
              StatusIs(kInvalid, HasSubstr("pcrs: want bytes, got text")));
}

TEST(NitroDocumentTest, BundleAndTimeAreBounded) {
  for (const size_t count : {0U, 9U}) {
    EXPECT_THAT(ParseWith("cabundle",
                          [count](CborWriter& w) {
                            w.Array(count);
                            for (size_t i = 0; i < count; ++i) {
                              w.Octets({1});
                            }
                          }),
                StatusIs(kInvalid, HasSubstr("cabundle: want 1 to 8")));
  }
  constexpr uint64_t kEndOfYear9999 = 253402300799000;
  EXPECT_THAT(
      ParseWith("timestamp", [](CborWriter& w) { w.Unsigned(kEndOfYear9999); }),
      IsOk());
  EXPECT_THAT(ParseWith("timestamp",
                        [](CborWriter& w) { w.Unsigned(kEndOfYear9999 + 1); }),
              StatusIs(kInvalid, HasSubstr("timestamp")));
}

TEST(NitroDocumentTest, RefusesMissingTwiceAndMore) {
  const auto parse = [](CborWriter& writer) {
    return ParseNitroDocumentUnverified(writer.Take()).status();
  };
  CborWriter writer;
  EXPECT_THAT(
      parse(writer.Map(0)),
      StatusIs(kInvalid, HasSubstr("module_id: want text, got nothing")));
  EXPECT_THAT(parse(writer.Array(0)),
              StatusIs(kInvalid, HasSubstr("want map, got array")));
  EXPECT_THAT(parse(writer.Map(1).Unsigned(1).Unsigned(1)),
              StatusIs(kInvalid, HasSubstr("field names")));
  EXPECT_THAT(parse(writer.Map(1).Text("module_id").Unsigned(1)),
              StatusIs(kInvalid, HasSubstr("want text, got unsigned")));
}

}  // namespace
}  // namespace constellation::attestation
