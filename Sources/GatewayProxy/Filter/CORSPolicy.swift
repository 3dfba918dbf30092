/// Gateway API `CORS` filter, compiled.
package struct CORSPolicy: Sendable {
    package init() {}
}
