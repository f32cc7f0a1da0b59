// The configuration file: YAML, and what its keys may say.
#include "config/configuration.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto configuration = parse_configuration(fuzz::text_of(data, size), "config.yaml");
  // A mistake is one line that names the file.
  if (!configuration) {
    FUZZ_EXPECT(configuration.error().message.starts_with("config.yaml"));
    FUZZ_EXPECT(configuration.error().message.find('\n') == std::string::npos);
  }
  return 0;
}
