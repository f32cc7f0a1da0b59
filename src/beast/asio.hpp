// The names of Asio that this folder uses, with the executor as a concrete type: an any_io_executor
// costs a virtual call and a reference count for each operation.
#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

namespace slipway::beast {

namespace asio = boost::asio;

using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Failure = boost::system::error_code;

}  // namespace slipway::beast
