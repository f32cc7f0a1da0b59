/* Slipway's C API: a registry and its builds, from any language that can call C.
 *
 * Conventions, the same everywhere:
 *
 * - A function that can fail returns a slipway_error*, NULL for success. The caller frees it with
 *   slipway_error_free. Results come back through the last parameters, which are set to NULL (or
 *   zero) on failure.
 * - Names are object, then verb. A handle that came from ..._open, ..._start or ..._find belongs to
 *   the caller, who ends it with the object's ..._close, ..._stop or ..._free; NULL is allowed there.
 * - A struct that the caller fills begins with struct_size: set it to sizeof the struct. Members
 *   that are left zero have their default.
 * - Texts are UTF-8 and end with a zero byte. A pointer that a function returns belongs to the
 *   handle that was asked and lives as long as it, or until what its comment says.
 * - No exception crosses, nothing is printed, nothing is kept in thread-local state.
 *
 * Thread safety: a slipway_store and a slipway_server may be used from any thread. Any other handle
 * belongs to one thread at a time.
 */
#ifndef SLIPWAY_H
#define SLIPWAY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLIPWAY_API __attribute__((visibility("default")))

/* ---- errors ---- */

/* The values never change; new ones come at the end. */
typedef enum slipway_error_code {
  SLIPWAY_INVALID_ARGUMENT = 1,
  SLIPWAY_NOT_FOUND = 2,
  SLIPWAY_ALREADY_EXISTS = 3,
  SLIPWAY_CONFLICT = 4,
  SLIPWAY_RANGE_MISMATCH = 5,
  SLIPWAY_DIGEST_MISMATCH = 6,
  SLIPWAY_UNAUTHENTICATED = 7,
  SLIPWAY_DENIED = 8,
  SLIPWAY_QUOTA_EXCEEDED = 9,
  SLIPWAY_UNSUPPORTED = 10,
  SLIPWAY_TOO_LARGE = 11,
  SLIPWAY_CANCELLED = 12,
  SLIPWAY_TIMED_OUT = 13,
  SLIPWAY_UNAVAILABLE = 14,
  SLIPWAY_CORRUPT = 15,
  SLIPWAY_IO = 16,
  SLIPWAY_INTERNAL = 17
} slipway_error_code;

typedef struct slipway_error slipway_error;

SLIPWAY_API slipway_error_code slipway_error_get_code(const slipway_error* error);
/* The code's name, "not_found". Lives as long as the program. */
SLIPWAY_API const char* slipway_error_get_code_name(const slipway_error* error);
/* What was wrong with what, and what to do. */
SLIPWAY_API const char* slipway_error_get_message(const slipway_error* error);
SLIPWAY_API void slipway_error_free(slipway_error* error);

/* The library's version, "0.1.0". Lives as long as the program. */
SLIPWAY_API const char* slipway_version(void);

/* ---- bytes that the library made ---- */

typedef struct slipway_bytes slipway_bytes;

SLIPWAY_API const void* slipway_bytes_get_data(const slipway_bytes* bytes);
SLIPWAY_API size_t slipway_bytes_get_size(const slipway_bytes* bytes);
SLIPWAY_API void slipway_bytes_free(slipway_bytes* bytes);

/* ---- texts that the library made ---- */

typedef struct slipway_texts slipway_texts;

SLIPWAY_API size_t slipway_texts_get_count(const slipway_texts* texts);
/* NULL when `index` is not below the count. */
SLIPWAY_API const char* slipway_texts_get(const slipway_texts* texts, size_t index);
SLIPWAY_API void slipway_texts_free(slipway_texts* texts);

/* ---- stores: a data folder, opened by one process at a time ---- */

typedef struct slipway_store slipway_store;

/* Opens the folder, and makes it when it is missing or empty. Errors: SLIPWAY_CONFLICT (another
 * process has it), SLIPWAY_UNSUPPORTED (another version's), SLIPWAY_INVALID_ARGUMENT (not empty and
 * not ours), SLIPWAY_IO. */
SLIPWAY_API slipway_error* slipway_store_open(const char* folder, slipway_store** out_store);

/* Every other handle of the store must be gone. */
SLIPWAY_API void slipway_store_close(slipway_store* store);

/* ---- blobs ---- */

/* "sha512:", 128 digits and a zero byte. */
#define SLIPWAY_DIGEST_CAPACITY 136

typedef struct slipway_digest {
  char text[SLIPWAY_DIGEST_CAPACITY];
} slipway_digest;

/* Stores bytes as a blob of the repository and makes them durable. Errors:
 * SLIPWAY_INVALID_ARGUMENT (repository), SLIPWAY_IO, SLIPWAY_QUOTA_EXCEEDED. */
SLIPWAY_API slipway_error* slipway_blob_put(slipway_store* store, const char* repository,
                                            const void* data, size_t size,
                                            slipway_digest* out_digest);

/* All bytes of a blob. Errors: SLIPWAY_NOT_FOUND, SLIPWAY_INVALID_ARGUMENT, SLIPWAY_IO,
 * SLIPWAY_CORRUPT. */
SLIPWAY_API slipway_error* slipway_blob_get(slipway_store* store, const char* repository,
                                            const char* digest, slipway_bytes** out_bytes);

/* ---- manifests and tags ---- */

