/// A namespace; its labels are what listeners select by.
package struct Namespace: Sendable, Equatable {
    package var metadata: ObjectMeta
}
