// Keeps users from the services that clouds offer on link-local addresses (169.254.169.254 and
// others), which give the machine's own credentials to whoever asks.
//
// One rule of the kernel's routing policy (ip-rule(8)): TCP of these users to 169.254.0.0/16 is
// prohibited. It needs no firewall, costs nothing, and stays when this process ends. UDP is left
// alone: name servers live there too.
//
// Thread safety: any thread.
#pragma once

#include <sys/types.h>

#include <slipway/core/result.hpp>

namespace slipway {

/// Finding the rule there is success. Errors: denied (CAP_NET_ADMIN is missing), unsupported (the
/// kernel knows no such rules), io.
Result<void> prohibit_link_local(uid_t first, uid_t last);

}  // namespace slipway
