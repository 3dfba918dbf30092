/// What an access log line may show.
package struct AccessLogSettings: Sendable, Equatable {
    /// How much of a query is shown.
    package enum Query: UInt8, Sendable {
        case hidden
        /// `?page=&token=`: names stay, values go.
        case names
        /// Values too, but for parameters whose names promise a secret.
        case values
    }

    package var isEnabled = true
    package var query: Query = .names
    package var pathBytesMax = 1024
    package var userAgentBytesMax = 256

    package init() {}
}
