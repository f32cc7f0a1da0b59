#define _XOPEN_SOURCE 700 /* mkdtemp */

/* Misuse gives errors, not crashes: NULL everywhere, structs of the wrong size, values of no meaning. */
#include <slipway.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;

static void expect_code(slipway_error* error, slipway_error_code code, const char* in_message, int line) {
  if (error == NULL || slipway_error_get_code(error) != code ||
      strstr(slipway_error_get_message(error), in_message) == NULL) {
    fprintf(stderr, "line %d: expected %d \"%s\", got %s: %s\n", line, (int)code, in_message,
            error != NULL ? slipway_error_get_code_name(error) : "success", slipway_error_get_message(error));
    ++failures;
  }
  slipway_error_free(error);
}

static void expect(int truth, const char* what, int line) {
  if (truth) return;
  fprintf(stderr, "line %d: %s\n", line, what);
  ++failures;
}

#define EXPECT_CODE(call, code, in_message) expect_code((call), (code), (in_message), __LINE__)
#define EXPECT(truth) expect((truth) != 0, #truth, __LINE__)

static void null_handles(void) {
  EXPECT(slipway_error_get_code(NULL) == SLIPWAY_INVALID_ARGUMENT);
  EXPECT(slipway_bytes_get_data(NULL) == NULL && slipway_bytes_get_size(NULL) == 0);
  EXPECT(slipway_texts_get_count(NULL) == 0 && slipway_texts_get(NULL, 0) == NULL);
  EXPECT(slipway_server_get_url(NULL) == NULL);
  EXPECT(slipway_build_get_id(NULL) == NULL && slipway_build_get_state(NULL) == NULL);
  EXPECT(slipway_build_get_digest(NULL) == NULL && slipway_build_get_failure(NULL) == NULL);
  EXPECT(slipway_build_get_json(NULL) == NULL);
  EXPECT(strlen(slipway_version()) > 0);
  slipway_error_free(NULL);
  slipway_bytes_free(NULL);
  slipway_texts_free(NULL);
  slipway_build_free(NULL);
  slipway_server_stop(NULL);
  slipway_store_close(NULL);
}

static void null_arguments(slipway_store* store) {
  slipway_digest digest;
  slipway_bytes* bytes = (slipway_bytes*)&digest; /* must be set to NULL */
  slipway_build* build = (slipway_build*)&digest;
  slipway_store* other = store;
  EXPECT_CODE(slipway_store_open(NULL, &other), SLIPWAY_INVALID_ARGUMENT, "folder");
  EXPECT(other == NULL);
  EXPECT_CODE(slipway_store_open("x", NULL), SLIPWAY_INVALID_ARGUMENT, "out_store");
  EXPECT_CODE(slipway_blob_put(NULL, "a", "x", 1, &digest), SLIPWAY_INVALID_ARGUMENT, "store");
  EXPECT_CODE(slipway_blob_put(store, NULL, "x", 1, &digest), SLIPWAY_INVALID_ARGUMENT, "repository");
  EXPECT_CODE(slipway_blob_put(store, "a", NULL, 1, &digest), SLIPWAY_INVALID_ARGUMENT, "data");
  EXPECT_CODE(slipway_blob_put(store, "a", "x", 1, NULL), SLIPWAY_INVALID_ARGUMENT, "out_digest");
  EXPECT_CODE(slipway_blob_get(store, "a", NULL, &bytes), SLIPWAY_INVALID_ARGUMENT, "digest");
  EXPECT(bytes == NULL);
  EXPECT_CODE(slipway_manifest_get(store, "a", "b", NULL, NULL), SLIPWAY_INVALID_ARGUMENT, "out_bytes");
  EXPECT_CODE(slipway_tag_list(store, NULL, NULL, 1, NULL), SLIPWAY_INVALID_ARGUMENT, "repository");
  EXPECT_CODE(slipway_build_submit(store, NULL, &build), SLIPWAY_INVALID_ARGUMENT, "request");
  EXPECT(build == NULL);
  EXPECT_CODE(slipway_build_wait(NULL, 1), SLIPWAY_INVALID_ARGUMENT, "build");
  EXPECT_CODE(slipway_server_start(NULL, NULL, NULL), SLIPWAY_INVALID_ARGUMENT, "store");
}

