/// Texts and bytes by name; certificates of authorities live here.
package struct ConfigMap: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var data: [String: String]
    package var binaryData: [String: Base64Bytes]
}
