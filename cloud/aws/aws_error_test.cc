// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/aws_error.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/engine/testing/user_errors.h"

namespace constellation::cloud::aws {
namespace {

using ::testing::HasSubstr;
using Kind = CloudErrorKind;

HttpResponse Ec2(std::string_view code, std::string_view message = "m",
                 int status = 400) {
  return {.status = status,
          .body = fmt::format("<Response><Errors><Error><Code>{}</Code>"
                              "<Message>{}</Message></Error></Errors>"
                              "<RequestID>r-1</RequestID></Response>",
                              code, message)};
}

Kind KindOf(std::string_view code, int status = 400) {
  return DecodeError(Ec2(code, "m", status), "ec2:X").kind;
}

TEST(DecodeErrorTest, ReadsAllForms) {
  CloudError error = DecodeError(Ec2("VpcLimitExceeded", "too many"), "ec2:X");
  EXPECT_EQ(error.kind, Kind::kQuota);
  EXPECT_EQ(error.code, "VpcLimitExceeded");
  EXPECT_EQ(error.message, "too many");
  EXPECT_EQ(error.request_id, "r-1");
  EXPECT_EQ(error.subject, "VpcLimitExceeded");

  error = DecodeError(
      {.status = 404,
       .body = "<ErrorResponse><Error><Type>Sender</Type>"
               "<Code>NoSuchEntity</Code><Message>no</Message></Error>"
               "<RequestId>r-2</RequestId></ErrorResponse>"},
      "iam:GetRole");
  EXPECT_EQ(error.kind, Kind::kNotFound);
  EXPECT_EQ(error.request_id, "r-2");

  error = DecodeError({.status = 400,
                       .headers = {{"x-amzn-requestid", "r-3"}},
                       .body = "{\"__type\":\"ns#ThrottlingException\","
                               "\"message\":\"slow\"}"},
                      "ebs:X");
  EXPECT_EQ(error.kind, Kind::kThrottled);
  EXPECT_EQ(error.message, "slow");
  EXPECT_EQ(error.request_id, "r-3");

  error = DecodeError({.status = 402,
                       .headers = {{"x-amzn-errortype",
                                    "ServiceQuotaExceededException:http://x"}},
                       .body = "{}"},
                      "ebs:X");
  EXPECT_EQ(error.kind, Kind::kQuota);

  error = DecodeError(
      {.status = 403, .body = "<Error><Code>SlowDown</Code></Error>"}, "s3:X");
  EXPECT_EQ(error.kind, Kind::kThrottled);
}

TEST(DecodeErrorTest, JudgesByStatusWithoutACode) {
  EXPECT_EQ(DecodeError({.status = 403, .body = "<html>"}, "ec2:X").kind,
            Kind::kPermission);
  EXPECT_EQ(DecodeError({.status = 500}, "ec2:X").kind, Kind::kUnclear);
  EXPECT_EQ(DecodeError({.status = 429}, "ec2:X").kind, Kind::kThrottled);
  EXPECT_EQ(DecodeError({.status = 404}, "ec2:X").kind, Kind::kNotFound);
  EXPECT_EQ(DecodeError({.status = 400}, "ec2:X").kind, Kind::kInvalid);
  EXPECT_THAT(DecodeError({.status = 400}, "ec2:X").message,
              HasSubstr("HTTP status 400"));
}

TEST(DecodeErrorTest, KnowsTheCodesThatUsersMeet) {
  EXPECT_EQ(KindOf("InsufficientInstanceCapacity", 500), Kind::kCapacity);
  EXPECT_EQ(KindOf("VcpuLimitExceeded"), Kind::kQuota);
  EXPECT_EQ(KindOf("AddressLimitExceeded"), Kind::kQuota);
  EXPECT_EQ(KindOf("TooManyLoadBalancers"), Kind::kQuota);
  EXPECT_EQ(KindOf("LimitExceeded", 409), Kind::kQuota);
  EXPECT_EQ(KindOf("RequestLimitExceeded", 503), Kind::kThrottled);
  EXPECT_EQ(KindOf("Throttling"), Kind::kThrottled);
  EXPECT_EQ(KindOf("AuthFailure", 401), Kind::kBadCredentials);
  EXPECT_EQ(KindOf("SignatureDoesNotMatch", 403), Kind::kBadCredentials);
  EXPECT_EQ(KindOf("ExpiredToken", 403), Kind::kExpiredToken);
  EXPECT_EQ(KindOf("RequestExpired"), Kind::kExpiredToken);
  EXPECT_EQ(KindOf("OptInRequired", 403), Kind::kUnsupportedRegion);
  EXPECT_EQ(KindOf("Unsupported"), Kind::kUnsupportedType);
  EXPECT_EQ(KindOf("UnsupportedOperation"), Kind::kUnsupportedType);
  EXPECT_EQ(KindOf("DependencyViolation"), Kind::kDependency);
  EXPECT_EQ(KindOf("InvalidIPAddress.InUse"), Kind::kDependency);
  EXPECT_EQ(KindOf("ResourceInUse"), Kind::kDependency);
  EXPECT_EQ(KindOf("DeleteConflict", 409), Kind::kDependency);
  EXPECT_EQ(KindOf("ScalingActivityInProgress"), Kind::kConflict);
  EXPECT_EQ(KindOf("InvalidGroup.Duplicate"), Kind::kNameTaken);
  EXPECT_EQ(KindOf("DuplicateLoadBalancerName"), Kind::kNameTaken);
  EXPECT_EQ(KindOf("RouteAlreadyExists"), Kind::kNameTaken);
  EXPECT_EQ(KindOf("EntityAlreadyExists", 409), Kind::kNameTaken);
  EXPECT_EQ(KindOf("Resource.AlreadyAssociated"), Kind::kNameTaken);
  EXPECT_EQ(KindOf("InvalidVpcID.NotFound"), Kind::kNotFound);
  EXPECT_EQ(KindOf("LoadBalancerNotFound"), Kind::kNotFound);
  EXPECT_EQ(KindOf("InvalidAMIID.NotFound"), Kind::kInvalid);
  EXPECT_EQ(KindOf("Gateway.NotAttached"), Kind::kNotFound);
  EXPECT_EQ(KindOf("InternalError", 500), Kind::kUnclear);
  EXPECT_EQ(KindOf("InvalidParameterValue"), Kind::kInvalid);
  EXPECT_EQ(KindOf("IdempotentParameterMismatch"), Kind::kInvalid);
}

// In the words of the services.
TEST(DecodeErrorTest, ExplainsWhatUsersMeet) {
  cloud::testing::ExpectUserErrors(
      {{Ec2("VcpuLimitExceeded",
            "You have requested more vCPU capacity than your current vCPU "
            "limit of 32 allows"),
        Kind::kQuota, "VcpuLimitExceeded",
        "limit (VcpuLimitExceeded) is reached: ask the cloud for a higher one"},
       {Ec2("InsufficientInstanceCapacity",
            "We currently do not have sufficient m6a.xlarge capacity in the "
            "Availability Zone you requested (eu-west-1a)",
            500),
        Kind::kCapacity, "", "choose another zone or instance type"},
       {Ec2("UnauthorizedOperation",
            "You are not authorized to perform this operation. User: "
            "arn:aws:iam::1:user/u is not authorized to perform: "
            "ec2:CreateVpc on resource: arn:aws:ec2:eu-west-1:1:vpc/* because "
            "no identity-based policy allows the ec2:CreateVpc action",
            403),
        Kind::kPermission, "ec2:CreateVpc",
        "lacks a permission (ec2:CreateVpc): `constellation iam create`"},
       {Ec2("OptInRequired",
            "You are not subscribed to this service. Please go to "
            "http://aws.amazon.com to subscribe.",
            401),
        Kind::kUnsupportedRegion, "", "choose another region"},
       {Ec2("Unsupported",
            "Your requested instance type (m6a.xlarge) is not supported in "
            "your requested Availability Zone (eu-west-1c)."),
        Kind::kUnsupportedType, "", "`constellation config instance-types`"},
       {Ec2("InvalidParameterValue",
            "Invalid value 'm6a.huge' for InstanceType."),
        Kind::kUnsupportedType, "", "`constellation config instance-types`"},
       {Ec2("InvalidParameterValue",
            "Value (eu-west-1x) for parameter availabilityZone is invalid."),
        Kind::kUnsupportedRegion, "", "choose another region"},
       {Ec2("InvalidParameterValue", "Invalid availability zone: [x]"),
        Kind::kUnsupportedRegion, "", "choose another region"},
       {Ec2("AvailabilityZoneNotSupported",
            "The specified Availability Zone is not supported."),
        Kind::kUnsupportedRegion, "", "choose another region"},
       {Ec2("SnapshotCreationPerVolumeRateExceeded", "Too fast."),
        Kind::kThrottled, "", "wait some minutes"},
       {Ec2("EntityAlreadyExists", "Role with name demo already exists.", 409),
        Kind::kNameTaken, "", "choose another `name`"},
       {Ec2("RequestExpired", "Request has expired."), Kind::kExpiredToken, "",
        "log in again"},
       {Ec2("ExpiredToken",
            "The security token included in the request is expired", 403),
        Kind::kExpiredToken, "", "log in again"},
       {Ec2("RequestLimitExceeded", "Request limit exceeded.", 503),
        Kind::kThrottled, "", "wait some minutes"},
       {Ec2("PendingVerification",
            "Your request for accessing resources in this region is being "
            "validated"),
        Kind::kWrongProject, "", "check the config and the active login"}},
      [](const HttpResponse& answer) { return DecodeError(answer, "ec2:X"); });
}

TEST(DecodeErrorTest, NamesTheMissingPermission) {
  EXPECT_EQ(
      DecodeError(Ec2("UnauthorizedOperation",
                      "You are not authorized to perform this operation.", 403),
                  "ec2:CreateVpc")
          .subject,
      "ec2:CreateVpc");
  EXPECT_EQ(DecodeError(Ec2("AccessDenied",
                            "User: arn:x is not authorized to perform: "
                            "iam:PassRole on resource: arn:y",
                            403),
                        "autoscaling:CreateAutoScalingGroup")
                .subject,
            "iam:PassRole");
}

TEST(DecodeErrorTest, ToleratesAnInstanceProfileThatIsNew) {
  EXPECT_EQ(DecodeError(
                Ec2("ValidationError", "Invalid IAM Instance Profile name: x"),
                "ec2:X")
                .kind,
            Kind::kConflict);
  EXPECT_EQ(
      DecodeError(Ec2("InvalidInput", "role name has been taken"), "iam:X")
          .kind,
      Kind::kNameTaken);
  EXPECT_EQ(
      DecodeError(Ec2("ValidationError", "AutoScalingGroup name not found - x"),
                  "autoscaling:X")
          .kind,
      Kind::kNotFound);
}

TEST(DecodeErrorTest, BoundsHostileTexts) {
  const CloudError error =
      DecodeError(Ec2("X", std::string(60'000, 'a')), "ec2:X");
  EXPECT_LE(error.message.size(), 2003U);
  EXPECT_LE(DecodeError({.status = 400,
                         .body = "<Response>" + std::string(1U << 20U, 'b')},
                        "ec2:X")
                .message.size(),
            100U);
}

TEST(DecodeActivityTest, ReadsProse) {
  EXPECT_EQ(DecodeActivity("We currently do not have sufficient m6a.xlarge "
                           "capacity in the Availability Zone you requested")
                .kind,
            Kind::kCapacity);
  EXPECT_EQ(DecodeActivity("You have requested more vCPU capacity than your "
                           "current vCPU limit of 5 allows")
                .kind,
            Kind::kQuota);
  EXPECT_EQ(DecodeActivity("Authentication Failure: you are not authorized to "
                           "perform: iam:PassRole.")
                .subject,
            "iam:PassRole");
  EXPECT_EQ(DecodeActivity("The instance type does not support SEV-SNP").kind,
            Kind::kUnsupportedType);
  EXPECT_EQ(DecodeActivity("Request limit exceeded. Launching EC2 instance "
                           "failed.")
                .kind,
            Kind::kThrottled);
  EXPECT_EQ(DecodeActivity("Client.RequestLimitExceeded").kind,
            Kind::kThrottled);
  EXPECT_EQ(DecodeActivity("Invalid IAM Instance Profile name").kind,
            Kind::kUnclear);
  EXPECT_EQ(DecodeActivity("Something else").kind, Kind::kLateFailure);
}

TEST(ClassifyAnswerTest, LooksAtTheCodeFirst) {
  EXPECT_EQ(ClassifyAnswer(Ec2("RequestLimitExceeded", "m", 503)),
            AnswerClass::kThrottled);
  EXPECT_EQ(ClassifyAnswer(Ec2("Throttling", "m", 400)),
            AnswerClass::kThrottled);
  EXPECT_EQ(ClassifyAnswer(Ec2("InsufficientInstanceCapacity", "m", 500)),
            AnswerClass::kFinal);
  EXPECT_EQ(ClassifyAnswer(Ec2("InternalError", "m", 500)),
            AnswerClass::kServerError);
  EXPECT_EQ(ClassifyAnswer(Ec2("DependencyViolation")), AnswerClass::kFinal);
  EXPECT_EQ(ClassifyAnswer({.status = 200}), AnswerClass::kFinal);
}

TEST(ExpiryTest, TellsOldKeysFromWrongClocks) {
  EXPECT_TRUE(IsExpired(Ec2("ExpiredToken", "m", 403)));
  EXPECT_FALSE(IsExpired(Ec2("UnauthorizedOperation", "m", 403)));
  EXPECT_TRUE(IsClockSkew(Ec2("RequestTimeTooSkewed", "m", 403)));
  EXPECT_TRUE(IsClockSkew(
      Ec2("SignatureDoesNotMatch", "Signature not yet current: x", 403)));
  EXPECT_FALSE(IsClockSkew(Ec2("SignatureDoesNotMatch", "m", 403)));
}

}  // namespace
}  // namespace constellation::cloud::aws
