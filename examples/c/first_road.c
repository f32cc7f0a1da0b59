/* The first road in C: store and read a blob, push an image and list its tags, build and wait.
 *
 *   first_road DATA CONTEXT PROGRAM     a folder for the data, one with a Dockerfile, and the
 *                                       `slipway` program, which workers are
 */
#include <slipway.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Prints an error and ends the program; does nothing for NULL. */
static void check(slipway_error* error, const char* what) {
  if (error == NULL) return;
  fprintf(stderr, "%s: %s: %s\n", what, slipway_error_get_code_name(error),
          slipway_error_get_message(error));
  slipway_error_free(error);
  exit(1);
}

/* 1. A blob: bytes in, a digest out, the same bytes back. */
static void blobs(slipway_store* store) {
  slipway_digest digest;
  slipway_bytes* bytes;
  check(slipway_blob_put(store, "demo/hello", "hello", 5, &digest), "put");
  check(slipway_blob_get(store, "demo/hello", digest.text, &bytes), "get");
  printf("blob %s %.*s\n", digest.text, (int)slipway_bytes_get_size(bytes),
         (const char*)slipway_bytes_get_data(bytes));
  slipway_bytes_free(bytes);
}

/* 2. An image of no layers, under two tags. */
static void tags(slipway_store* store) {
  static const char config[] =
      "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}";
  static const char* const media_type = "application/vnd.oci.image.manifest.v1+json";
  slipway_digest digest;
  slipway_texts* found;
  char manifest[1024];
  size_t i;
  check(slipway_blob_put(store, "demo/hello", config, strlen(config), &digest), "config");
  snprintf(manifest, sizeof manifest,
           "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":{\"mediaType\":"
           "\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":%u},\"layers\":[]}",
           media_type, digest.text, (unsigned)strlen(config));
  check(slipway_manifest_put(store, "demo/hello", "latest", media_type, manifest, strlen(manifest), &digest),
        "latest");
  check(slipway_manifest_put(store, "demo/hello", "v1", media_type, manifest, strlen(manifest), &digest), "v1");
  check(slipway_tag_list(store, "demo/hello", NULL, 100, &found), "tags");
  for (i = 0; i < slipway_texts_get_count(found); ++i) printf("tag %s\n", slipway_texts_get(found, i));
  slipway_texts_free(found);
}

/* 3. A build, by a worker on this machine. */
static int builds(slipway_store* store, const char* context, const char* program) {
  slipway_server_options options = {0};
  slipway_build_request request = {0};
  slipway_server* server;
  slipway_build* build;
  slipway_bytes* log;
  int succeeded;
  options.struct_size = sizeof options;
  options.program = program;
  check(slipway_server_start(store, &options, &server), "server");
  printf("serving at %s\n", slipway_server_get_url(server));

  request.struct_size = sizeof request;
  request.repository = "demo/built";
  request.context = context;
  check(slipway_build_submit(store, &request, &build), "submit");
  check(slipway_build_wait(build, 120 * 1000), "wait");
  check(slipway_build_read_log(build, 0, &log), "log");
  printf("%.*s\n", (int)slipway_bytes_get_size(log), (const char*)slipway_bytes_get_data(log));
  slipway_bytes_free(log);

  succeeded = slipway_build_get_digest(build) != NULL;
  printf("build %s %s\n", slipway_build_get_state(build),
         succeeded ? slipway_build_get_digest(build) : slipway_build_get_failure(build));
  slipway_build_free(build);
  slipway_server_stop(server);
  return succeeded;
}

int main(int argc, char** argv) {
  slipway_store* store;
  int succeeded;
  if (argc != 4) {
    fprintf(stderr, "usage: first_road DATA CONTEXT PROGRAM\n");
    return 2;
  }
  check(slipway_store_open(argv[1], &store), "open");
  blobs(store);
  tags(store);
  succeeded = builds(store, argv[2], argv[3]);
  slipway_store_close(store);
  return succeeded ? 0 : 1;
}
