import GatewayWire
import NIOCore

/// What an event's id tells: at which server its stream goes on, from which of the server's ids, and which of the
/// client's requests it answers. All of it is in the id, so that any replica can go on; sealed, since it decides what
/// is sent to the server and by which policies the rest is judged.
struct EventMark {
    /// Whose stream it is: one session cannot use another's.
    var session: String
    var server: String
    /// The tool that was called, by the server's own name.
    var tool: String?
    /// Our id of the request at the server, the client's own, and its progress token; each JSON.
    var ownID: [UInt8]
    var clientID: [UInt8]
    var clientToken: [UInt8]?
    /// The server's.
    var eventID: [UInt8]

    init(
        session: String, server: String, tool: String?, ownID: [UInt8], clientID: [UInt8], clientToken: [UInt8]?,
        eventID: [UInt8]
    ) {
        self.session = session
        self.server = server
        self.tool = tool
        self.ownID = ownID
        self.clientID = clientID
        self.clientToken = clientToken
        self.eventID = eventID
    }

    /// Nil for what was not made here, or for another session.
    init?(_ text: String, _ seal: Seal, session: String) {
        guard let tree = EventMark.opened(text, seal) else { return nil }
        self.init(tree, session: session)
    }

    private init?(_ tree: JSONTree, session: String) {
        guard let parts = tree.array, parts.count == 7, parts[5].string?.value == session,
            let server = parts[0].string?.value, let eventID = parts[4].string?.value, parts[1].isID, parts[2].isID,
            parts[3].isID || parts[3].isNull
        else { return nil }
        self.session = session
        self.server = server
        tool = parts[6].string?.value
        ownID = parts[1].bytes
        clientID = parts[2].bytes
        clientToken = parts[3].isNull ? nil : parts[3].bytes
        self.eventID = Array(eventID.utf8)
    }

    private static func opened(_ text: String, _ seal: Seal) -> JSONTree? {
        guard text.utf8.count <= Seal.fieldBytesMax, let bytes = seal.open(text, .eventID) else { return nil }
        return try? JSONTree.parse(bytes)
    }

    /// The same stream at another of the server's ids.
    func at(_ eventID: [UInt8]) -> EventMark {
        var mark = self
        mark.eventID = eventID
        return mark
    }

    /// Nil for a stream without ids, and where the id would be too long for a head.
    func text(_ seal: Seal) -> String? { eventID.isEmpty ? nil : EventMark.sealed(json, seal) }

    private var json: [UInt8] {
        let null = Array("null".utf8)
        func text(_ text: String) -> [UInt8] { JSONTree.text(text).bytes }
        let parts = [
            text(server), ownID, clientID, clientToken ?? null, text(String(decoding: eventID, as: UTF8.self)),
            text(session), tool.map(text) ?? null,
        ]
        return [0x5B] + parts.joined(separator: [0x2C]) + [0x5D]
    }

    private static func sealed(_ json: [UInt8], _ seal: Seal) -> String? {
        seal.seal(json, .eventID).flatMap { $0.utf8.count <= Seal.fieldBytesMax ? $0 : nil }
    }

    // MARK: Several streams in one

    /// The id of an event in a stream that several have been joined to; nil without any, and where it would be too
    /// long for a head.
    static func text(_ marks: [EventMark], _ seal: Seal) -> String? {
        guard marks.count > 1 else { return marks.first?.text(seal) }
        var joined: [UInt8] = [0x5B]
        for mark in marks {
            if joined.count > 1 { joined.append(0x2C) }
            joined += mark.json
            // Sealing makes it longer still.
            guard joined.count < Seal.fieldBytesMax else { return nil }
        }
        return sealed(joined + [0x5D], seal)
    }

    /// The streams that an id of a joined stream leads to; nil for any other.
    static func joined(_ text: String, _ seal: Seal, session: String) -> [EventMark]? {
        guard let trees = opened(text, seal)?.array, trees.allSatisfy({ $0.array != nil }) else { return nil }
        let marks = trees.compactMap { EventMark($0, session: session) }
        return marks.count == trees.count && !marks.isEmpty ? marks : nil
    }

    /// The id of an event, which comes first in it, and how many bytes its line takes; nil without one.
    static func leading(_ event: ByteBuffer) -> (text: String, bytesCount: Int)? {
        let bytes = event.readableBytesView
        guard bytes.starts(with: label), let end = bytes.firstIndex(of: 0x0A) else { return nil }
        let start = bytes.index(bytes.startIndex, offsetBy: label.count)
        return (String(decoding: bytes[start..<end], as: UTF8.self), end - bytes.startIndex + 1)
    }

    private static let label = Array("id: ".utf8)

    /// The lines of an event before its data.
    static func append(id: String?, retryMilliseconds: Int?, to out: inout [UInt8]) {
        if let id { out.append(contentsOf: "id: \(id)\n".utf8) }
        if let retryMilliseconds { out.append(contentsOf: "retry: \(retryMilliseconds)\n".utf8) }
    }
}

extension JSONTree {
    /// Whether it can be the id of a request.
    fileprivate var isID: Bool { string != nil || number != nil }
}
