import GatewayWire

/// What clients and servers can, without what the gateway does not carry.
enum Capabilities {
    /// The extension of the revision where requests stand for themselves.
    static let tasks = "io.modelcontextprotocol/tasks"

    /// Of a client. Tasks that servers might begin at it are left out: nobody follows them. `keepsTasks`: that it knows
    /// those of servers stays in.
    static func known(_ json: [UInt8], keepsTasks: Bool = false) -> [UInt8] {
        guard json.count > 16, let object = (try? JSONTree.parse(json))?.object else { return json }
        return JSONTree.object(known(object, keepsTasks: keepsTasks)).bytes
    }

    static func known(_ object: JSONObject, keepsTasks: Bool) -> JSONObject {
        var object = object
        object["tasks"] = nil
        if !keepsTasks, var extensions = object["extensions"]?.object {
            extensions[tasks] = nil
            object["extensions"] = extensions.isEmpty ? nil : .object(extensions)
        }
        return object
    }

    /// Of a server with sessions, towards a client of the same time: what of its tasks the gateway carries.
    static func sessionTasks(_ object: JSONObject) -> JSONObject {
        var known = known(object, keepsTasks: false)
        guard let own = object["tasks"]?.object, own["requests"]?["tools"]?["call"]?.object != nil else { return known }
        var shown: JSONObject = ["requests": ["tools": ["call": [:]]]]
        if own["cancel"] != nil { shown["cancel"] = [:] }
        // Answered by the gateway, which knows whose they are.
        shown["list"] = [:]
        known["tasks"] = .object(shown)
        return known
    }

    static func knowsTasks(_ json: [UInt8]) -> Bool {
        guard json.count > tasks.utf8.count, let object = (try? JSONTree.parse(json))?.object else { return false }
        return object["extensions"]?[tasks]?.object != nil
    }
}
