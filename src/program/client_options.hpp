// What every subcommand that calls a server is told: where, as whom, and how to print.
//
// Thread safety: plain values.
#pragma once

#include <string>

#include "program/command_line.hpp"

namespace slipway {

struct ClientOptions {
  std::string url;    // --url, else SLIPWAY_URL
  std::string token;  // --token, else SLIPWAY_TOKEN
  std::string ca;     // PEM file
  std::string certificate;  // PEM file, for servers that ask for one
  std::string key;          // PEM file; empty: the certificate's
  bool json = false;  // --output json
};

void add_client_options(CLI::App& app, ClientOptions& options);

/// `--certificate`, `--key`
void add_certificate_options(CLI::App& app, std::string& certificate, std::string& key);

/// `--output text|json`, for a command that calls no server.
void add_output_option(CLI::App& app, bool& json);

}  // namespace slipway
