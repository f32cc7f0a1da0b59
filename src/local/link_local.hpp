// Keeps users from the services that clouds offer on link-local addresses (169.254.169.254 and
// others), which give the machine's own credentials to whoever asks.
//
// One rule of the kernel's routing policy (ip-rule(8)): TCP of these users to 169.254.0.0/16 is
// prohibited. It needs no firewall, costs nothing, and stays when this process ends, until it is
// permitted again. Each owner has a rule of its own, so that none takes away another's. UDP is left
// alone: name servers live there too.
//
// Thread safety: any thread.
#pragma once

#include <sys/types.h>

#include <string_view>

#include <slipway/core/result.hpp>

namespace slipway {

/// Users `first` to `last`; `owner` is a name, such as a folder's, that is the same after a restart.
struct LinkLocalRule {
  uid_t first = 0;
  uid_t last = 0;
  std::string_view owner;
};

/// Finding the rule there is success. Errors: denied (CAP_NET_ADMIN is missing), unsupported (the
/// kernel knows no such rules), io.
Result<void> prohibit_link_local(const LinkLocalRule& rule);

/// Removes it. That there is none is success. Errors: as above.
Result<void> permit_link_local(const LinkLocalRule& rule);

}  // namespace slipway
