import GatewayModel

extension LiteLLMImport {
    /// `model_list`: deployments of one `model_name` are the targets of one model.
    mutating func readModels(_ list: ConfigNode) {
        for entry in list.elements ?? [] {
            guard let name = entry["model_name"]?.string, let params = entry["litellm_params"],
                let written = params["model"]?.string
            else {
                drop(
                    .missingField, at: entry.position, "an entry without model_name and litellm_params.model left out")
                continue
            }
            guard let split = LiteLLMVendor.split(written) else {
                let vendor = written.split(separator: "/").first.map(String.init) ?? written
                drop(
                    .unsupportedValue, at: params["model"]?.position ?? entry.position,
                    "model \"\(written)\" of \"\(name)\" left out: no dialect of \(vendor)",
                    hint: "OpenAI's and Anthropic's are spoken, and by vendors compatible with them")
                continue
            }
            read(entry, name, params, split)
        }
    }

    private mutating func read(
        _ entry: ConfigNode, _ name: String, _ params: ConfigNode, _ split: (vendor: LiteLLMVendor, model: String)
    ) {
        guard let provider = provider(params, split.vendor, of: name) else { return }
        var target: [(String, ConfigNode)] = [("provider", .text(provider))]
        let literal = name.hasSuffix("*") ? String(name.dropLast()) : nil
        if let literal, split.model.hasSuffix("*"), !literal.contains("*") {
            // What the star of the name takes is what the star of the model becomes.
            if split.model != name { target.append(("model", .text(split.model))) }
            if !literal.isEmpty, split.model != name { target.append(("stripPrefix", .text(literal))) }
        } else if name.contains("*") != split.model.contains("*") || name.filter({ $0 == "*" }).count > 1 {
            return drop(
                .unsupportedValue, at: entry.position, "wildcards of \"\(name)\" and \"\(split.model)\" left out",
                hint: "a * at the end of both is carried")
        } else {
            target.append(("model", .text(split.model)))
        }
        if let weight = params["weight"].flatMap(Self.integer) { target.append(("weight", .integer(weight))) }
        // LiteLLM's order begins with 1.
        if let order = params["order"].flatMap(Self.integer) {
            target.append(("priority", .integer(min(100, max(0, order - 1)))))
        }
        if let price = targetPrice(entry, params, split) { target.append(("price", price)) }
        let index = place(of: name)
        models[index].targets.append(.object(target))
        if models[index].context == nil, let entry = prices.entry([params["model"]?.string ?? "", split.model]) {
            models[index].context = LiteLLMPrices.context(entry)
        }
        readLimits(params, index)
        reportRest(entry, params, name)
    }

    private mutating func place(of name: String) -> Int {
        if let index = models.firstIndex(where: { $0.name == name }) { return index }
        models.append(Model(name: name))
        return models.count - 1
    }

    /// The entry's own rates, else the price map's.
    private mutating func targetPrice(
        _ entry: ConfigNode, _ params: ConfigNode, _ split: (vendor: LiteLLMVendor, model: String)
    ) -> ConfigNode? {
        let own = ConfigNode(
            .mapping(
                ((params.fields ?? []) + (entry["model_info"]?.fields ?? [])).filter { $0.key.contains("cost") }))
        if own.fields?.isEmpty == false, let price = price(own, of: split.model) { return price }
        guard let known = prices.entry([params["model"]?.string ?? "", split.model]) else { return nil }
        return price(known, of: split.model)
    }

    private mutating func readLimits(_ params: ConfigNode, _ index: Int) {
        models[index].requestsPerMinute.append(params["rpm"].flatMap(Self.integer))
        models[index].tokensPerMinute.append(params["tpm"].flatMap(Self.integer))
        for (name, ours) in [("timeout", "total"), ("stream_timeout", "firstToken")] {
            guard let node = params[name] else { continue }
            guard let text = Self.duration(node) else {
                reportValue(node, name)
                continue
            }
            if !models[index].timeouts.contains(where: { $0.0 == ours }) {
                models[index].timeouts.append((ours, .text(text)))
            }
        }
    }

