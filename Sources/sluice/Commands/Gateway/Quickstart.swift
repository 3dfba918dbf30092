/// What `sluice run` serves when it is given nothing: an answer to every request.
enum Quickstart {
    static let name = "quickstart"

    static let text = """
        # sluice run, without -f. Save it as gateway.yaml, change it, and serve it with: sluice run -f gateway.yaml
        apiVersion: gateway.networking.k8s.io/v1
        kind: Gateway
        metadata: {name: edge}
        spec:
          gatewayClassName: sluice
          listeners: [{name: http, protocol: HTTP, port: 8080}]
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: hello}
        spec:
          parentRefs: [{name: edge}]
          rules:
            - matches: [{path: {type: PathPrefix, value: /}}]
              filters:
                - type: ExtensionRef
                  extensionRef: {group: sluice.dev, kind: DirectResponse, name: hello}
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: DirectResponse
        metadata: {name: hello}
        spec:
          status: 200
          headers: [{name: content-type, value: text/plain; charset=utf-8}]
          body: |
            hello from sluice: this answer came from the quickstart's DirectResponse
        """
}