static void wrong_structs(slipway_store* store) {
  slipway_server_options options;
  slipway_build_request request;
  slipway_server* server;
  slipway_build* build;
  memset(&options, 0, sizeof options);
  EXPECT_CODE(slipway_server_start(store, &options, &server), SLIPWAY_INVALID_ARGUMENT, "struct_size");
  options.struct_size = sizeof options + 1;
  EXPECT_CODE(slipway_server_start(store, &options, &server), SLIPWAY_INVALID_ARGUMENT, "struct_size");
  options.struct_size = sizeof options;
  options.listen = "nonsense";
  EXPECT_CODE(slipway_server_start(store, &options, &server), SLIPWAY_INVALID_ARGUMENT, "HOST:PORT");
  EXPECT(server == NULL);

  memset(&request, 0, sizeof request);
  request.struct_size = sizeof request;
  EXPECT_CODE(slipway_build_submit(store, &request, &build), SLIPWAY_INVALID_ARGUMENT, "repository");
  request.repository = "app/web";
  EXPECT_CODE(slipway_build_submit(store, &request, &build), SLIPWAY_INVALID_ARGUMENT, "git_url and context");
  request.git_url = "https://example.com/x.git";
  request.context = ".";
  EXPECT_CODE(slipway_build_submit(store, &request, &build), SLIPWAY_INVALID_ARGUMENT, "git_url and context");
}

static void wrong_values(slipway_store* store) {
  static const char* const bad_args[] = {"NOEQUALS", NULL};
  static const char zeros[] = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
  slipway_digest digest;
  slipway_bytes* bytes;
  slipway_build* build;
  slipway_build_request request;
  EXPECT_CODE(slipway_blob_put(store, "Bad Name", "x", 1, &digest), SLIPWAY_INVALID_ARGUMENT, "Bad Name");
  EXPECT(digest.text[0] == '\0');
  EXPECT_CODE(slipway_blob_get(store, "a", "sha256:zz", &bytes), SLIPWAY_INVALID_ARGUMENT, "zz");
  EXPECT_CODE(slipway_blob_get(store, "a", zeros, &bytes), SLIPWAY_NOT_FOUND, zeros);
  EXPECT_CODE(slipway_build_find(store, "nothing", &build), SLIPWAY_NOT_FOUND, "nothing");
  memset(&request, 0, sizeof request);
  request.struct_size = sizeof request;
  request.repository = "app/web";
  request.git_url = "https://example.com/x.git";
  request.args = bad_args;
  EXPECT_CODE(slipway_build_submit(store, &request, &build), SLIPWAY_INVALID_ARGUMENT, "NOEQUALS");
}

static void a_build_that_waits(slipway_store* store) {
  slipway_build_request request;
  slipway_build* build;
  slipway_bytes* log;
  memset(&request, 0, sizeof request);
  request.struct_size = sizeof request;
  request.repository = "app/web";
  request.git_url = "https://example.com/x.git";
  EXPECT(slipway_build_submit(store, &request, &build) == NULL);
  EXPECT(strcmp(slipway_build_get_state(build), "queued") == 0);
  EXPECT(slipway_build_get_digest(build) == NULL && slipway_build_get_failure(build) == NULL);
  EXPECT_CODE(slipway_build_wait(build, 0), SLIPWAY_TIMED_OUT, slipway_build_get_id(build));
  EXPECT(slipway_build_read_log(build, 0, &log) == NULL);
  slipway_bytes_free(log);
  slipway_build_free(build);
}

int main(void) {
  char folder[] = "/tmp/slipway-capi-XXXXXX";
  char command[64];
  slipway_store* store;
  slipway_store* second;
  if (mkdtemp(folder) == NULL) return 1;
  null_handles();
  EXPECT(slipway_store_open(folder, &store) == NULL);
  EXPECT_CODE(slipway_store_open(folder, &second), SLIPWAY_CONFLICT, folder);
  EXPECT(second == NULL);
  null_arguments(store);
  wrong_structs(store);
  wrong_values(store);
  a_build_that_waits(store);
  slipway_store_close(store);
  snprintf(command, sizeof command, "rm -rf %s", folder);
  if (system(command) != 0) ++failures;
  printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
