import GatewayModel
import GatewayWire

/// Which exchanges a tap wants to see. All conditions that are set must hold.
package struct TapFilter: Sendable, Equatable {
    package var method: String?
    /// The authority without its port.
    package var host: String?
    package var pathPrefix: String?
    package var statusMin = 0
    package var statusMax = 999
    package var route: String?
    /// A user, tenant, agent or credential id.
    package var principal: String?
    /// Show one in so many of those that match; errors and slow ones are shown all (tail sampling).
    package var oneIn = 1
    /// What counts as slow; 0 for nothing.
    package var slowMilliseconds = 0

    package init() {}

    /// Whether the exchange matches, sampling aside.
    func matches(_ record: borrowing RequestRecord, _ request: borrowing RequestHead) -> Bool {
        guard record.status >= statusMin, record.status <= statusMax else { return false }
        if let route, route != record.route { return false }
        let bytes = request.fields.bytes.span
        if let method {
            let isSame =
                request.method == .other
                ? TapFilter.isPrefix(method, bytes.extracting(request.methodName.range), isWhole: true)
                : request.method.logName.description == method
            if !isSame { return false }
        }
        if let host {
            let authority = bytes.extracting(request.authority.range)
            guard TapFilter.isPrefix(host, authority, isWhole: false) else { return false }
            let size = host.utf8.count
            guard authority.count == size || authority[size] == 0x3A else { return false }
        }
        if let pathPrefix {
            guard TapFilter.isPrefix(pathPrefix, bytes.extracting(request.path.range), isWhole: false) else {
                return false
            }
        }
        guard let principal else { return true }
        guard let caller = record.principal else { return false }
        return caller.user == principal || caller.tenant == principal || caller.agent == principal
            || caller.credentialID == principal
    }

    /// Whether the exchange is shown whatever the sampling says.
    func isRemarkable(_ record: borrowing RequestRecord) -> Bool {
        if record.status >= 500 || record.errorCode != nil { return true }
        guard slowMilliseconds > 0, record.endedNanoseconds > record.startedNanoseconds else { return false }
        return record.endedNanoseconds - record.startedNanoseconds >= UInt64(slowMilliseconds) * 1_000_000
    }

    private static func isPrefix(_ text: String, _ bytes: Span<UInt8>, isWhole: Bool) -> Bool {
        let text = text.utf8Span.span
        guard isWhole ? text.count == bytes.count : text.count <= bytes.count else { return false }
        for index in text.indices where text[index] != bytes[index] { return false }
        return true
    }
}
