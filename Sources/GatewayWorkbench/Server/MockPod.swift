/// Who a mock says it is, in the words of the conformance suite's echo backend.
package struct MockPod: Sendable, Hashable {
    package var namespace: String
    package var ingress: String
    package var service: String
    package var pod: String

    package init(namespace: String = "default", ingress: String = "", service: String = "", pod: String = "mock-0") {
        self.namespace = namespace
        self.ingress = ingress
        self.service = service
        self.pod = pod
    }
}