    private mutating func reportRest(_ entry: ConfigNode, _ params: ConfigNode, _ name: String) {
        let known: Set<String> = [
            "model", "api_key", "api_base", "base_url", "rpm", "tpm", "order", "weight", "timeout", "stream_timeout",
            "organization", "extra_headers",
        ]
        for field in params.fields ?? [] where !known.contains(field.key) && !field.key.contains("cost") {
            note(
                .unsupportedValue, at: field.keyPosition, "litellm_params.\(field.key) of \"\(name)\" left out",
                hint: "there is nothing that corresponds")
        }
        for field in entry.fields ?? []
        where !["model_name", "litellm_params", "model_info"].contains(field.key) {
            note(.unsupportedValue, at: field.keyPosition, "\(field.key) of \"\(name)\" left out")
        }
    }

    // MARK: Providers

    /// The provider of an entry: one object for each place, key and set of fields. Nil when it cannot be called.
    private mutating func provider(_ params: ConfigNode, _ vendor: LiteLLMVendor, of model: String) -> String? {
        var fields: [(String, ConfigNode)] = [("dialect", .text(vendor.dialect))]
        guard let url = baseURL(params, vendor, of: model) else { return nil }
        fields.append(("baseURL", .text(url)))
        if let credential = credential(params, vendor, of: model) { fields.append(("credential", credential)) }
        if let organization = params["organization"]?.string, vendor.dialect == "openai" {
            fields.append(("organization", .text(organization)))
        }
        if let headers = params["extra_headers"]?.fields, !headers.isEmpty {
            let list = headers.compactMap { field -> ConfigNode? in
                guard !ModelProviderSpec.credentialFields.contains(field.key.lowercased()),
                    let value = field.value.string
                else {
                    note(
                        .unsupportedValue, at: field.keyPosition, "extra_headers.\(field.key) of \"\(model)\" left out",
                        hint: "a credential belongs into credential")
                    return nil
                }
                return .object([("name", .text(field.key)), ("value", .text(value))])
            }
            if !list.isEmpty { fields.append(("headers", .list(list))) }
        }
        let wanted = ConfigNode.object(fields)
        if let known = providers.first(where: { ConfigNode.object($0.fields) == wanted }) { return known.name }
        let base = ImportedObject.name(vendor.prefix)
        let count = providers.count { $0.name == base || $0.name.hasPrefix("\(base)-") }
        let name = count == 0 ? base : "\(base)-\(count + 1)"
        providers.append(Provider(name: name, fields: fields))
        return name
    }

    private mutating func baseURL(_ params: ConfigNode, _ vendor: LiteLLMVendor, of model: String) -> String? {
        let node = params["api_base"] ?? params["base_url"]
        guard let written = node?.string else {
            if let url = vendor.baseURL { return url }
            drop(
                .missingField, at: params.position, "\"\(model)\" left out: \(vendor.prefix) needs an api_base",
                hint: "add it, or write the ModelProvider by hand")
            return nil
        }
        if written.hasPrefix("os.environ/") {
            drop(
                .unsupportedValue, at: node?.position ?? params.position,
                "\"\(model)\" left out: its api_base is an environment variable",
                hint: "write the URL itself; only keys come from the environment")
            return nil
        }
        do throws(GatewayError) { _ = try OutboundURL(written) } catch {
            drop(.invalidValue, at: node?.position ?? params.position, "\"\(model)\" left out: \(error.message)")
            return nil
        }
        return written
    }

    /// The variable for a key that stood in the file. A place of its own gets one of its own: the vendor's key must
    /// not go there.
    private static func variable(_ params: ConfigNode, _ vendor: LiteLLMVendor) -> String {
        let url = (params["api_base"] ?? params["base_url"])?.string
        if url == nil, let variable = vendor.keyVariable { return variable }
        let place = url.flatMap { try? OutboundURL($0) }?.host ?? vendor.prefix
        let words = ImportedObject.name(place).split(separator: "-")
        return "KEY_FOR_" + words.joined(separator: "_").uppercased()
    }

    private mutating func credential(
        _ params: ConfigNode, _ vendor: LiteLLMVendor, of model: String
    ) -> ConfigNode? {
        guard let node = params["api_key"], let written = node.string else {
            return vendor.keyVariable.map { .object([("env", .text($0))]) }
        }
        if written.hasPrefix("os.environ/") {
            return .object([("env", .text(String(written.dropFirst("os.environ/".count))))])
        }
        let variable = Self.variable(params, vendor)
        // The key itself is not said, here or anywhere.
        note(
            .unsupportedValue, at: node.position, "the key of \"\(model)\" stands in the file and is not carried",
            hint: "set \(variable) to it")
        return .object([("env", .text(variable))])
    }
}
