/// The JSON answer of the conformance suite's `echo-basic`
/// (sigs.k8s.io/gateway-api/conformance/echo-basic): same fields, Go's header names, keys in order.
enum EchoDocument {
    static func text(_ request: MockRequest, pod: MockPod, port: Int) -> String {
        var json = JSONText()
        json.raw("{")
        json.member("path", request.target, first: true)
        json.member("host", request.host)
        json.member("method", request.method)
        json.member("proto", request.proto)
        json.key("headers")
        headers(request.headers, into: &json)
        json.member("httpPort", "\(port)")
        json.member("namespace", pod.namespace)
        json.member("ingress", pod.ingress)
        json.member("service", pod.service)
        json.member("pod", pod.pod)
        if let tls = request.tls {
            json.key("tls")
            json.raw("{")
            json.member("version", tls.version, first: true)
            json.member("serverName", tls.serverName)
            json.member("negotiatedProtocol", tls.negotiatedProtocol)
            json.key("peerCertificates")
            strings(tls.peerCertificates, into: &json)
            json.raw("}")
        }
        json.raw("}\n")
        return json.text
    }

    private static func headers(_ headers: [Header], into json: inout JSONText) {
        var values: [String: [String]] = [:]
        for header in headers where !header.named("host") {
            values[canonicalHeaderName(header.name), default: []].append(header.value)
        }
        json.raw("{")
        for (index, name) in values.keys.sorted().enumerated() {
            json.key(name, first: index == 0)
            strings(values[name] ?? [], into: &json)
        }
        json.raw("}")
    }

    private static func strings(_ list: [String], into json: inout JSONText) {
        json.raw("[")
        for (index, item) in list.enumerated() {
            if index > 0 { json.raw(",") }
            json.string(item)
        }
        json.raw("]")
    }
}
