/// The process at the other end of a unix socket, as the kernel tells it.
package struct LocalPeer: Sendable, Equatable {
    package var processID: Int32
    package var userID: UInt32
    package var groupID: UInt32

    package init(processID: Int32, userID: UInt32, groupID: UInt32) {
        self.processID = processID
        self.userID = userID
        self.groupID = groupID
    }
}
