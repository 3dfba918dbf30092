/// A Kubernetes Secret. Its values cannot be printed.
package struct SecretObject: Sendable {
    package var metadata: ObjectMeta
    package var type: String
    package var data: [String: Secret]
}
