/// How a check ended.
package enum CheckOutcome: String, Sendable {
    case passed
    case failed
    /// Nothing can be said: not run, or what was seen proves neither.
    case inconclusive
}

/// One line of a report.
package struct CheckResult: Sendable {
    package var id: String
    package var name: String
    package var outcome: CheckOutcome
    /// What was seen; why it failed.
    package var detail: String
    package var milliseconds: Int

    package init(id: String, name: String, outcome: CheckOutcome, detail: String = "", milliseconds: Int = 0) {
        self.id = id
        self.name = name
        self.outcome = outcome
        self.detail = detail
        self.milliseconds = milliseconds
    }
}

/// The results of a scenario or an attack, in every form a reader wants them.
package struct CheckReport: Sendable {
    package var name: String
    package var results: [CheckResult]

    package init(name: String, results: [CheckResult]) {
        self.name = name
        self.results = results
    }

    package var failedCount: Int { results.count { $0.outcome == .failed } }
    package var inconclusiveCount: Int { results.count { $0.outcome == .inconclusive } }
    /// Nothing failed, and at least one check passed: an empty run proves nothing.
    package var isSuccess: Bool { failedCount == 0 && results.contains { $0.outcome == .passed } }

    package subscript(id: String) -> CheckResult? { results.first { $0.id == id } }

    /// JUnit's XML as Jenkins and GitLab read it.
    package var junit: String {
        let seconds = Double(results.reduce(0) { $0 + $1.milliseconds }) / 1000
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        text += "<testsuite name=\"\(Self.xml(name))\" tests=\"\(results.count)\" failures=\"\(failedCount)\""
        text += " skipped=\"\(inconclusiveCount)\" time=\"\(seconds)\">\n"
        for result in results {
            text += "  <testcase classname=\"\(Self.xml(name))\" name=\"\(Self.xml("\(result.id) \(result.name)"))\""
            text += " time=\"\(Double(result.milliseconds) / 1000)\""
            switch result.outcome {
            case .passed: text += "/>\n"
            case .failed:
                text += "><failure message=\"\(Self.xml(result.detail))\"/></testcase>\n"
            case .inconclusive:
                text += "><skipped message=\"\(Self.xml(result.detail))\"/></testcase>\n"
            }
        }
        return text + "</testsuite>\n"
    }

    /// Test Anything Protocol, version 14.
    package var tap: String {
        var text = "TAP version 14\n1..\(results.count)\n"
        for (index, result) in results.enumerated() {
            let label = "\(result.id) \(result.name)".replacing("#", with: "\\#")
            switch result.outcome {
            case .passed: text += "ok \(index + 1) - \(label)\n"
            case .inconclusive: text += "ok \(index + 1) - \(label) # SKIP \(Self.line(result.detail))\n"
            case .failed:
                text += "not ok \(index + 1) - \(label)\n  ---\n"
                var message = JSONText()
                message.string(result.detail)
                text += "  message: \(message.text)\n  ...\n"
            }
        }
        return text
    }

    package var json: String {
        var json = JSONText()
        json.raw("{")
        json.member("name", name, first: true)
        json.member("passed", number: results.count - failedCount - inconclusiveCount)
        json.member("failed", number: failedCount)
        json.member("inconclusive", number: inconclusiveCount)
        json.key("results")
        json.raw("[")
        for (index, result) in results.enumerated() {
            if index > 0 { json.raw(",") }
            json.raw("{")
            json.member("id", result.id, first: true)
            json.member("name", result.name)
            json.member("outcome", result.outcome.rawValue)
            json.member("detail", result.detail)
            json.member("milliseconds", number: result.milliseconds)
            json.raw("}")
        }
        json.raw("]}\n")
        return json.text
    }

    /// For people: one line each, what was seen only where it is not plainly right.
    package var table: String {
        let width = results.map { $0.id.count }.max() ?? 0
        var text = ""
        for result in results {
            let mark =
                switch result.outcome {
                case .passed: "pass"
                case .failed: "FAIL"
                case .inconclusive: "  ? "
                }
            text += "\(mark)  \(result.id.padded(width))  \(result.name)"
            if !result.detail.isEmpty { text += ": \(Self.line(result.detail))" }
            text += "\n"
        }
        let passed = results.count - failedCount - inconclusiveCount
        return text + "\(name): \(passed) passed, \(failedCount) failed, \(inconclusiveCount) inconclusive\n"
    }

    private static func line(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }

    /// Escapes markup; characters XML 1.0 cannot carry become a replacement character.
    private static func xml(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "\n", "\r", "\t": out += "&#\(scalar.value);"
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: out += "\u{FFFD}"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}

extension String {
    func padded(_ width: Int) -> String {
        count >= width ? self : self + String(repeating: " ", count: width - count)
    }
}
