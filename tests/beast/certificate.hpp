// Certificates that a test makes for itself with the openssl command.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace slipway::testing {

/// A folder with key.pem and certificate.pem, self-signed or issued, for localhost and 127.0.0.1.
class Certificate {
 public:
  explicit Certificate(const std::string& names = "DNS:localhost,IP:127.0.0.1",
                       const Certificate* issuer = nullptr) {
    std::string name = (std::filesystem::temp_directory_path() / "slipway-tls-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder_ = name;
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=slipway-test -addext 'subjectAltName=" + names + "' -keyout '" +
        key().string() + "' -out '" + certificate().string() + "'" +
        (issuer == nullptr ? ""
                           : " -subj /CN=slipway-issued -CA '" + issuer->certificate().string() +
                                 "' -CAkey '" + issuer->key().string() + "'") +
        " 2>/dev/null";
    if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
  }
  ~Certificate() { std::filesystem::remove_all(folder_); }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  [[nodiscard]] std::filesystem::path key() const { return folder_ / "key.pem"; }
  [[nodiscard]] std::filesystem::path certificate() const { return folder_ / "certificate.pem"; }

 private:
  std::filesystem::path folder_;
};

}  // namespace slipway::testing
