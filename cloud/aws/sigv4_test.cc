// SPDX-License-Identifier: Apache-2.0
// Signatures of the first three rows are those of AWS's published test suite
// (get-vanilla, get-vanilla-query-order-key-case, and one that orders values);
// the others were computed with botocore.
#include "cloud/aws/sigv4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kForm[] = "application/x-www-form-urlencoded; charset=utf-8";

const absl::Time kNow = absl::FromCivil(
    absl::CivilSecond(2015, 8, 30, 12, 36, 0), absl::UTCTimeZone());

Credentials Example(std::string token = "") {
  return {.access_key_id = "AKIDEXAMPLE",
          .secret_access_key =
              SecretBytes(AsBytes("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")),
          .session_token = std::move(token)};
}

std::string Header(const HttpRequest& request, std::string_view name) {
  std::string found;
  for (const auto& [key, value] : request.headers) {
    if (key == name) {
      EXPECT_EQ(found, "");
      found = value;
    }
  }
  return found;
}

struct Vector {
  const char* name;
  HttpRequest request;
  SigningScope scope;
  std::string token;
  const char* names;
  const char* signature;
};

std::vector<Vector> Vectors() {
  const SigningScope plain{.region = "us-east-1", .service = "service"};
  const SigningScope ec2{.region = "eu-west-1", .service = "ec2"};
  const SigningScope s3{.region = "eu-west-1", .service = "s3"};
  const HttpRequest form{.method = "POST",
                         .url = "https://ec2.eu-west-1.amazonaws.com/",
                         .headers = {{"Content-Type", kForm}},
                         .body = "Action=DescribeVpcs&Version=2016-11-15"};
  return {
      {"plain",
       {.url = "https://example.amazonaws.com/"},
       plain,
       "",
       "host;x-amz-date",
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"query by key",
       {.url = "https://example.amazonaws.com/?Param2=value2&Param1=value1"},
       plain,
       "",
       "host;x-amz-date",
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"query by value",
       {.url = "https://example.amazonaws.com/?Param1=value2&Param1=Value1"},
       plain,
       "",
       "host;x-amz-date",
       "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"},
      {"form", form, ec2, "", "content-type;host;x-amz-date",
       "74e12012fc23a3cea668be69e146a1b913821c5f13cfb73cc611d4798f13e5d7"},
      {"session token", form, ec2,
       "TOKEN/+=", "content-type;host;x-amz-date;x-amz-security-token",
       "8df447f64b71912470475db0fe8b13cca749272c24b5c11ac6be557824775559"},
      {"port and spaces",
       {.method = "POST",
        .url = "http://127.0.0.1:5000/",
        .headers = {{"X-Custom", "  a   b  c "}},
        .body = "x"},
       {.region = "eu-west-1", .service = "sts"},
       "",
       "host;x-amz-date;x-custom",
       "c4844553986d0f34f7f7479ba0787267ccc28e568b59420859c81beb62b6527e"},
      {"path encoded twice",
       {.url = "https://ebs.eu-west-1.amazonaws.com/snapshots/snap-1/"
               "a%20b%2Fc/../blocks"},
       {.region = "eu-west-1", .service = "ebs"},
       "",
       "host;x-amz-date",
       "2d3934adf6e821cb6efd0e233751abdedf57faf51705d8f1aecca86d51aaa546"},
      {"S3 path as it is",
       {.url = "https://bucket.s3.eu-west-1.amazonaws.com/a%20b%3Dc/../x"
               "?uploads=&prefix=a%2Fb"},
       s3,
       "",
       "host;x-amz-content-sha256;x-amz-date",
       "21486bb3bae413f1898fc150e1306aebf7167d72b8c8db566374727daf6dd401"},
      {"S3 body",
       {.method = "PUT",
        .url = "https://bucket.s3.eu-west-1.amazonaws.com/k",
        .body = "hello"},
       s3,
       "",
       "host;x-amz-content-sha256;x-amz-date",
       "ea7d1ac79cd9930e69aa404dedd2f1633abf46065756447acbd9a8d492d576cb"},
      {"UTF-8 and a key without value",
       {.url = "https://example.amazonaws.com/%E1%88%B4?a=%20&b"},
       plain,
       "",
       "host;x-amz-date",
       "6ddb84730f41f1a9362effeff2e4ef51dd196d0049ba209f82e28cf1938a3a4e"},
  };
}

