// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_TESTS_FUZZ_CLOUD_TEXTS_H_
#define CONSTELLATION_TESTS_FUZZ_CLOUD_TEXTS_H_

#include <string_view>

// Answers as clouds give them, and files as their users write them.
namespace constellation::fuzz {

inline constexpr std::string_view kAwsAnswer =
    R"(<?xml version="1.0" encoding="UTF-8"?>
<DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
<requestId>r-1</requestId><vpcSet><item><vpcId>vpc-1</vpcId><a><b>12</b></a>
<tagSet><item><key>k</key><value>a &amp; b</value></item></tagSet></item>
<item><vpcId>vpc-2</vpcId></item></vpcSet></DescribeVpcsResponse>)";

inline constexpr std::string_view kAwsError =
    R"(<?xml version="1.0" encoding="UTF-8"?>
<Response><Errors><Error><Code>UnauthorizedOperation</Code>
<Message>You are not authorized.</Message></Error></Errors>
<RequestID>r-2</RequestID></Response>)";

inline constexpr std::string_view kIni = R"([default]
aws_access_key_id = AKIA0
aws_secret_access_key=s/+=
# a comment
[profile other]
region = eu-central-1
s3 =
  max_queue_size = 1000
)";

inline constexpr std::string_view kAzureInstance = R"({"compute":{
"subscriptionId":"00000000-0000-4000-8000-000000000001",
"resourceGroupName":"rg","zone":"1","vmScaleSetName":"demo",
"resourceId":"/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/demo/virtualMachines/0",
"osProfile":{"computerName":"demo-0a1b2c3d-cp-00000A"},
"tagsList":[{"name":"constellation-uid","value":"0a1b2c3d"},
{"name":"constellation-role","value":"control-plane"}]},
"network":{"interface":[{"ipv4":{
"ipAddress":[{"privateIpAddress":"192.168.178.5"}],
"subnet":[{"address":"192.168.178.0","prefix":"24"}]}}]}})";

inline constexpr std::string_view kAzureToken =
    R"({"access_token":"tok","expires_in":"3600","token_type":"Bearer"})";

inline constexpr std::string_view kAzureError =
    R"({"error":{"code":"Conflict","message":"busy","details":[)"
    R"({"code":"QuotaExceeded","message":"cores"}]}})";

// Instance, tags and network cards, as the fuzz target takes them apart.
inline constexpr std::string_view kAzureScaleSetVm =
    R"({"id":"/subscriptions/s/virtualMachines/0","zones":["2"],"properties":{
"provisioningState":"Succeeded","osProfile":{"computerName":"demo-00000A"}},
"tags":{"constellation-uid":"u","constellation-role":"worker",
"constellation-node-group":"g"},
"nics":[{"properties":{"primary":true,"ipConfigurations":[{"properties":{
"primary":true,"privateIPAddress":"10.0.0.4"}}]}}]})";

inline constexpr std::string_view kGcpSelf =
    R"({"name":"demo-0a1b2c3d-worker-x1z2",
"zone":"projects/123/zones/europe-west3-b",
"networkInterfaces":[{"ip":"192.168.178.5","subnetmask":"255.255.255.0"}],
"attributes":{"constellation-uid":"0a1b2c3d","constellation-role":"worker",
"constellation-init-secret-hash":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}})";

inline constexpr std::string_view kGcpInstance =
    R"({"name":"a","selfLink":"https://www.googleapis.com/compute/v1/projects/p/zones/europe-west3-b/instances/a",
"status":"RUNNING","labels":{"constellation-uid":"0a1b2c3d",
"constellation-role":"control-plane",
"constellation-node-group":"control-plane-default"},
"networkInterfaces":[{"networkIP":"192.168.178.5"}],
"metadata":{"items":[{"key":"created-by",
"value":"projects/1/zones/europe-west3-b/instanceGroupManagers/g"}]}})";

inline constexpr std::string_view kGcpError =
    R"({"error":{"code":403,"message":"m","status":"PERMISSION_DENIED",)"
    R"("errors":[{"reason":"quotaExceeded"}],)"
    R"("details":[{"@type":"ErrorInfo","reason":"SERVICE_DISABLED"}]}})";

inline constexpr std::string_view kGcpOperation =
    R"({"status":"DONE","error":{"errors":[)"
    R"({"code":"QUOTA_EXCEEDED","message":"CPUS"}]}})";

inline constexpr std::string_view kOpenStackDocument =
    R"({"uuid":"a84f8fcd-27c1-4e60-837b-4d55c197325e",
"name":"demo-0a1b-node-worker-default-0",
"hostname":"demo-0a1b-node-worker-default-0.novalocal",
"availability_zone":"nova","launch_index":0,"meta":{
"constellation-uid":"0a1b","constellation-role":"worker",
"constellation-group":"worker_default",
"constellation-node-ip":"192.168.178.70",
"constellation-node-cidr":"192.168.178.0/24",
"constellation-endpoint":"192.168.178.10:6443",
"constellation-init-secret-sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
"constellation-control-planes-0":"node-control-plane-default-0=192.168.178.71,node-control-plane-default-1=192.168.178.72"}})";

inline constexpr std::string_view kGetRequest =
    "GET /v1/self HTTP/1.1\r\nHost: metadata\r\n\r\n";

inline constexpr std::string_view kPostRequest =
    "POST /v1/status?x=1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";

}  // namespace constellation::fuzz

#endif  // CONSTELLATION_TESTS_FUZZ_CLOUD_TEXTS_H_
