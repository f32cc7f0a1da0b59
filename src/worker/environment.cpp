#include "worker/environment.hpp"

#include <algorithm>
#include <cstdlib>

namespace slipway {

std::vector<std::pair<std::string, std::string>> child_environment() {
  std::vector<std::pair<std::string, std::string>> environment{{"LC_ALL", "C"}};
  for (const char* name :
       {"PATH", "HOME", "TMPDIR", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY",
        "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "SLIPWAY_WORKER"})
    if (const char* value = std::getenv(name)) environment.emplace_back(name, value);
  return environment;
}

void set_variable(std::vector<std::pair<std::string, std::string>>& environment,
                  const std::string& name, const std::string& value) {
  const auto there = std::find_if(environment.begin(), environment.end(),
                                  [&](const auto& variable) { return variable.first == name; });
  if (there == environment.end())
    environment.emplace_back(name, value);
  else
    there->second = value;
}

}  // namespace slipway
