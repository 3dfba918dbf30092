import GatewayModel

@testable import GatewayControl

/// The configuration that the first milestone promises to work as written.
let exampleText = """
    apiVersion: gateway.networking.k8s.io/v1
    kind: Gateway
    metadata: {name: edge}
    spec:
      gatewayClassName: sluice
      listeners: [{name: http, protocol: HTTP, port: 8080}]
    ---
    apiVersion: gateway.networking.k8s.io/v1
    kind: HTTPRoute
    metadata: {name: app}
    spec:
      parentRefs: [{name: edge}]
      rules:
        - matches: [{path: {type: PathPrefix, value: /}}]
          backendRefs: [{group: sluice.dev, kind: Backend, name: app}]
    ---
    apiVersion: sluice.dev/v1alpha1
    kind: Backend
    metadata: {name: app}
    spec: {endpoints: [{host: 127.0.0.1, port: 9000}]}

    """

/// Reads a text as a file of the given name.
func load(
    _ text: String, file: String = "app.yaml", mode: AnalysisMode = .strict, limits: Limits = .standard
) -> ConfigurationLoad {
    ConfigurationLoad(
        texts: [ConfigurationLoad.Text(bytes: Array(text.utf8), file: file)], mode: mode, limits: limits)
}

/// The example with one text replaced.
func example(replacing part: String, with other: String) -> String {
    let index = exampleText.firstRange(of: part)
    guard let index else { return "the example does not contain: \(part)" }
    return exampleText.replacingCharacters(in: index, with: other)
}

extension String {
    fileprivate func firstRange(of part: String) -> Range<String.Index>? {
        var index = startIndex
        while index < endIndex {
            if self[index...].hasPrefix(part) { return index..<self.index(index, offsetBy: part.count) }
            index = self.index(after: index)
        }
        return nil
    }

    fileprivate func replacingCharacters(in range: Range<String.Index>, with other: String) -> String {
        self[..<range.lowerBound] + other + self[range.upperBound...]
    }
}
