import Synchronization

/// All numbers of the process: names and slots here, the counting in `LoopMetrics`, one per loop.
package final class MetricRegistry: Sendable {
    private struct Names {
        var slots: [String: Int] = [:]
        /// Slot 0 stands for everything without a slot.
        var names: [String] = [""]

        mutating func slot(_ name: String, max: Int) -> Int {
            if let known = slots[name] { return known }
            guard !name.isEmpty, names.count < max else { return 0 }
            slots[name] = names.count
            names.append(name)
            return names.count - 1
        }
    }

    private struct State {
        var routes = Names()
        var backends = Names()
        var models: [ModelLabels: Int] = [:]
        var modelLabels = [ModelLabels.other]
        var loops: [PublishedMetrics] = []
        var ledger: (@Sendable () -> LedgerSample)?
        var audit: AuditLog?
    }

    /// Slots of routes, and of backends, at most: it bounds memory (under 1 KiB a slot and loop) and labels.
    package let slotsMax: Int
    private let state = Mutex(State())
    /// Which edition of OpenTelemetry's names for generative AI is shown.
    package let names: GenAINames
    package let process = ProcessMetrics()

    package init(slotsMax: Int = 4_096, names: GenAINames = .current) {
        self.slotsMax = max(2, slotsMax)
        self.names = names
    }

    /// The slot of a route's name: the same one for the life of the process, 0 once all are taken.
    package func routeSlot(_ name: String) -> Int {
        let slotsMax = slotsMax
        return state.withLock { $0.routes.slot(name, max: slotsMax) }
    }

    /// The slot of a backend's name: the same one for the life of the process, 0 once all are taken.
    package func backendSlot(_ name: String) -> Int {
        let slotsMax = slotsMax
        return state.withLock { $0.backends.slot(name, max: slotsMax) }
    }

    /// The slot of a model of the configuration: the same one for the life of the process, 0 once all are taken. Not
    /// for names that callers send: those share slot 0, so that no caller can grow the metrics.
    package func modelSlot(operation: GenAIOperation, provider: String, model: String) -> Int {
        let labels = ModelLabels(operation: operation, provider: provider, model: model)
        return state.withLock { state in
            if let known = state.models[labels] { return known }
            guard !model.isEmpty, state.modelLabels.count < MetricValues.modelSlotsMax else { return 0 }
            state.modelLabels.append(labels)
            state.models[labels] = state.modelLabels.count - 1
            return state.modelLabels.count - 1
        }
    }

    /// How a scrape learns of the ledger; asked outside of every request.
    package func setLedger(_ sample: @escaping @Sendable () -> LedgerSample) {
        state.withLock { $0.ledger = sample }
    }

    /// The audit log, whose standing every scrape shows.
    package func setAudit(_ log: AuditLog?) { state.withLock { $0.audit = log } }

    /// Counters for one more loop, to be used on that loop only.
    package func makeLoop() -> LoopMetrics {
        let published = PublishedMetrics(MetricValues(slotsMax: slotsMax))
        state.withLock { $0.loops.append(published) }
        return LoopMetrics(published: published, values: MetricValues(slotsMax: slotsMax))
    }

    /// A counter over all loops, as last published.
    package func total(_ counter: LoopCounter) -> UInt64 {
        collect(isWhole: false).values.counters[Int(counter.rawValue)]
    }

    /// Every level over all loops, as last published.
    package func levels() -> [LoopGauge: Int] {
        let values = collect(isWhole: false).values.gauges
        return Dictionary(uniqueKeysWithValues: LoopGauge.allCases.map { ($0, values[Int($0.rawValue)]) })
    }

    /// The sum over all loops as last published, and the names of the slots; `isWhole` with what belongs to no loop.
    func collect(isWhole: Bool = true) -> MetricSample {
        let (routes, backends, models, loops, ledger, audit) = state.withLock {
            ($0.routes.names, $0.backends.names, $0.modelLabels, $0.loops, $0.ledger, $0.audit)
        }
        var total = MetricValues(slotsMax: slotsMax)
        for loop in loops { total.add(loop.load()) }
        return MetricSample(
            values: total, routes: routes, backends: backends, models: models, names: names,
            process: process.load(), ledger: isWhole ? ledger?() : nil,
            audit: isWhole ? audit : nil)
    }
}

/// What a scrape sees.
struct MetricSample: Sendable {
    var values: MetricValues
    var routes: [String]
    var backends: [String]
    var models: [ModelLabels]
    var names: GenAINames
    var process: ProcessMetrics.Values
    /// Nil where there is none, or where nobody asked.
    var ledger: LedgerSample?
    /// Nil where there is none, or where nobody asked.
    var audit: AuditLog?
}