/* Stores a manifest under a tag or its digest; blobs that it names must be there. Errors:
 * SLIPWAY_INVALID_ARGUMENT (which field), SLIPWAY_NOT_FOUND (which blob), SLIPWAY_UNSUPPORTED,
 * SLIPWAY_TOO_LARGE, SLIPWAY_DIGEST_MISMATCH, SLIPWAY_IO. */
SLIPWAY_API slipway_error* slipway_manifest_put(slipway_store* store, const char* repository,
                                                const char* reference, const char* media_type,
                                                const void* data, size_t size,
                                                slipway_digest* out_digest);

/* The manifest's bytes; `out_digest` may be NULL. Errors: SLIPWAY_NOT_FOUND,
 * SLIPWAY_INVALID_ARGUMENT, SLIPWAY_IO. */
SLIPWAY_API slipway_error* slipway_manifest_get(slipway_store* store, const char* repository,
                                                const char* reference, slipway_digest* out_digest,
                                                slipway_bytes** out_bytes);

/* At most `limit` tags after `last` (NULL: from the first), ascending. Errors: SLIPWAY_NOT_FOUND (no
 * such repository), SLIPWAY_INVALID_ARGUMENT, SLIPWAY_IO. */
SLIPWAY_API slipway_error* slipway_tag_list(slipway_store* store, const char* repository,
                                            const char* last, size_t limit,
                                            slipway_texts** out_tags);

/* ---- a server over a store: the OCI API, the build API, and workers on this machine ---- */

typedef struct slipway_server slipway_server;

typedef struct slipway_server_options {
  size_t struct_size;
  const char* listen;         /* "127.0.0.1:0" by default; port 0 picks one */
  const char* program;        /* the `slipway` program that workers are; builds need it */
  unsigned slots;             /* builds at once; as many as cores by default */
  const char* git_protocols;  /* "https,ssh" by default; "file" only where it is meant */
} slipway_server_options;

/* Serves until it is stopped; one server a store. `options` may be NULL. Errors: SLIPWAY_CONFLICT (the
 * port is in use), SLIPWAY_INVALID_ARGUMENT, SLIPWAY_IO. */
SLIPWAY_API slipway_error* slipway_server_start(slipway_store* store,
                                                const slipway_server_options* options,
                                                slipway_server** out_server);

/* "http://127.0.0.1:41234" */
SLIPWAY_API const char* slipway_server_get_url(const slipway_server* server);

/* Lets running requests end, and frees the handle. Workers go on: the next server finds them. */
SLIPWAY_API void slipway_server_stop(slipway_server* server);

/* ---- builds ---- */

typedef struct slipway_build_request {
  size_t struct_size;
  const char* repository;   /* required */
  const char* git_url;      /* this, or context */
  const char* git_ref;      /* refs/heads/main; the remote's HEAD by default */
  const char* git_commit;   /* full id; what the ref names by default */
  const char* context;      /* a folder of this machine, packed and stored with the build */
  const char* dockerfile;   /* "Dockerfile" by default */
  const char* target;       /* the last stage by default */
  const char* const* tags;  /* NULL, or texts that end with NULL; "latest" by default */
  const char* const* args;  /* NULL, or "KEY=value" texts that end with NULL */
} slipway_build_request;

typedef struct slipway_build slipway_build;

/* Durable when it returns. It runs once a server over the store has room. Errors:
 * SLIPWAY_INVALID_ARGUMENT (which field), SLIPWAY_NOT_FOUND (context), SLIPWAY_IO. */
SLIPWAY_API slipway_error* slipway_build_submit(slipway_store* store,
                                                const slipway_build_request* request,
                                                slipway_build** out_build);

/* The build as it stands now. Errors: SLIPWAY_NOT_FOUND, SLIPWAY_IO. */
SLIPWAY_API slipway_error* slipway_build_find(slipway_store* store, const char* id,
                                              slipway_build** out_build);

/* Waits until it has ended and brings the handle up to date. Errors: SLIPWAY_TIMED_OUT (the handle is
 * up to date all the same), SLIPWAY_IO. */
SLIPWAY_API slipway_error* slipway_build_wait(slipway_build* build, uint64_t timeout_milliseconds);

/* What these answer stays until the handle is brought up to date; the id as long as the handle. */
SLIPWAY_API const char* slipway_build_get_id(const slipway_build* build);
/* "queued", "starting", "running", "succeeded", "failed", "cancelled" */
SLIPWAY_API const char* slipway_build_get_state(const slipway_build* build);
/* The image's; NULL unless it succeeded. */
SLIPWAY_API const char* slipway_build_get_digest(const slipway_build* build);
/* Why it failed; NULL unless it did. */
SLIPWAY_API const char* slipway_build_get_failure(const slipway_build* build);
/* All of it, as JSON: docs/builds.md. */
SLIPWAY_API const char* slipway_build_get_json(const slipway_build* build);

/* The log's bytes from `offset` on, as many as there are. Errors: SLIPWAY_IO. */
SLIPWAY_API slipway_error* slipway_build_read_log(slipway_build* build, uint64_t offset,
                                                  slipway_bytes** out_bytes);

SLIPWAY_API void slipway_build_free(slipway_build* build);

#ifdef __cplusplus
}
#endif

#endif
