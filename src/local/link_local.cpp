#include "local/link_local.hpp"

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>

namespace slipway {
namespace {

/// ip-rule(8): a rule's place, in front of the one that looks into the main table (32766).
constexpr std::uint32_t first_priority = 5'300;
constexpr std::uint32_t priorities = 10'000;
constexpr std::size_t most_bytes = 256;

/// rtnetlink(7): a header, and attributes behind it.
class Message {
 public:
  Message(std::uint16_t type, std::uint16_t flags) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    add(&header, sizeof header);
    fib_rule_hdr rule{};
    rule.family = AF_INET;
    rule.dst_len = 16;
    rule.action = FR_ACT_PROHIBIT;
    add(&rule, sizeof rule);
  }

  void attribute(std::uint16_t type, const void* value, std::size_t size) {
    rtattr head{};
    head.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size));
    head.rta_type = type;
    add(&head, sizeof head);
    add(value, size);
    size_ = NLMSG_ALIGN(size_);
  }

  /// With its length in front.
  [[nodiscard]] const void* data() {
    const auto size = static_cast<std::uint32_t>(size_);
    std::memcpy(bytes_.data(), &size, sizeof size);
    return bytes_.data();
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  /// REQUIRES: room; a rule takes some 80 bytes.
  void add(const void* value, std::size_t size) {
    std::memcpy(bytes_.data() + size_, value, size);
    size_ += size;
  }

  std::array<char, most_bytes> bytes_{};
  std::size_t size_ = 0;
};

/// Errno of the kernel's answer; 0: done.
int ask_kernel(Message& message) {
  const int handle = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (handle < 0) return errno;
  std::array<char, 4096> answer{};
  int code = EIO;
  if (::send(handle, message.data(), message.size(), 0) < 0) {
    code = errno;
  } else if (const ssize_t got = ::recv(handle, answer.data(), answer.size(), 0);
             got >= static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)))) {
    nlmsgerr error{};
    std::memcpy(&error, answer.data() + NLMSG_HDRLEN, sizeof error);
    code = -error.error;
  }
  ::close(handle);
  return code;
}

/// FNV-1a: the same for an owner in every process, and hardly ever that of another owner.
std::uint32_t priority_of(std::string_view owner) {
  std::uint32_t hash = 2'166'136'261U;
  for (const char c : owner) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
  return first_priority + hash % priorities;
}

/// Errno of the kernel's answer; 0: done.
int change_rule(const LinkLocalRule& rule, std::uint16_t type, std::uint16_t flags) {
  Message message(type, flags);
  const in_addr link_local{htonl(0xA9FE0000U)};
  message.attribute(FRA_DST, &link_local, sizeof link_local);
  const std::uint32_t priority = priority_of(rule.owner);
  message.attribute(FRA_PRIORITY, &priority, sizeof priority);
  const fib_rule_uid_range users{rule.first, rule.last};
  message.attribute(FRA_UID_RANGE, &users, sizeof users);
  const std::uint8_t protocol = IPPROTO_TCP;
  message.attribute(FRA_IP_PROTO, &protocol, sizeof protocol);
  return ask_kernel(message);
}

Error refused(int code) {
  const ErrorCode kind = code == EPERM                           ? ErrorCode::denied
                         : code == EOPNOTSUPP || code == EINVAL ? ErrorCode::unsupported
                                                                 : ErrorCode::io;
  return Error(kind, "a routing rule: " + std::generic_category().message(code));
}

}  // namespace

Result<void> prohibit_link_local(const LinkLocalRule& rule) {
  const int code = change_rule(rule, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
  if (code == 0 || code == EEXIST) return {};
  return refused(code);
}

Result<void> permit_link_local(const LinkLocalRule& rule) {
  const int code = change_rule(rule, RTM_DELRULE, 0);
  if (code == 0 || code == ENOENT) return {};
  return refused(code);
}

}  // namespace slipway
