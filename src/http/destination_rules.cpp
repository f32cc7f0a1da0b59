#include <slipway/http/destination_rules.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "support/format.hpp"
#include "support/url_parts.hpp"

namespace slipway {
namespace {

constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

using Bytes = std::span<const std::uint8_t>;

bool begins(Bytes address, Bytes network, unsigned bits) noexcept {
  const std::size_t whole = bits / 8;
  if (!std::equal(network.begin(), network.begin() + static_cast<std::ptrdiff_t>(whole),
                  address.begin()))
    return false;
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xFFU << (8 - rest));
  return (address[whole] & mask) == (network[whole] & mask);
}

struct V4Network {
  std::array<std::uint8_t, 4> address;
  unsigned bits;
};

/// IANA IPv4 Special-Purpose Address Registry, and multicast (RFC 5771).
constexpr std::array not_public_v4{
    V4Network{{0, 0, 0, 0}, 8},        // this network; 0.0.0.0 reaches the machine itself
    V4Network{{10, 0, 0, 0}, 8},       // private, RFC 1918
    V4Network{{100, 64, 0, 0}, 10},    // shared, RFC 6598
    V4Network{{127, 0, 0, 0}, 8},      // loopback
    V4Network{{169, 254, 0, 0}, 16},   // link-local, RFC 3927
    V4Network{{172, 16, 0, 0}, 12},    // private
    V4Network{{192, 0, 0, 0}, 24},     // protocol assignments
    V4Network{{192, 0, 2, 0}, 24},     // documentation
    V4Network{{192, 88, 99, 0}, 24},   // 6to4 relays, RFC 7526
    V4Network{{192, 168, 0, 0}, 16},   // private
    V4Network{{198, 18, 0, 0}, 15},    // benchmarks, RFC 2544
    V4Network{{198, 51, 100, 0}, 24},  // documentation
    V4Network{{203, 0, 113, 0}, 24},   // documentation
    V4Network{{224, 0, 0, 0}, 4},      // multicast
    V4Network{{240, 0, 0, 0}, 4},      // reserved, broadcast
};

bool is_public_v4(Bytes address) noexcept {
  return std::none_of(not_public_v4.begin(), not_public_v4.end(), [&](const V4Network& network) {
    return begins(address, network.address, network.bits);
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (out.ends_with('.')) out.pop_back();  // the root of names
  return out;
}

std::optional<unsigned> parse_bits(std::string_view text, unsigned most) {
  unsigned bits = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, bits);
  if (error != std::errc() || stop != end || bits > most) return std::nullopt;
  return bits;
}

Error unknown_place(std::string_view text) {
  return Error(ErrorCode::invalid_argument,
               slipway::format("expected a host, an address or a network such as 10.0.0.0/8, got "
                               "\"{}\"",
                               text.substr(0, 100)));
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  const std::string terminated(text);
  std::array<std::uint8_t, 4> four{};
  if (::inet_pton(AF_INET, terminated.c_str(), four.data()) == 1) return v4(four);
  IpAddress address;
  if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

IpAddress IpAddress::v4(const std::array<std::uint8_t, 4>& bytes) {
  IpAddress address;
  std::copy(mapped.begin(), mapped.end(), address.bytes.begin());
  std::copy(bytes.begin(), bytes.end(), address.bytes.begin() + 12);
  return address;
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool is_v4 = begins(bytes, mapped, 96);
  ::inet_ntop(is_v4 ? AF_INET : AF_INET6, bytes.data() + (is_v4 ? 12 : 0), text.data(),
              static_cast<socklen_t>(text.size()));
  return text.data();
}

bool is_public(const IpAddress& address) noexcept {
  const Bytes bytes = address.bytes;
  const auto within = [&](std::initializer_list<std::uint8_t> network, unsigned bits) {
    return begins(bytes, Bytes(network.begin(), network.size()), bits);
  };
  if (begins(bytes, mapped, 96)) return is_public_v4(bytes.subspan(12));
  // NAT64 (RFC 6052) and 6to4 (RFC 3056) lead to the IPv4 address that they carry.
  if (within({0x00, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0}, 96))
    return is_public_v4(bytes.subspan(12));
  if (within({0x20, 0x02}, 16)) return is_public_v4(bytes.subspan(2, 4));
  if (!within({0x20}, 3)) return false;  // only 2000::/3 is global unicast
  return !within({0x20, 0x01, 0x00}, 23)  // protocol assignments: Teredo, ORCHID, benchmarks
         && !within({0x20, 0x01, 0x0D, 0xB8}, 32)   // documentation
         && !within({0x3F, 0xFF, 0x00}, 20);        // documentation, RFC 9637
}

Result<void> DestinationRules::allow(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (const auto address = IpAddress::parse(text.substr(0, slash))) {
    const bool is_v4 = begins(address->bytes, mapped, 96) && text.find(':') == text.npos;
    unsigned bits = 128;
    if (slash != text.npos) {
      const auto given = parse_bits(text.substr(slash + 1), is_v4 ? 32 : 128);
      if (!given) return unknown_place(text);
      bits = is_v4 ? *given + 96 : *given;
    }
    networks_.push_back({*address, bits});
    return {};
  }
  constexpr std::string_view of_names =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
  if (text.empty() || text.find_first_not_of(of_names) != text.npos) return unknown_place(text);
  hosts_.push_back(lower(text));
  return {};
}

bool DestinationRules::names(std::string_view host) const {
  return std::find(hosts_.begin(), hosts_.end(), lower(host)) != hosts_.end();
}

bool DestinationRules::in_network(const IpAddress& address) const {
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    return begins(address.bytes, network.address.bytes, network.bits);
  });
}

bool DestinationRules::allows(std::string_view host, const IpAddress& address) const {
  return is_public(address) || names(host) || in_network(address);
}

Result<void> DestinationRules::check_url(std::string_view url) const {
  SLIPWAY_TRY(const UrlParts parts, split_url(url));
  const auto literal = IpAddress::parse(parts.host);
  if (literal && !allows(parts.host, *literal))
    return Error(ErrorCode::denied,
                 slipway::format("{} is an address of this machine or its network; the server's "
                                 "operator may allow it (outgoing.allowed)",
                                 literal->to_string()));
  if (parts.secure || names(parts.host) || (literal && in_network(*literal))) return {};
  return Error(ErrorCode::denied,
               "expected https://; http:// only to what the server's operator names "
               "(outgoing.allowed)");
}

}  // namespace slipway
