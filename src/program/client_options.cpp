#include "program/client_options.hpp"

namespace slipway {
namespace {

/// "json" is true.
std::optional<bool> parse_output(std::string_view text) {
  if (text == "json") return true;
  if (text == "text") return false;
  return std::nullopt;
}

}  // namespace

void add_client_options(CLI::App& app, ClientOptions& options) {
  app.add_option("--url", options.url, "The server")->type_name("URL")->envname("SLIPWAY_URL");
  app.add_option("--token", options.token, "The token")
      ->type_name("TOKEN")
      ->envname("SLIPWAY_TOKEN");
  app.add_option("--ca", options.ca, "PEM file with more certificate authorities")
      ->type_name("FILE");
  add_certificate_options(app, options.certificate, options.key);
  add_output_option(app, options.json);
}

void add_certificate_options(CLI::App& app, std::string& certificate, std::string& key) {
  CLI::Option* of = app.add_option("--certificate", certificate,
                                   "PEM file with a certificate, for a server that asks for one")
                        ->type_name("FILE");
  app.add_option("--key", key, "PEM file with its key (default: the same file)")
      ->type_name("FILE")
      ->needs(of);
}

void add_output_option(CLI::App& app, bool& json) {
  add_parsed(app, "--output", {"text|json", "text or json"}, parse_output, json,
             "How to print (default text)");
}

}  // namespace slipway
