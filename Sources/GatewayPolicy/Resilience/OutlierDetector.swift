/// Takes endpoints out for a while after failures in a row; longer each time, and never too many at once.
/// A value of one owner; the clock is passed in.
package struct OutlierDetector: Sendable, Equatable {
    package struct Settings: Sendable, Equatable {
        /// Failures in a row; 0 means never.
        package var failuresMax = 5
        package var ejectionMilliseconds = 30_000
        package var ejectionMillisecondsMax = 300_000
        /// Of all endpoints, rounded down; below 100 the last endpoint is never ejected.
        package var ejectedPercentMax = 50

        package init() {}
    }

    /// What the owner must do.
    package enum Action: Sendable, Equatable {
        case none
        case eject(untilNanoseconds: UInt64)
        /// It failed often enough, but too many are out already.
        case keep
    }

    private struct Endpoint: Sendable, Equatable {
        var failures = 0
        var ejections = 0
        var untilNanoseconds: UInt64 = 0
        var isEjected = false
    }

    package var settings: Settings
    private var endpoints: [Endpoint]
    private var ejectedCount = 0

    /// Endpoints are known by their position.
    package init(_ settings: Settings = Settings(), endpointCount: Int) {
        self.settings = settings
        endpoints = Array(repeating: Endpoint(), count: max(0, endpointCount))
    }

    package func isEjected(_ index: Int) -> Bool { endpoints.indices.contains(index) && endpoints[index].isEjected }

    package mutating func succeeded(_ index: Int) {
        guard endpoints.indices.contains(index), !endpoints[index].isEjected else { return }
        endpoints[index].failures = 0
        // Health that lasts is trusted again, one step for each success after an ejection.
        if endpoints[index].ejections > 0 { endpoints[index].ejections -= 1 }
    }

    package mutating func failed(_ index: Int, nowNanoseconds: UInt64) -> Action {
        guard settings.failuresMax > 0, endpoints.indices.contains(index), !endpoints[index].isEjected else {
            return .none
        }
        endpoints[index].failures += 1
        guard endpoints[index].failures >= settings.failuresMax else { return .none }
        guard (ejectedCount + 1) * 100 <= settings.ejectedPercentMax * endpoints.count else { return .keep }
        endpoints[index].ejections = min(endpoints[index].ejections + 1, 1_000)
        endpoints[index].failures = 0
        endpoints[index].isEjected = true
        let wanted = settings.ejectionMilliseconds * endpoints[index].ejections
        let milliseconds = UInt64(max(0, min(wanted, settings.ejectionMillisecondsMax)))
        endpoints[index].untilNanoseconds = nowNanoseconds &+ milliseconds * 1_000_000
        ejectedCount += 1
        return .eject(untilNanoseconds: endpoints[index].untilNanoseconds)
    }

    /// The endpoints whose time is over, which are in again. Called on a coarse tick.
    package mutating func tick(nowNanoseconds: UInt64) -> [Int] {
        guard ejectedCount > 0 else { return [] }
        var returned: [Int] = []
        for index in endpoints.indices
        where endpoints[index].isEjected && nowNanoseconds >= endpoints[index].untilNanoseconds {
            endpoints[index].isEjected = false
            ejectedCount -= 1
            returned.append(index)
        }
        return returned
    }
}
