// SPDX-License-Identifier: Apache-2.0
// gRPC C++ over an AF_UNIX socket: the synchronous server and client of its tutorial.
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

#include "bench/peers/peer.h"
#include "echo.grpc.pb.h"

namespace
{

class Echo final : public bench::peers::Echo::Service
{
	grpc::Status Call(grpc::ServerContext *, const bench::peers::Payload *request,
			  bench::peers::Payload *reply) override
	{
		*reply = *request;
		return grpc::Status::OK;
	}
};

std::unique_ptr<bench::peers::Echo::Stub> stub;
bench::peers::Payload request;
bench::peers::Payload reply;

// The default limit of a message is 4 MiB.
constexpr int message_max = 2 * static_cast<int>(PEER_SIZE_MAX);

void serve(const char *address)
{
	Echo echo;
	grpc::ServerBuilder builder;

	builder.AddListeningPort(std::string("unix:") + address, grpc::InsecureServerCredentials());
	builder.SetMaxReceiveMessageSize(message_max);
	builder.SetMaxSendMessageSize(message_max);
	builder.RegisterService(&echo);
	auto server = builder.BuildAndStart();
	if (!server) {
		std::fprintf(stderr, "gRPC does not serve %s\n", address);
		return;
	}
	peer_listening();
	server->Wait();
}

int connect(const char *address, std::uint8_t *bytes, std::uint64_t size)
{
	grpc::ChannelArguments arguments;

	arguments.SetMaxReceiveMessageSize(message_max);
	arguments.SetMaxSendMessageSize(message_max);
	stub = bench::peers::Echo::NewStub(grpc::CreateCustomChannel(
		std::string("unix:") + address, grpc::InsecureChannelCredentials(), arguments));
	request.set_data(bytes, size);
	return 0;
}

int call(void *)
{
	grpc::ClientContext context;
	grpc::Status status = stub->Call(&context, request, &reply);

	if (status.ok() && reply.data().size() == request.data().size())
		return 0;
	std::fprintf(stderr, "gRPC: %s\n", status.error_message().c_str());
	errno = EPROTO;
	return -1;
}

} // namespace

int main(int argc, char **argv)
{
	const peer_program program = {"gRPC C++", serve, connect, call};

	return peer_main(&program, argc, argv);
}
