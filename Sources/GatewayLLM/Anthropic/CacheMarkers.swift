import GatewayWire

/// Cache markers of a Messages request: on tools, on `system`, on the blocks of messages and of tool results.
extension JSONObject {
    var cacheMarkerCount: Int {
        CacheMarkers.order.reduce(0) { $0 + (self[$1].map(CacheMarkers.count) ?? 0) }
    }

    /// Removes the first `excess` markers in the order in which the provider reads them.
    mutating func removeCacheMarkers(_ excess: inout Int) {
        for name in CacheMarkers.order where excess > 0 {
            guard var items = self[name] else { continue }
            CacheMarkers.remove(&items, &excess)
            self[name] = items
        }
    }
}

private enum CacheMarkers {
    static let order = ["tools", "system", "messages"]

    static func count(_ tree: JSONTree) -> Int {
        if let items = tree.array { return items.reduce(0) { $0 + count($1) } }
        return (tree["cache_control"] == nil ? 0 : 1) + (tree["content"].map(count) ?? 0)
    }

    static func remove(_ tree: inout JSONTree, _ excess: inout Int) {
        guard excess > 0 else { return }
        switch tree {
        case .array(var items):
            for index in items.indices { remove(&items[index], &excess) }
            tree = .array(items)
        case .object(var object):
            if var content = object["content"], content.array != nil {
                remove(&content, &excess)
                object["content"] = content
            }
            if excess > 0, object["cache_control"] != nil {
                object["cache_control"] = nil
                excess -= 1
            }
            tree = .object(object)
        default: break
        }
    }
}
