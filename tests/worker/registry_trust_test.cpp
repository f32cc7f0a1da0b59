// What openssl says of the files that buildah gets.

#include "worker/registry_trust.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "crypto/certificate.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway {
namespace {

using test::read_file;
using test::TemporaryFolder;
using test::write_file;

namespace fs = std::filesystem;

const Timestamp end = parse_rfc3339("2042-03-04T05:06:07Z").value();

int openssl(const std::string& words) {
  return std::system(("openssl " + words + " >/dev/null 2>&1").c_str());
}

TEST(RegistryTrust, AnAuthorityStaysOutsideAndSignsForTheBuildOnly) {
  TemporaryFolder folder;
  const std::string identity = crypto::make_client_authority("slipway worker").value();
  write_file(folder / "identity.pem", identity);
  const fs::path certificates = folder / "certificates";
  const auto written = write_certificates({{}, folder / "identity.pem", {}}, end, certificates);
  ASSERT_TRUE(written.ok()) << written.error().message;

  const std::string issued = (certificates / "client.cert").string();
  const std::string trusted =
      "verify -purpose sslclient -CAfile " + (folder / "identity.pem").string();
  EXPECT_EQ(openssl(trusted + " " + issued), 0);
  EXPECT_EQ(openssl(trusted + " -attime 2277522366 " + issued), 0);  // 2042-03-04T05:06:06Z
  EXPECT_NE(openssl(trusted + " -attime 2277522368 " + issued), 0);
  const auto key = identity.substr(identity.find("-----BEGIN PRIVATE KEY-----"));
  for (const auto& entry : fs::directory_iterator(certificates)) {
    EXPECT_EQ(read_file(entry.path()).find(key), std::string::npos) << entry.path();
    EXPECT_EQ(entry.status().permissions(), fs::perms::owner_read | fs::perms::owner_write);
  }

  // What the build has signs no others.
  const auto further = crypto::issue_client_identity(read_file(issued), "more", end);
  ASSERT_FALSE(further.ok());
  EXPECT_EQ(further.error().code, ErrorCode::unsupported);
}

TEST(RegistryTrust, WhatSignsNothingIsCopied) {
  TemporaryFolder folder;
  const std::string authority = crypto::make_client_authority("an operator's").value();
  const std::string pem = crypto::issue_client_identity(authority, "one worker", end).value();
  const auto split = pem.find("-----BEGIN PRIVATE KEY-----");
  write_file(folder / "certificate.pem", pem.substr(0, split));
  write_file(folder / "key.pem", pem.substr(split));
  write_file(folder / "ca.pem", authority.substr(0, authority.find("-----BEGIN PRIVATE KEY-----")));
  const auto written = write_certificates(
      {folder / "ca.pem", folder / "certificate.pem", folder / "key.pem"}, end, folder / "made");
  ASSERT_TRUE(written.ok()) << written.error().message;
  EXPECT_EQ(read_file(folder / "made/ca.crt"), read_file(folder / "ca.pem"));
  EXPECT_EQ(read_file(folder / "made/client.cert"), pem.substr(0, split));
  EXPECT_EQ(read_file(folder / "made/client.key"), pem.substr(split));
}

TEST(RegistryTrust, AFileThatIsNotThereIsNamed) {
  TemporaryFolder folder;
  const auto written = write_certificates({folder / "ca.pem", {}, {}}, end, folder / "made");
  ASSERT_FALSE(written.ok());
  EXPECT_NE(written.error().message.find("ca.pem"), std::string::npos);
}

}  // namespace
}  // namespace slipway
