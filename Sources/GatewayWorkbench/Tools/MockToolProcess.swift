package import NIOCore
import NIOPosix

/// The same server over standard input and output: a message a line, until the input ends.
package enum MockToolProcess {
    private static let lineBytesMax = 64 << 20

    /// Returns once the input has ended and what was under way is told to stop.
    package static func run(
        _ options: MockToolServer.Options, input: CInt = 0, output: CInt = 1,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws {
        let mock = MCPServerMock(options)
        let channel = try await NIOPipeBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        ByteToMessageHandler(LineDecoder(), maximumBufferSize: lineBytesMax), LineHandler(mock))
                }
            }
            .takingOwnershipOfDescriptors(input: input, output: output).get()
        try? await channel.closeFuture.get()
        mock.forgetSessions()
    }
}

/// Lines without their ends.
private struct LineDecoder: ByteToMessageDecoder {
    typealias InboundOut = ByteBuffer

    mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) -> DecodingState {
        guard let end = buffer.readableBytesView.firstIndex(of: 0x0A),
            let line = buffer.readSlice(length: end - buffer.readerIndex)
        else { return .needMoreData }
        buffer.moveReaderIndex(forwardBy: 1)
        context.fireChannelRead(Self.wrapInboundOut(line))
        return .continue
    }

    mutating func decodeLast(
        context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool
    ) -> DecodingState {
        while decode(context: context, buffer: &buffer) == .continue {}
        return .needMoreData
    }
}

private final class LineHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let mock: MCPServerMock
    private var session: MCPSession?
    private var outlet: MCPOutlet?

    init(_ mock: MCPServerMock) { self.mock = mock }

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        let outlet = MCPOutlet(line: { channel.writeAndFlush(ByteBuffer(string: "\($0)\n"), promise: nil) })
        (self.outlet, session) = (outlet, mock.openSession(.march2025, common: outlet))
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let session, let outlet else { return }
        let line = unwrapInboundIn(data)
        // An empty line says nothing.
        guard line.readableBytesView.contains(where: { $0 != 0x20 && $0 != 0x0D }) else { return }
        mock.receive(Array(line.readableBytesView), session, outlet, transport: "stdio")
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