TEST(SigV4Test, MatchesTheVectors) {
  for (Vector& vector : Vectors()) {
    ASSERT_THAT(
        SignRequest(Example(vector.token), vector.scope, kNow, vector.request),
        IsOk());
    EXPECT_EQ(Header(vector.request, "Authorization"),
              "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/" +
                  vector.scope.region + "/" + vector.scope.service +
                  "/aws4_request, SignedHeaders=" + vector.names +
                  ", Signature=" + vector.signature)
        << vector.name;
    EXPECT_EQ(Header(vector.request, "X-Amz-Date"), "20150830T123600Z");
  }
}

TEST(SigV4Test, SigningAgainReplacesTheOldSignature) {
  for (Vector& vector : Vectors()) {
    const Credentials credentials = Example(vector.token);
    ASSERT_THAT(SignRequest(Example("old"), vector.scope, kNow - absl::Hours(1),
                            vector.request),
                IsOk());
    ASSERT_THAT(SignRequest(credentials, vector.scope, kNow, vector.request),
                IsOk());
    EXPECT_THAT(Header(vector.request, "Authorization"),
                EndsWith(vector.signature))
        << vector.name;
  }
}

TEST(SigV4Test, EveryPartCounts) {
  const HttpRequest base{.method = "POST",
                         .url = "https://h.example/p?q=1",
                         .headers = {{"A", "b"}},
                         .body = "x"};
  const SigningScope scope{.region = "r", .service = "s"};
  const auto sign = [&](HttpRequest request, const SigningScope& in,
                        absl::Time now) {
    EXPECT_THAT(SignRequest(Example(), in, now, request), IsOk());
    return Header(request, "Authorization");
  };
  const std::string signature = sign(base, scope, kNow);
  HttpRequest other = base;
  other.method = "PUT";
  EXPECT_NE(sign(other, scope, kNow), signature);
  other = base;
  other.url = "https://h.example/q?q=1";
  EXPECT_NE(sign(other, scope, kNow), signature);
  other.url = "https://h.example/p?q=2";
  EXPECT_NE(sign(other, scope, kNow), signature);
  other.url = "https://i.example/p?q=1";
  EXPECT_NE(sign(other, scope, kNow), signature);
  other = base;
  other.headers[0].second = "c";
  EXPECT_NE(sign(other, scope, kNow), signature);
  other = base;
  other.body = "y";
  EXPECT_NE(sign(other, scope, kNow), signature);
  EXPECT_NE(sign(base, {.region = "r2", .service = "s"}, kNow), signature);
  EXPECT_NE(sign(base, scope, kNow + absl::Seconds(1)), signature);
}

TEST(SigV4Test, DefaultPortsAreNotPartOfTheHost) {
  HttpRequest with{.url = "https://example.amazonaws.com:443/"};
  ASSERT_THAT(
      SignRequest(Example(), {.region = "us-east-1", .service = "service"},
                  kNow, with),
      IsOk());
  EXPECT_THAT(Header(with, "Authorization"),
              EndsWith("5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1"
                       "d763fbf31"));
}

TEST(SigV4Test, UnsignedPayloadSaysSo) {
  HttpRequest request{.method = "PUT",
                      .url = "https://ebs.eu-west-1.amazonaws.com/x",
                      .file = FileBody{.path = "/x", .offset = 0, .size = 1}};
  SigningScope scope{.region = "eu-west-1", .service = "ebs"};
  EXPECT_THAT(SignRequest(Example(), scope, kNow, request),
              StatusIs(absl::StatusCode::kInvalidArgument));
  scope.unsigned_payload = true;
  ASSERT_THAT(SignRequest(Example(), scope, kNow, request), IsOk());
  EXPECT_EQ(Header(request, "X-Amz-Content-Sha256"), "UNSIGNED-PAYLOAD");
  EXPECT_THAT(Header(request, "Authorization"),
              HasSubstr("x-amz-content-sha256"));
}

TEST(SigV4Test, RefusesWhatCannotBeSigned) {
  const SigningScope scope{.region = "r", .service = "s"};
  for (const char* url : {"", "h", "ftp://h/", "https://", "https:///x",
                          "https://u@h/", "https://h/#f"}) {
    HttpRequest request{.url = url};
    EXPECT_THAT(SignRequest(Example(), scope, kNow, request),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << url;
  }
  HttpRequest request{.url = "https://h/"};
  EXPECT_THAT(SignRequest({}, scope, kNow, request), Not(IsOk()));
}

TEST(SigV4Test, UriEncode) {
  EXPECT_EQ(UriEncode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(UriEncode("a b+c/d=\xc3\xa4%"), "a%20b%2Bc%2Fd%3D%C3%A4%25");
  EXPECT_EQ(UriEncode("a/b c", /*keep_slash=*/true), "a/b%20c");
}

}  // namespace
}  // namespace constellation::cloud::aws
