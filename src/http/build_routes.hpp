// The functions behind /api/v1/: one for each row of build_handler.cpp's table.
//
// Thread safety: see api.hpp.
#pragma once

#include "http/api.hpp"

namespace slipway {

// build_routes.cpp
HttpAction list_builds(const ApiCallPointer& call, HttpResponse& response);
HttpAction show_build_log(const ApiCallPointer& call, HttpResponse& response);
HttpAction cancel_build(const ApiCallPointer& call, HttpResponse& response);
HttpAction retry_build(const ApiCallPointer& call, HttpResponse& response);

// event_routes.cpp
HttpAction follow_builds(const ApiCallPointer& call, HttpResponse& response);
HttpAction follow_build(const ApiCallPointer& call, HttpResponse& response);

// queue_routes.cpp
HttpAction show_build(const ApiCallPointer& call, HttpResponse& response);
HttpAction explain_build(const ApiCallPointer& call, HttpResponse& response);
HttpAction show_queue(const ApiCallPointer& call, HttpResponse& response);

// submit_routes.cpp
HttpAction submit_build(const ApiCallPointer& call, HttpResponse& response);
HttpAction upload_context(const ApiCallPointer& call, HttpResponse& response);

// trigger_routes.cpp
HttpAction create_trigger(const ApiCallPointer& call, HttpResponse& response);
HttpAction list_triggers(const ApiCallPointer& call, HttpResponse& response);
HttpAction show_trigger(const ApiCallPointer& call, HttpResponse& response);
HttpAction delete_trigger(const ApiCallPointer& call, HttpResponse& response);
HttpAction resume_trigger(const ApiCallPointer& call, HttpResponse& response);

// delivery_routes.cpp
HttpAction list_deliveries(const ApiCallPointer& call, HttpResponse& response);
HttpAction show_delivery(const ApiCallPointer& call, HttpResponse& response);
HttpAction replay_delivery(const ApiCallPointer& call, HttpResponse& response);

// repository_routes.cpp
HttpAction list_repositories(const ApiCallPointer& call, HttpResponse& response);
HttpAction list_tags(const ApiCallPointer& call, HttpResponse& response);
HttpAction show_manifest(const ApiCallPointer& call, HttpResponse& response);

// notification_routes.cpp
HttpAction create_notification(const ApiCallPointer& call, HttpResponse& response);
HttpAction list_notifications(const ApiCallPointer& call, HttpResponse& response);
HttpAction show_notification(const ApiCallPointer& call, HttpResponse& response);
HttpAction delete_notification(const ApiCallPointer& call, HttpResponse& response);
HttpAction ping_notification(const ApiCallPointer& call, HttpResponse& response);
HttpAction list_notices(const ApiCallPointer& call, HttpResponse& response);
HttpAction show_notice(const ApiCallPointer& call, HttpResponse& response);
HttpAction redeliver_notice(const ApiCallPointer& call, HttpResponse& response);

// token_routes.cpp
HttpAction create_token(const ApiCallPointer& call, HttpResponse& response);
HttpAction list_tokens(const ApiCallPointer& call, HttpResponse& response);
HttpAction revoke_token(const ApiCallPointer& call, HttpResponse& response);

// operation_routes.cpp
HttpAction start_operation(const ApiCallPointer& call, HttpResponse& response);
HttpAction list_operations(const ApiCallPointer& call, HttpResponse& response);
HttpAction show_operation(const ApiCallPointer& call, HttpResponse& response);
HttpAction cancel_operation(const ApiCallPointer& call, HttpResponse& response);

}  // namespace slipway
