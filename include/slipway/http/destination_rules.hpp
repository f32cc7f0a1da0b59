// DestinationRules: where requests may go that people make the server send, such as commit statuses
// and notifications.
//
// Someone who may name a URL must not reach through the server what only the server reaches: itself,
// its network, a cloud's metadata service (169.254.169.254). So addresses that are not public (the
// IANA registries of special-purpose addresses, RFC 6890) are refused, unless the operator names
// them: a host ("git.internal.example.com"), an address, or a network ("10.0.0.0/8").
//
// What is judged is the address that is connected to, after the name was resolved and before the
// connection is made to that very address: a name that resolves to something else the next time
// (DNS rebinding) gains nothing, nor do other ways to write an address ("2130706433", "0x7f.1").
//
// Thread safety: plain values; any thread may read one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/result.hpp>

namespace slipway {

/// Of IPv6; of IPv4 in its mapped form, ::ffff:192.0.2.1 (RFC 4291 section 2.5.5.2).
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};

  /// "192.0.2.1", "2001:db8::1", also in brackets; nothing else that a resolver would understand.
  static std::optional<IpAddress> parse(std::string_view text);
  static IpAddress v4(const std::array<std::uint8_t, 4>& bytes);

  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

/// Can anyone on the internet be reached there? False for loopback, link-local, private, shared,
/// unique local, multicast, unspecified, reserved and documentation addresses, and for IPv6 addresses
/// that carry such an IPv4 address (mapped, compatible, 6to4, NAT64, Teredo).
bool is_public(const IpAddress& address) noexcept;

class DestinationRules {
 public:
  /// A host, an address, or a network as ADDRESS/BITS. Errors: invalid_argument.
  Result<void> allow(std::string_view text);

  /// May a connection to this host, which resolved to this address, be made?
  [[nodiscard]] bool allows(std::string_view host, const IpAddress& address) const;

  /// Of a URL before anything is resolved: https, or http to a host or literal address that was
  /// allowed; and no literal address that would be refused. Errors: invalid_argument (no such URL),
  /// denied.
  Result<void> check_url(std::string_view url) const;

 private:
  struct Network {
    IpAddress address;
    unsigned bits = 0;  // of 128
  };

  [[nodiscard]] bool names(std::string_view host) const;
  [[nodiscard]] bool in_network(const IpAddress& address) const;

  std::vector<std::string> hosts_;  // lower case
  std::vector<Network> networks_;
};

}  // namespace slipway
