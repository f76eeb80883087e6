// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_OPENSTACK_ERROR_H_
#define CONSTELLATION_CLOUD_OPENSTACK_OPENSTACK_ERROR_H_

#include <string_view>

#include "cloud/engine/cloud_error.h"
#include "cloud/http/backoff.h"
#include "cloud/http/http_transport.h"

namespace constellation::cloud::openstack {

// What a service's refusal means. Every service has its own shape: keystone
// {"error":{..}}, nova and cinder {"<name>":{"code","message"}}, neutron
// {"NeutronError":{"type","message"}}, octavia {"faultstring"}, glance HTML.
// Anything else gives the status and the first 300 octets as text. `response`
// has a status of 300 or more; its text is hostile and only quoted.
CloudError DecodeError(const HttpResponse& response);

// Like ClassifyByStatus(), but 413 with Retry-After is throttling (nova's and
// cinder's rate limits), while 413 without it is a quota.
AnswerClass ClassifyAnswer(const HttpResponse& response);

}  // namespace constellation::cloud::openstack

#endif  // CONSTELLATION_CLOUD_OPENSTACK_OPENSTACK_ERROR_H_
