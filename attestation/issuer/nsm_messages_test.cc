// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/nsm_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

Bytes Hex(const std::string& text) {
  auto bytes = HexDecode(text);
  EXPECT_TRUE(bytes.ok());
  return bytes.value_or(Bytes());
}

// Text in CBOR.
std::string Cbor(std::string_view text) {
  return HexEncode(Bytes{static_cast<uint8_t>(0x60 + text.size())}) +
         HexEncode(AsBytes(text));
}

const std::string kAnswerHead =
    "a1" + Cbor("Attestation") + "a1" + Cbor("document");

TEST(NsmMessagesTest, EncodesRequestsAsCbor) {
  ASSERT_OK_AND_ASSIGN(const Bytes empty, EncodeNsmRequest({}));
  EXPECT_EQ(HexEncode(empty), "a1" + Cbor("Attestation") + "a3" +
                                  Cbor("user_data") + "f6" + Cbor("nonce") +
                                  "f6" + Cbor("public_key") + "f6");
  ASSERT_OK_AND_ASSIGN(const Bytes full,
                       EncodeNsmRequest({.user_data = Bytes(64, 1),
                                         .nonce = Bytes(23, 2),
                                         .public_key = Bytes(256, 3)}));
  EXPECT_EQ(HexEncode(full),
            "a1" + Cbor("Attestation") + "a3" + Cbor("user_data") + "5840" +
                HexEncode(Bytes(64, 1)) + Cbor("nonce") + "57" +
                HexEncode(Bytes(23, 2)) + Cbor("public_key") + "590100" +
                HexEncode(Bytes(256, 3)));
}

TEST(NsmMessagesTest, RefusesLongFields) {
  const Bytes fits(kMaxNsmField);
  const Bytes long_field(kMaxNsmField + 1);
  EXPECT_TRUE(
      EncodeNsmRequest({.user_data = fits, .nonce = fits, .public_key = fits})
          .ok());
  for (const NsmAttestationRequest& request :
       {NsmAttestationRequest{
            .user_data = long_field, .nonce = {}, .public_key = {}},
        NsmAttestationRequest{
            .user_data = {}, .nonce = long_field, .public_key = {}},
        NsmAttestationRequest{
            .user_data = {}, .nonce = {}, .public_key = long_field}}) {
    EXPECT_THAT(EncodeNsmRequest(request),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(NsmMessagesTest, FindsTheDocumentBeforeTheRestOfTheBuffer) {
  for (const std::string& rest : {std::string(), std::string("ffff00")}) {
    EXPECT_THAT(DecodeNsmAnswer(Hex(kAnswerHead + "43010203" + rest)),
                IsOkAndHolds(Bytes{1, 2, 3}));
    EXPECT_THAT(DecodeNsmAnswer(Hex(kAnswerHead + "5803010203" + rest)),
                IsOkAndHolds(Bytes{1, 2, 3}));
    EXPECT_THAT(DecodeNsmAnswer(Hex(kAnswerHead + "590003010203" + rest)),
                IsOkAndHolds(Bytes{1, 2, 3}));
    EXPECT_THAT(DecodeNsmAnswer(Hex(kAnswerHead + "5a00000003010203" + rest)),
                IsOkAndHolds(Bytes{1, 2, 3}));
  }
}

TEST(NsmMessagesTest, ReportsTheModulesError) {
  EXPECT_THAT(
      DecodeNsmAnswer(Hex("a1" + Cbor("Error") + Cbor("InputTooLarge"))),
      StatusIs(absl::StatusCode::kInternal,
               HasSubstr("NSM request refused: InputTooLarge")));
  EXPECT_THAT(DecodeNsmAnswer(Hex("a1" + Cbor("Error") + "6301410a")),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("?A?")));
}

TEST(NsmMessagesTest, RefusesEverythingElse) {
  for (const std::string& answer :
       {std::string(),
        std::string("00"),
        std::string("a0"),
        std::string("a2") + Cbor("Attestation"),
        std::string("a1"),
        std::string("a1f6"),
        "a1" + Cbor("Random") + "4101",
        "a1" + Cbor("Attestation") + "f6",
        "a1" + Cbor("Attestation") + "a1" + Cbor("other") + "4101",
        kAnswerHead,
        kAnswerHead + "f6",
        kAnswerHead + "4401",
        kAnswerHead + "6101",
        kAnswerHead + "5a7fffffff",
        kAnswerHead + "5affffffff00",
        kAnswerHead + "5bffffffffffffffff",
        kAnswerHead + "5f4101ff",
        kAnswerHead + "59",
        std::string("a178ff"),
        std::string("bf")}) {
    EXPECT_THAT(DecodeNsmAnswer(Hex(answer)),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << answer;
  }
}

TEST(NsmMessagesTest, EveryTruncationIsRefused) {
  const Bytes whole = Hex(kAnswerHead + "590003010203");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(DecodeNsmAnswer(std::span(whole).first(size)),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << size;
  }
}

}  // namespace
}  // namespace constellation::attestation
