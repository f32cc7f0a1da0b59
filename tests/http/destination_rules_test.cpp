#include <slipway/http/destination_rules.hpp>

#include <gtest/gtest.h>

#include <string>

namespace slipway {
namespace {

bool public_address(const std::string& text) {
  const auto address = IpAddress::parse(text);
  EXPECT_TRUE(address.has_value()) << text;
  return address && is_public(*address);
}

TEST(DestinationRules, AddressesOfTheMachineAndItsNetworkAreNotPublic) {
  for (const char* text :
       {"127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255",
        "100.64.0.1", "100.127.255.255", "169.254.169.254", "172.16.0.1", "172.31.255.255",
        "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255",
        "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1",
        "255.255.255.255"}) {
    EXPECT_FALSE(public_address(text)) << text;
    EXPECT_FALSE(public_address(std::string("::ffff:") + text)) << text;
    EXPECT_FALSE(public_address(std::string("::") + text)) << text << ", IPv4-compatible";
    EXPECT_FALSE(public_address(std::string("64:ff9b::") + text)) << text << ", through NAT64";
  }
  for (const char* text :
       {"::", "::1", "fe80::1", "febf::1", "fec0::1", "fc00::1", "fd00:ec2::254", "fdff::1",
        "ff02::1", "2001:db8::1", "2001::1", "2001:1ff::1", "2002:7f00:1::1", "2002:a9fe:a9fe::",
        "3fff::1", "100::1", "64:ff9b:1::1", "4000::1"})
    EXPECT_FALSE(public_address(text)) << text;
}

TEST(DestinationRules, TheInternetIsPublic) {
  for (const char* text : {"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1",
                           "172.32.0.1", "192.167.1.1", "192.169.1.1", "198.17.0.1", "198.20.0.1",
                           "223.255.255.255", "140.82.121.4", "2606:4700::1111", "2a00:1450::1",
                           "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
                           "2002:808:808::1", "[2606:4700::1111]"})
    EXPECT_TRUE(public_address(text)) << text;
}

TEST(DestinationRules, OnlyAddressesAreAddresses) {
  for (const char* text : {"", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "1.2.3.4.5",
                           "1.2.3.4 ", "::1%lo", "[::1", "1.2.3.4/8"})
    EXPECT_FALSE(IpAddress::parse(text).has_value()) << text;
  EXPECT_EQ(IpAddress::parse("::ffff:10.0.0.1")->to_string(), "10.0.0.1");
  EXPECT_EQ(IpAddress::parse("[2001:DB8::1]")->to_string(), "2001:db8::1");
}

TEST(DestinationRules, WhatTheOperatorNamesIsAllowed) {
  DestinationRules rules;
  for (const char* place :
       {"10.20.0.0/16", "192.168.7.7", "fd00:1::/32", "Git.Internal.Example.com", "::1"})
    ASSERT_TRUE(rules.allow(place).ok()) << place;
  const auto allows = [&](const char* host, const char* address) {
    return rules.allows(host, *IpAddress::parse(address));
  };
  EXPECT_TRUE(allows("x.example.com", "10.20.255.1"));
  EXPECT_TRUE(allows("x.example.com", "::ffff:10.20.255.1"));
  EXPECT_FALSE(allows("x.example.com", "10.21.0.1"));
  EXPECT_TRUE(allows("x.example.com", "192.168.7.7"));
  EXPECT_FALSE(allows("x.example.com", "192.168.7.8"));
  EXPECT_TRUE(allows("x.example.com", "fd00:1::5"));
  EXPECT_FALSE(allows("x.example.com", "fd00:2::5"));
  EXPECT_TRUE(allows("x.example.com", "::1"));
  EXPECT_FALSE(allows("x.example.com", "127.0.0.1"));
  EXPECT_TRUE(allows("git.internal.example.com", "10.99.0.1"));
  EXPECT_TRUE(allows("GIT.internal.example.com.", "127.0.0.1"));
  EXPECT_FALSE(allows("evil.git.internal.example.com", "127.0.0.1"));
  EXPECT_TRUE(allows("x.example.com", "8.8.8.8"));
}

TEST(DestinationRules, WhatIsNoPlaceIsRefused) {
  DestinationRules rules;
  for (const char* text : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "a b",
                           "https://example.com", "host:80", "*.example.com", "10.0.0.0/8/8"})
    EXPECT_EQ(rules.allow(text).error().code, ErrorCode::invalid_argument) << text;
}

TEST(DestinationRules, AUrlIsJudgedBeforeItIsUsed) {
  DestinationRules rules;
  ASSERT_TRUE(rules.allow("git.internal.example.com").ok());
  ASSERT_TRUE(rules.allow("10.0.0.0/8").ok());
  for (const char* url :
       {"https://ci.example.com/hooks?x=1", "https://ci.example.com:8443", "https://[2606:4700::1]/",
        "http://git.internal.example.com:3000/api/v1", "http://10.1.2.3/x", "https://10.1.2.3/x"})
    EXPECT_TRUE(rules.check_url(url).ok()) << url;
  for (const char* url : {"http://ci.example.com/", "http://8.8.8.8/", "https://127.0.0.1/",
                          "https://[::1]:5000/", "https://[::ffff:127.0.0.1]/", "https://169.254.169.254/latest"})
    EXPECT_EQ(rules.check_url(url).error().code, ErrorCode::denied) << url;
  for (const char* url : {"", "ftp://example.com/", "https://", "https:///x", "https://me:pw@example.com/",
                          "https://exa mple.com/", "https://example.com/\n", "https://[::1/",
                          "https://ex%61mple.com/", "//example.com", "HTTPS://example.com\\@127.0.0.1/"})
    EXPECT_EQ(rules.check_url(url).error().code, ErrorCode::invalid_argument) << url;
}

}  // namespace
}  // namespace slipway
