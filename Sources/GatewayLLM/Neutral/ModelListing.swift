import GatewayWire

/// The models a caller may use, as either API lists them.
package struct ModelListing: Sendable {
    package struct Model: Sendable, Equatable {
        package var id: String
        package var displayName: String
        package var createdSeconds: Int
        package var ownedBy: String

        package init(id: String, displayName: String, createdSeconds: Int, ownedBy: String = "sluice") {
            self.id = id
            self.displayName = displayName
            self.createdSeconds = createdSeconds
            self.ownedBy = ownedBy
        }
    }

    /// Which part of the list an Anthropic client asks for.
    package struct Page: Sendable {
        package var afterID: String?
        package var beforeID: String?
        /// 1 to 1000.
        package var limit = 20

        package init(afterID: String? = nil, beforeID: String? = nil, limit: Int = 20) {
            self.afterID = afterID
            self.beforeID = beforeID
            self.limit = min(max(limit, 1), 1000)
        }
    }

    package var models: [Model]

    package init(_ models: [Model]) { self.models = models }

    /// The body of `GET /v1/models`. OpenAI's list has no pages.
    package func body(for api: ConversationAPI, page: Page = Page()) -> [UInt8] {
        switch api {
        case .chatCompletions, .responses:
            let data = models.map(ModelListing.openAI)
            return (["object": "list", "data": .array(data)] as JSONTree).bytes
        case .messages:
            let (shown, hasMore) = part(page)
            return
                ([
                    "data": .array(shown.map(ModelListing.anthropic)), "has_more": .bool(hasMore),
                    "first_id": shown.first.map { .text($0.id) } ?? .null,
                    "last_id": shown.last.map { .text($0.id) } ?? .null,
                ] as JSONTree).bytes
        }
    }

    /// The body of `GET /v1/models/{id}`; nil if there is no such model.
    package func body(of id: String, for api: ConversationAPI) -> [UInt8]? {
        guard let model = models.first(where: { $0.id == id }) else { return nil }
        return (api == .messages ? ModelListing.anthropic(model) : ModelListing.openAI(model)).bytes
    }

    private func part(_ page: Page) -> (models: [Model], hasMore: Bool) {
        var slice = models[...]
        if let id = page.afterID, let index = slice.firstIndex(where: { $0.id == id }) {
            slice = slice[(index + 1)...]
        }
        if let id = page.beforeID, let index = slice.firstIndex(where: { $0.id == id }) {
            slice = slice[..<index]
            return (Array(slice.suffix(page.limit)), slice.count > page.limit)
        }
        return (Array(slice.prefix(page.limit)), slice.count > page.limit)
    }

    private static func openAI(_ model: Model) -> JSONTree {
        [
            "id": .text(model.id), "object": "model", "created": .integer(model.createdSeconds),
            "owned_by": .text(model.ownedBy),
        ]
    }

    private static func anthropic(_ model: Model) -> JSONTree {
        [
            "type": "model", "id": .text(model.id), "display_name": .text(model.displayName),
            "created_at": .text(timestamp(model.createdSeconds)), "lifecycle": "active",
        ]
    }

    /// RFC 3339 in UTC.
    static func timestamp(_ seconds: Int) -> String {
        let day = Int((Double(seconds) / 86400).rounded(.down))
        let rest = seconds - day * 86400
        // Days since 0000-03-01, so that a leap day ends a year (the civil calendar from days).
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let dayOfMonth = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        func padded(_ value: Int, _ width: Int = 2) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
        }
        return padded(year, 4) + "-" + padded(month) + "-" + padded(dayOfMonth) + "T" + padded(rest / 3600) + ":"
            + padded(rest / 60 % 60) + ":" + padded(rest % 60) + "Z"
    }
}
